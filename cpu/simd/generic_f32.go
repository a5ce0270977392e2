package simd

import "math"

// The kernels in the generic_*.go files are plain Go, compiled on every
// platform under their own names: they run where there is no assembly and are
// the oracle where there is. They are excluded from the race detector because
// searches read rows while a writer replaces one in place; the assembly does
// the same unseen, and callers check a row's stamp after reading it.

// dotF32Generic sums in four lanes: one running sum would wait four cycles for
// every addition.
//
//go:norace
func dotF32Generic(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

//go:norace
func l2F32Generic(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		d0, d1, d2, d3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
	}
	for ; i < len(a); i++ {
		d := a[i] - b[i]
		s0 += d * d
	}
	return (s0 + s1) + (s2 + s3)
}

//go:norace
func dotRowsF32Generic(q, rows []float32, stride int, out []float32) {
	for i := range out {
		out[i] = dotF32Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func l2RowsF32Generic(q, rows []float32, stride int, out []float32) {
	for i := range out {
		out[i] = l2F32Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func dotGatherF32Generic(q, rows []float32, stride int, ids []uint32, out []float32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = dotF32Generic(q, rows[at:at+len(q)])
	}
}

//go:norace
func l2GatherF32Generic(q, rows []float32, stride int, ids []uint32, out []float32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = l2F32Generic(q, rows[at:at+len(q)])
	}
}

// lessF32Generic rounds once, as the fused instruction does: the product is
// exact in float64, and for the factors in use (1 and -1) so is the sum's
// rounding.
func lessF32Generic(d []float32, mul, add, limit float32, mask []uint64) {
	for w := range (len(d) + 63) / 64 {
		var bits uint64
		for i := 64 * w; i < min(64*w+64, len(d)); i++ {
			v := float32(math.FMA(float64(mul), float64(d[i]), float64(add)))
			d[i] = v
			if v < limit {
				bits |= 1 << (i % 64)
			}
		}
		mask[w] = bits
	}
}
