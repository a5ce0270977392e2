//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

func takeOffF32(dst, v, rows, by []float32) {
	if cpulevel.Now == cpulevel.Generic || len(dst)%mixStep != 0 {
		takeOffGeneric(dst, v, rows, by)
		return
	}
	takeOffF32AVX2(unsafe.SliceData(dst), unsafe.SliceData(v), unsafe.SliceData(rows), unsafe.SliceData(by),
		len(dst), len(by))
}

func mixF32(v, factors []float32, window, rounds int) (largest float32) {
	if cpulevel.Now == cpulevel.Generic {
		return mixGeneric(v, factors, window, rounds)
	}
	return mixF32AVX2(unsafe.SliceData(v), unsafe.SliceData(factors), len(v), window, MixHalf(len(v)), rounds)
}
