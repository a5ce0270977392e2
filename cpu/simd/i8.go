package simd

// The int8 kernels take symmetric codes in [-128, 127] and are exact. Sums are
// kept modulo 2^32: a Dot… of up to 65,536 components never wraps, an L2… of
// more than 33,025 may, and is exact then as uint32(result).
//
// Squared distances of unsigned codes are the same after both sides are shifted
// by 128, so they have no functions of their own. DotRowsU8I8 and DotGatherU8I8
// are for asymmetric codes: rows hold c = round((x-lo)/step) in [0, 255], the
// query is folded with the steps and quantised to int8, and the caller adds the
// constant term. They map onto VNNI without a correction term.

// DotI8 returns the inner product of a and b, of equal length.
func DotI8(a, b []int8) int32 {
	checkPair(len(a), len(b))
	return dotI8(a, b)
}

// L2I8 returns the squared distance of a and b, of equal length.
func L2I8(a, b []int8) int32 {
	checkPair(len(a), len(b))
	return l2I8(a, b)
}

// DotRowsI8 sets out[i] to the inner product of q and rows[i*stride:].
func DotRowsI8(q, rows []int8, stride int, out []int32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride); len(out) > step; {
		dotRowsI8(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	dotRowsI8(q, rows, stride, out)
}

// L2RowsI8 sets out[i] to the squared distance of q and rows[i*stride:].
func L2RowsI8(q, rows []int8, stride int, out []int32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride); len(out) > step; {
		l2RowsI8(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	l2RowsI8(q, rows, stride, out)
}

// DotGatherI8 sets out[i] to the inner product of q and rows[ids[i]*stride:].
// ids are trusted.
func DotGatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	for step := callRows(len(q)); len(out) > step; {
		dotGatherI8(q, rows, stride, ids, out[:step])
		ids, out = ids[step:], out[step:]
	}
	dotGatherI8(q, rows, stride, ids, out)
}

// L2GatherI8 is DotGatherI8 with squared distances.
func L2GatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	for step := callRows(len(q)); len(out) > step; {
		l2GatherI8(q, rows, stride, ids, out[:step])
		ids, out = ids[step:], out[step:]
	}
	l2GatherI8(q, rows, stride, ids, out)
}

// DotRowsU8I8 is DotRowsI8 over unsigned codes.
func DotRowsU8I8(q []int8, rows []uint8, stride int, out []int32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride); len(out) > step; {
		dotRowsU8I8(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	dotRowsU8I8(q, rows, stride, out)
}

// DotGatherU8I8 is DotGatherI8 over unsigned codes.
func DotGatherU8I8(q []int8, rows []uint8, stride int, ids []uint32, out []int32) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	for step := callRows(len(q)); len(out) > step; {
		dotGatherU8I8(q, rows, stride, ids, out[:step])
		ids, out = ids[step:], out[step:]
	}
	dotGatherU8I8(q, rows, stride, ids, out)
}
