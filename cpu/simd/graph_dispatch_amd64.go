//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

func gathersAhead() bool { return cpulevel.Now != cpulevel.Generic }

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
