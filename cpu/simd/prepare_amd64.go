//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

// The functions here do the first of the components and return how many.

func centreF32(dst, v, mean []float32) (done int, largest, squares float32) {
	if cpulevel.Now == cpulevel.Generic {
		return 0, 0, 0
	}
	done = len(dst) &^ 15
	largest, squares = centreF32AVX2(unsafe.SliceData(dst), unsafe.SliceData(v), unsafe.SliceData(mean), done)
	return done, largest, squares
}

func scaleI32(dst []float32, v []int32, shift int32, scale float32) (done int, largest, squares float32) {
	if cpulevel.Now == cpulevel.Generic {
		return 0, 0, 0
	}
	done = len(dst) &^ 15
	largest, squares = scaleI32AVX2(unsafe.SliceData(dst), unsafe.SliceData(v), done, shift, scale)
	return done, largest, squares
}

func roundI8(dst []int8, v []float32, by float32) (done int, sum int32) {
	if cpulevel.Now == cpulevel.Generic {
		return 0, 0
	}
	done = len(dst) &^ 7
	return done, roundI8AVX2(unsafe.SliceData(dst), unsafe.SliceData(v), done, by)
}

//go:norace
func widenU4(dst []int8, row []uint8) (sum int32) {
	if cpulevel.Now == cpulevel.Generic {
		return widenU4Generic(dst, row)
	}
	return widenU4AVX2(unsafe.SliceData(dst), unsafe.SliceData(row), len(row))
}
