//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

//go:norace
func scoreGatherU8(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	count := len(out)
	// Wider rows are fetched while others are computed, which this kernel leaves out.
	if cpulevel.Now != cpulevel.AVX512 || count == 0 || len(q) > 512 {
		scoreRest(q, rows, ids, s, out)
		return
	}
	if whole := count &^ 3; cap(out)-whole < 4 && whole < count { // four are written at a time
		scoreRest(q, rows, ids[whole:], s, out[whole:])
		if count = whole; count == 0 {
			return
		}
	}
	scoreU8AVX512(unsafe.SliceData(q), unsafe.SliceData(rows), len(q), unsafe.SliceData(ids), count,
		s.Shift, s.Scale, s.Bias, s.Offset, unsafe.SliceData(out))
}

func freshRows(list []uint32, marks []uint64, ids []uint32, rows []uint8, stride, lines int) int {
	return freshBase(unsafe.SliceData(list), len(list), unsafe.SliceData(marks), len(marks),
		unsafe.SliceData(ids), unsafe.SliceData(rows), stride, lines)
}

func prefetch(p []uint32, lines int) {
	prefetchBase((*byte)(unsafe.Pointer(unsafe.SliceData(p))), lines)
}

func fetchRows(ids []uint32, rows []uint8, stride, lines int) {
	fetchRowsBase(unsafe.SliceData(ids), len(ids), unsafe.SliceData(rows), stride, lines)
}
