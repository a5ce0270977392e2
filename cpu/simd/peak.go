package simd

// PeakF32 multiplies and adds float32 vectors, turns times, as fast as one processor
// can at the level in use: without loads, and no sum waits for another. It returns how
// many multiplications that were: 0 where no kernel does. Block products are compared with it.
// The caller cannot be preempted meanwhile: a turn takes some nanoseconds.
func PeakF32(turns int) int {
	if turns < 1 {
		return 0
	}
	return peakF32(turns)
}
