//go:build !amd64 || noasm || !gc

package simd

func havePanels() bool { return false }

func dotPanelF32(panel, rows []float32, stride, count int, out []float32, first int) {
	dotPanelF32Generic(panel, rows, stride, count, out, first)
}

func l2PanelF32(panel, rows []float32, stride, count int, out []float32, first int) {
	l2PanelF32Generic(panel, rows, stride, count, out, first)
}

func lessPanelF32(d []float32, mul, add float32, limits *[PanelQueries]float32, mask []uint32) {
	lessPanelF32Generic(d, mul, add, limits, mask)
}
