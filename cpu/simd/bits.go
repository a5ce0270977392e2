package simd

// Hamming returns the number of differing bits of a and b, of equal length.
func Hamming(a, b []uint64) int32 {
	checkPair(len(a), len(b))
	return hamming(a, b)
}

// HammingRows sets out[i] to the number of bits in which q and the row at
// rows[i*stride] differ; lengths and stride count words.
func HammingRows(q, rows []uint64, stride int, out []int32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride * 8); len(out) > step; {
		hammingRows(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	hammingRows(q, rows, stride, out)
}

// HammingGather is HammingRows over the rows of the given numbers, which are
// trusted.
func HammingGather(q, rows []uint64, stride int, ids []uint32, out []int32) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	for step := callRows(len(q) * 8); len(out) > step; {
		hammingGather(q, rows, stride, ids, out[:step])
		ids, out = ids[step:], out[step:]
	}
	hammingGather(q, rows, stride, ids, out)
}
