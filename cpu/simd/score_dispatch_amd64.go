//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

//go:norace
func scoreGatherU8(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	// Wider rows are fetched while others are computed, which this kernel leaves out.
	if cpulevel.Now != cpulevel.AVX512 || len(q) > 512 {
		scoreRest(q, rows, ids, s, out)
		return
	}
	count := wholeGroups(out)
	if count > 0 {
		scoreU8AVX512(unsafe.SliceData(q), unsafe.SliceData(rows), len(q), unsafe.SliceData(ids), count,
			s.Shift, s.Scale, s.Bias, s.Offset, unsafe.SliceData(out))
	}
	scoreRest(q, rows, ids[count:], s, out[count:])
}

//go:norace
func scoreGatherU4(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	count := wholeGroups(out)
	qp, rp, stride := unsafe.SliceData(q), unsafe.SliceData(rows), len(q)/2
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch {
	case count == 0 || cpulevel.Now == cpulevel.Generic:
		count = 0
	case cpulevel.Now == cpulevel.AVX512:
		scoreU4AVX512(qp, rp, stride, ip, count, s.Shift, s.Scale, s.Bias, s.Offset, op)
	default:
		scoreU4AVX2(qp, rp, stride, ip, count, s.Shift, s.Scale, s.Bias, s.Offset, op)
	}
	scoreU4Generic(q, rows, ids[count:], s, out[count:])
}

//go:norace
func scoreGatherU1(planes []uint64, rows []uint8, ids []uint32, s *Score, out []float32) {
	count := wholeGroups(out)
	qp, rp := (*int8)(unsafe.Pointer(unsafe.SliceData(planes))), unsafe.SliceData(rows)
	ip, op, stride := unsafe.SliceData(ids), unsafe.SliceData(out), 2*len(planes)
	switch {
	case count == 0 || cpulevel.Now == cpulevel.Generic:
		count = 0
	case cpulevel.Now == cpulevel.AVX512 && cpulevel.CountsBits():
		scoreU1AVX512(qp, rp, stride, ip, count, s.Shift, s.Scale, s.Bias, s.Offset, op)
	default:
		scoreU1AVX2(qp, rp, stride, ip, count, s.Shift, s.Scale, s.Bias, s.Offset, op)
	}
	scoreU1Generic(planes, rows, ids[count:], s, out[count:])
}

// wholeGroups is how many results of out the kernels can compute, which write four
// at a time: all, where there is room behind the last.
func wholeGroups(out []float32) int {
	whole := len(out) &^ 3
	if cap(out)-whole >= 4 {
		return len(out)
	}
	return whole
}
