//go:build amd64 && !noasm && gc

package simd

import "github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"

// The rows that pass over a panel together.
const (
	panelGroup     = 12 // with AVX-512
	panelGroupAVX2 = 3
)

func havePanels() bool { return cpulevel.Now != cpulevel.Generic }

func dotPanelF32(panel, rows []float32, stride, count int, out []float32, first int) {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotPanelF32AVX512(&panel[0], len(panel)/PanelQueries, &rows[0], stride*4, &out[0], count, first,
			ahead(panelGroup, stride, first))
	case cpulevel.AVX2:
		dotPanelF32AVX2(&panel[0], len(panel)/PanelQueries, &rows[0], stride*4, &out[0], count, first,
			ahead(panelGroupAVX2, stride, first))
	default:
		dotPanelF32Generic(panel, rows, stride, count, out, first)
	}
}

func l2PanelF32(panel, rows []float32, stride, count int, out []float32, first int) {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2PanelF32AVX512(&panel[0], len(panel)/PanelQueries, &rows[0], stride*4, &out[0], count, first,
			ahead(panelGroup, stride, first))
	case cpulevel.AVX2:
		l2PanelF32AVX2(&panel[0], len(panel)/PanelQueries, &rows[0], stride*4, &out[0], count, first,
			ahead(panelGroupAVX2, stride, first))
	default:
		l2PanelF32Generic(panel, rows, stride, count, out, first)
	}
}

func lessPanelF32(d []float32, mul, add float32, limits *[PanelQueries]float32, mask []uint32) {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		lessPanelF32AVX512(&d[0], len(mask), mul, add, &limits[0], &mask[0])
	case cpulevel.AVX2:
		lessPanelF32AVX2(&d[0], len(mask), mul, add, &limits[0], &mask[0])
	default:
		lessPanelF32Generic(d, mul, add, limits, mask)
	}
}

// ahead is where the share of the next group of rows begins in a block of components
// that starts at component first: the blocks fetch them in turn, all of a row or not.
func ahead(group, stride, first int) int { return group*4*stride - 4*first + group*4*first }
