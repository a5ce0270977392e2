//go:build amd64 && !noasm && gc

package simd

import "github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"

func havePanels() bool { return cpulevel.Now == cpulevel.AVX512 }

func dotPanelF32(panel, rows []float32, stride, count int, out []float32, first int) {
	if cpulevel.Now != cpulevel.AVX512 {
		dotPanelF32Generic(panel, rows, stride, count, out, first)
		return
	}
	dotPanelF32AVX512(&panel[0], len(panel)/PanelQueries, &rows[0], stride*4, &out[0], count, first,
		ahead(stride, first))
}

func l2PanelF32(panel, rows []float32, stride, count int, out []float32, first int) {
	if cpulevel.Now != cpulevel.AVX512 {
		l2PanelF32Generic(panel, rows, stride, count, out, first)
		return
	}
	l2PanelF32AVX512(&panel[0], len(panel)/PanelQueries, &rows[0], stride*4, &out[0], count, first,
		ahead(stride, first))
}

func lessPanelF32(d []float32, mul, add float32, limits *[PanelQueries]float32, mask []uint32) {
	if cpulevel.Now != cpulevel.AVX512 {
		lessPanelF32Generic(d, mul, add, limits, mask)
		return
	}
	lessPanelF32AVX512(&d[0], len(mask), mul, add, &limits[0], &mask[0])
}

// ahead is where the next twelve rows' share of a block of components begins that
// starts at component first: the blocks fetch them in turn, all of a row or not.
func ahead(stride, first int) int { return 12*4*stride - 4*first + 12*4*first }
