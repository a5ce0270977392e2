//go:build noasm || !gc || !(amd64 || arm64)

package simd

func dotF32(a, b []float32) float32 {
	return dotF32Generic(a, b)
}

func dotRowsF32(q, rows []float32, stride int, out []float32) {
	dotRowsF32Generic(q, rows, stride, out)
}

func dotGatherF32(q, rows []float32, stride int, ids []uint32, out []float32, _ int) {
	dotGatherF32Generic(q, rows, stride, ids, out)
}

func l2F32(a, b []float32) float32 {
	return l2F32Generic(a, b)
}

func l2RowsF32(q, rows []float32, stride int, out []float32) {
	l2RowsF32Generic(q, rows, stride, out)
}

func l2GatherF32(q, rows []float32, stride int, ids []uint32, out []float32, _ int) {
	l2GatherF32Generic(q, rows, stride, ids, out)
}

func dotRowsF16(q []float32, rows []uint16, stride int, out []float32) {
	dotRowsF16Generic(q, rows, stride, out)
}

func dotGatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	dotGatherF16Generic(q, rows, stride, ids, out)
}

func l2RowsF16(q []float32, rows []uint16, stride int, out []float32) {
	l2RowsF16Generic(q, rows, stride, out)
}

func l2GatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	l2GatherF16Generic(q, rows, stride, ids, out)
}

func dotI8(a, b []int8) int32 {
	return dotI8Generic(a, b)
}

func dotRowsI8(q, rows []int8, stride int, out []int32) {
	dotRowsI8Generic(q, rows, stride, out)
}

func dotGatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	dotGatherI8Generic(q, rows, stride, ids, out)
}

func l2I8(a, b []int8) int32 {
	return l2I8Generic(a, b)
}

func l2RowsI8(q, rows []int8, stride int, out []int32) {
	l2RowsI8Generic(q, rows, stride, out)
}

func l2GatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	l2GatherI8Generic(q, rows, stride, ids, out)
}

func dotRowsU8I8(q []int8, rows []uint8, stride int, out []int32) {
	dotRowsU8I8Generic(q, rows, stride, out)
}

func dotGatherU8I8(q []int8, rows []uint8, stride int, ids []uint32, out []int32) {
	dotGatherU8I8Generic(q, rows, stride, ids, out)
}

func hamming(a, b []uint64) int32 {
	return hammingGeneric(a, b)
}

func hammingRows(q, rows []uint64, stride int, out []int32) {
	hammingRowsGeneric(q, rows, stride, out)
}

func hammingGather(q, rows []uint64, stride int, ids []uint32, out []int32) {
	hammingGatherGeneric(q, rows, stride, ids, out)
}

func widenF16([]float32, []uint16) int  { return 0 }
func narrowF16([]uint16, []float32) int { return 0 }
