//go:build (!amd64 && !arm64) || noasm || !gc

package simd

func scoreGatherU8(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	scoreRest(q, rows, ids, s, out)
}

func scoreGatherU4(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	scoreU4Generic(q, rows, ids, s, out)
}

func scoreGatherU1(planes []uint64, rows []uint8, ids []uint32, s *Score, out []float32) {
	scoreU1Generic(planes, rows, ids, s, out)
}
