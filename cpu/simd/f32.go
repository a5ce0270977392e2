package simd

import "math"

// DotF32 returns the inner product of a and b, which have equal length.
func DotF32(a, b []float32) float32 {
	checkPair(len(a), len(b))
	return dotF32(a, b)
}

// L2F32 returns the squared Euclidean distance of a and b, of equal length.
func L2F32(a, b []float32) float32 {
	checkPair(len(a), len(b))
	return l2F32(a, b)
}

// DotRowsF32 sets out[i] to the inner product of q and the row that starts at
// rows[i*stride]. stride >= len(q), in components.
func DotRowsF32(q, rows []float32, stride int, out []float32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride * 4); len(out) > step; {
		dotRowsF32(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	dotRowsF32(q, rows, stride, out)
}

// L2RowsF32 is DotRowsF32 with squared distances.
func L2RowsF32(q, rows []float32, stride int, out []float32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride * 4); len(out) > step; {
		l2RowsF32(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	l2RowsF32(q, rows, stride, out)
}

// DotGatherF32 sets out[i] to the inner product of q and the row that starts at
// rows[ids[i]*stride], for each of len(out) ids. The rows of the next ids are
// fetched into the cache while one group is computed. ids are trusted.
func DotGatherF32(q, rows []float32, stride int, ids []uint32, out []float32) {
	DotGatherAheadF32(q, rows, stride, ids, out, aheadRows(len(q)*4))
}

// DotGatherAheadF32 is DotGatherF32 that fetches rows ahead rows early, MinAhead at
// least: see Fetch.
func DotGatherAheadF32(q, rows []float32, stride int, ids []uint32, out []float32, ahead int) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	ahead = max(ahead, MinAhead)
	for step := callRows(len(q) * 4); len(out) > step; {
		dotGatherF32(q, rows, stride, ids, out[:step], ahead)
		ids, out = ids[step:], out[step:]
	}
	dotGatherF32(q, rows, stride, ids, out, ahead)
}

// L2GatherF32 is DotGatherF32 with squared distances.
func L2GatherF32(q, rows []float32, stride int, ids []uint32, out []float32) {
	L2GatherAheadF32(q, rows, stride, ids, out, aheadRows(len(q)*4))
}

// L2GatherAheadF32 is DotGatherAheadF32 with squared distances.
func L2GatherAheadF32(q, rows []float32, stride int, ids []uint32, out []float32, ahead int) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	ahead = max(ahead, MinAhead)
	for step := callRows(len(q) * 4); len(out) > step; {
		l2GatherF32(q, rows, stride, ids, out[:step], ahead)
		ids, out = ids[step:], out[step:]
	}
	l2GatherF32(q, rows, stride, ids, out, ahead)
}

// NormalizeF32 writes src scaled to unit length into dst, which may be src, and
// returns the length of src. A zero vector is copied and 0 returned; so is one
// whose length is not finite. Sums run in float64, in a fixed order: no finite
// vector overflows or vanishes, and every machine gets the same bits, so that
// replicas agree.
func NormalizeF32(dst, src []float32) (norm float32) {
	checkPair(len(dst), len(src))
	length := math.Sqrt(sumSquares(src))
	if length == 0 || math.IsInf(length, 0) || math.IsNaN(length) {
		copy(dst, src)
		return 0
	}
	inv := 1 / length
	for i, x := range src {
		dst[i] = float32(float64(x) * inv)
	}
	return float32(length)
}

// sumSquares sums in four lanes. The conversions around the products forbid the
// compiler to fuse them into the additions, which arm64 would round otherwise.
func sumSquares(x []float32) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x = x[4:] {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s0 += float64(a * a)
		s1 += float64(b * b)
		s2 += float64(c * c)
		s3 += float64(d * d)
	}
	for _, v := range x {
		s0 += float64(float64(v) * float64(v))
	}
	return (s0 + s1) + (s2 + s3)
}
