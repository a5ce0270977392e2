//go:build !amd64 || noasm || !gc

package simd

func takeOffF32(dst, v, rows, by []float32) { takeOffGeneric(dst, v, rows, by) }

func mixF32(v, factors []float32, window, rounds int) (largest float32) {
	return mixGeneric(v, factors, window, rounds)
}
