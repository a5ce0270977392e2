package cpu

import "github.com/vectorizer-go/vectorizer/cpu/simd"

// source is where the rows of one search come from. Positions 0 to count-1 are
// walked; position and row number differ under a subset.
type source struct {
	count  int
	dim    int
	subset []uint32 // row of each position; nil = the position itself

	stride int       // components from one row to the next
	f32    []float32 // exactly one of f32 and f16 is set, or i8 with scales
	f16    []uint16
	i8     []int8
	scales []float32
}

// inPlace reports whether rows in sequence need no copy to be scored.
func (s *source) inPlace() bool { return s.f32 != nil }

// sequence returns the n rows from number first as float32, stride apart: in
// place where that is possible, else widened into buf, which holds n*dim.
func (s *source) sequence(first, n int, buf []float32) (rows []float32, stride int) {
	if s.inPlace() {
		return s.f32[first*s.stride : (first+n-1)*s.stride+s.dim], s.stride
	}
	for i := range n {
		s.copyRow(buf[i*s.dim:(i+1)*s.dim], first+i)
	}
	return buf[:n*s.dim], s.dim
}

// listed copies the rows of the given numbers into buf.
func (s *source) listed(list []uint32, buf []float32) (rows []float32, stride int) {
	for i, row := range list {
		s.copyRow(buf[i*s.dim:(i+1)*s.dim], int(row))
	}
	return buf[:len(list)*s.dim], s.dim
}

// copyRow writes one row as float32.
func (s *source) copyRow(dst []float32, row int) {
	at := row * s.stride
	switch {
	case s.f32 != nil:
		copyUnseen(dst, s.f32[at:at+s.dim])
	case s.f16 != nil:
		simd.F16ToF32(dst, s.f16[at:at+s.dim])
	default:
		scaleRow(dst, s.i8[at:at+s.dim], s.scales[row])
	}
}

// copyUnseen is copy without telling the race detector: a row may be replaced
// while a search reads it, and the engine checks the row's stamp afterwards. The
// built-in reports its ranges even from here.
//
//go:norace
func copyUnseen(dst, src []float32) {
	dst = dst[:len(src)]
	for ; len(src) >= 4; dst, src = dst[4:], src[4:] {
		dst[0], dst[1], dst[2], dst[3] = src[0], src[1], src[2], src[3]
	}
	if len(src) >= 2 {
		dst[0], dst[1] = src[0], src[1]
		dst, src = dst[2:], src[2:]
	}
	if len(src) == 1 {
		dst[0] = src[0]
	}
}

func scaleRow(dst []float32, src []int8, scale float32) {
	for i, c := range src {
		dst[i] = float32(c) * scale
	}
}
