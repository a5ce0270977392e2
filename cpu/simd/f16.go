package simd

import "math"

// Rows of half floats are IEEE 754 binary16 bit patterns. They are widened
// exactly; the query stays float32 and so do the sums.

// DotRowsF16 is DotRowsF32 over rows of half floats.
func DotRowsF16(q []float32, rows []uint16, stride int, out []float32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride * 2); len(out) > step; {
		dotRowsF16(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	dotRowsF16(q, rows, stride, out)
}

// L2RowsF16 is L2RowsF32 over rows of half floats.
func L2RowsF16(q []float32, rows []uint16, stride int, out []float32) {
	checkRows(len(q), len(rows), stride, len(out))
	for step := callRows(stride * 2); len(out) > step; {
		l2RowsF16(q, rows, stride, out[:step])
		rows, out = rows[step*stride:], out[step:]
	}
	l2RowsF16(q, rows, stride, out)
}

// DotGatherF16 is DotGatherF32 over rows of half floats. ids are trusted.
func DotGatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	for step := callRows(len(q) * 2); len(out) > step; {
		dotGatherF16(q, rows, stride, ids, out[:step])
		ids, out = ids[step:], out[step:]
	}
	dotGatherF16(q, rows, stride, ids, out)
}

// L2GatherF16 is L2GatherF32 over rows of half floats. ids are trusted.
func L2GatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	checkGather(len(q), len(rows), stride, ids, len(out))
	for step := callRows(len(q) * 2); len(out) > step; {
		l2GatherF16(q, rows, stride, ids, out[:step])
		ids, out = ids[step:], out[step:]
	}
	l2GatherF16(q, rows, stride, ids, out)
}

// F16ToF32 widens src into dst, of equal length. Every half float has an exact
// float32.
func F16ToF32(dst []float32, src []uint16) {
	checkPair(len(dst), len(src))
	done := widenF16(dst, src)
	widenF16Generic(dst[done:], src[done:])
}

// F32ToF16 rounds src into dst, of equal length, to nearest even. What exceeds
// 65,504 by half a unit becomes infinite, NaN stays NaN.
func F32ToF16(dst []uint16, src []float32) {
	checkPair(len(dst), len(src))
	done := narrowF16(dst, src)
	narrowF16Generic(dst[done:], src[done:])
}

// f16ToF32 widens one half float: sign, 5 bits of exponent biased by 15, 10 bits
// of fraction.
func f16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exp {
	case 0: // zero and denormals: frac * 2^-24, exact in float32
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1f:
		if frac != 0 {
			frac |= 0x200 // a signalling NaN turns quiet, as in hardware
		}
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// f32ToF16 rounds one float32 to nearest even.
func f32ToF16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign, abs := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN keeps its upper payload and becomes quiet
		return sign | 0x7e00 | uint16(abs>>13&0x3ff)
	case abs >= 0x477ff000: // 65520, halfway to 2^16, and above
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: a multiple of 2^-24, or zero
		// Adding 0.5 aligns the binary point so that the addition rounds.
		v := math.Float32bits(math.Float32frombits(abs) + 0.5)
		return sign | uint16(v-0x3f000000)
	}
	odd := abs >> 13 & 1
	return sign | uint16((abs-112<<23+0xfff+odd)>>13)
}
