package simd

import "fmt"

// PanelQueries is the queries of a panel.
const PanelQueries = 32

// panelBlock is the components that are summed one after the other before their
// sum is added to the others': it bounds the rounding errors that meet in a sum,
// and the part of a panel in use (32 KiB) stays in the first-level cache.
const panelBlock = 256

// HavePanels reports whether products over panels are faster here than register
// tiles, which need no panel.
func HavePanels() bool { return havePanels() }

// PackPanelF32 fills a panel of up to PanelQueries queries of dim components:
// panel[c*PanelQueries+i] is component c of query i, 0 for a query that is not
// there. len(panel) is dim*PanelQueries.
func PackPanelF32(panel, queries []float32, dim int) {
	nq := len(queries) / max(dim, 1)
	if dim < 1 || nq > PanelQueries || len(queries) != nq*dim || len(panel) != dim*PanelQueries {
		panic(fmt.Sprintf("BUG: simd: panel of %d floats for %d floats by %d", len(panel), len(queries), dim))
	}
	if nq < PanelQueries {
		clear(panel)
	}
	for i := range nq {
		for c, x := range queries[i*dim : (i+1)*dim] {
			panel[c*PanelQueries+i] = x
		}
	}
}

// DotPanelF32 sets out[j*PanelQueries+i] to the inner product of query i of a panel
// and row j of count rows of dim components: row j starts at rows[j*stride]. It is
// the block product of exact search for many queries: the lanes are queries, so
// nothing is summed across lanes, and a loaded component of a row meets all of them.
func DotPanelF32(panel []float32, dim int, rows []float32, stride, count int, out []float32) {
	checkPanel(panel, dim, rows, stride, count, out)
	for c := 0; c < dim && count > 0; c += panelBlock {
		n := min(panelBlock, dim-c)
		dotPanelF32(panel[c*PanelQueries:(c+n)*PanelQueries], rows[c:], stride, count, out, c)
	}
}

// L2PanelF32 is DotPanelF32 with squared distances, summed directly.
func L2PanelF32(panel []float32, dim int, rows []float32, stride, count int, out []float32) {
	checkPanel(panel, dim, rows, stride, count, out)
	for c := 0; c < dim && count > 0; c += panelBlock {
		n := min(panelBlock, dim-c)
		l2PanelF32(panel[c*PanelQueries:(c+n)*PanelQueries], rows[c:], stride, count, out, c)
	}
}

// AffineLessPanelF32 sets d[j*PanelQueries+i] to mul times it plus add, rounded
// once, and bit i of mask[j] where the result is below limits[i] (NaN is not).
// There are len(mask) rows.
func AffineLessPanelF32(d []float32, mul, add float32, limits *[PanelQueries]float32, mask []uint32) {
	if len(d) < len(mask)*PanelQueries {
		panic(fmt.Sprintf("BUG: simd: %d results for %d rows of a panel", len(d), len(mask)))
	}
	if len(mask) > 0 {
		lessPanelF32(d[:len(mask)*PanelQueries], mul, add, limits, mask)
	}
}

func checkPanel(panel []float32, dim int, rows []float32, stride, count int, out []float32) {
	if dim < 1 || count < 0 || len(panel) != dim*PanelQueries || len(out) < count*PanelQueries {
		panic(fmt.Sprintf("BUG: simd: panel of %d floats by %d, %d rows, out %d", len(panel), dim, count, len(out)))
	}
	checkRows(dim, len(rows), stride, count)
}
