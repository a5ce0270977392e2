package simd

import "math"

// The panel's functions in plain Go, and the oracle of the others. Components from
// first on are added to the results of those before.

func dotPanelF32Generic(panel, rows []float32, stride, count int, out []float32, first int) {
	for j := range count {
		sums := out[j*PanelQueries : (j+1)*PanelQueries]
		if first == 0 {
			clear(sums)
		}
		for c := range len(panel) / PanelQueries {
			x := rows[j*stride+c]
			for i, q := range panel[c*PanelQueries : (c+1)*PanelQueries] {
				sums[i] += q * x
			}
		}
	}
}

func l2PanelF32Generic(panel, rows []float32, stride, count int, out []float32, first int) {
	for j := range count {
		sums := out[j*PanelQueries : (j+1)*PanelQueries]
		if first == 0 {
			clear(sums)
		}
		for c := range len(panel) / PanelQueries {
			x := rows[j*stride+c]
			for i, q := range panel[c*PanelQueries : (c+1)*PanelQueries] {
				d := q - x
				sums[i] += d * d
			}
		}
	}
}

func lessPanelF32Generic(d []float32, mul, add float32, limits *[PanelQueries]float32, mask []uint32) {
	for j := range mask {
		mask[j] = 0
		for i := range PanelQueries {
			x := &d[j*PanelQueries+i]
			*x = float32(math.FMA(float64(mul), float64(*x), float64(add)))
			if *x < limits[i] {
				mask[j] |= 1 << i
			}
		}
	}
}
