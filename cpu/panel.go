package cpu

import (
	"math"
	"math/bits"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const (
	// panelRows is the rows that a panel passes over before its results are looked
	// at: they and the results stay near, and the kernels' groups, twelve and three, divide it.
	panelRows = 48
	// panelTileBytes bounds rows that are copied together for panels.
	panelTileBytes = 192 << 10
	// panelLeast is the queries from which a panel with places left free is faster
	// than register tiles, which take four queries at a time.
	panelLeast = 24
	// panelLeastRows is the rows from which packing queries pays.
	panelLeastRows = 4 * panelRows
)

// blockOf is how many of the queries that are left pass over count rows together:
// whole panels, or fewer queries than fill one.
func blockOf(left, count int) int {
	const one = simd.PanelQueries
	if !simd.HavePanels() || count < panelLeastRows || left < panelLeast {
		return min(maxBlock, left)
	}
	if left < one+panelLeast {
		return min(one, left)
	}
	return min(maxBlock, left)
}

// pack packs j's queries into panels if that is how they are searched.
func (j *job) pack() {
	queries, dim := len(j.queries)/j.src.dim, j.src.dim
	if !simd.HavePanels() || j.src.count < panelLeastRows || queries < panelLeast {
		j.panels = j.panels[:0]
		return
	}
	const one = simd.PanelQueries
	n := (queries + one - 1) / one
	j.panels = room(j.panels, n*one*dim)
	for b := range n {
		q := j.queries[b*one*dim : min(queries, (b+1)*one)*dim]
		simd.PackPanelF32(j.panels[b*one*dim:(b+1)*one*dim], q, dim)
	}
}

// panelTileRows is how many rows are copied together for panels.
func panelTileRows(dim int) int {
	return min(chunkRows, max(1, panelTileBytes/(4*dim*panelRows))*panelRows)
}

// scorePanels scores c rows, which are the chunk's from t on, against every panel
// and offers them at once.
func (p *part) scorePanels(j *job, rows []float32, stride, c, t int, of numbers) {
	dim := j.src.dim
	for at := 0; at < c; at += panelRows {
		n := min(panelRows, c-at)
		from := rows[at*stride : (at+n-1)*stride+dim]
		for b := 0; b*simd.PanelQueries < len(p.heaps); b++ {
			panel := j.panels[b*simd.PanelQueries*dim : (b+1)*simd.PanelQueries*dim]
			if j.metric == compute.L2 {
				simd.L2PanelF32(panel, dim, from, stride, n, p.dist)
			} else {
				simd.DotPanelF32(panel, dim, from, stride, n, p.dist)
			}
			p.offerPanel(j, b, n, t+at, of)
		}
	}
}

// offerPanel gives the heaps of panel b the n rows of p.dist, the chunk's from t on.
func (p *part) offerPanel(j *job, b, n, t int, of numbers) {
	heaps := p.heaps[b*simd.PanelQueries : min(len(p.heaps), (b+1)*simd.PanelQueries)]
	limits := &p.limits
	for i := range limits {
		limits[i] = float32(math.Inf(-1)) // nothing is below: no such query
		if i < len(heaps) {
			limits[i] = heaps[i].limit()
		}
	}
	mul, add := orientation(j.metric)
	below := p.below[:n]
	simd.AffineLessPanelF32(p.dist, mul, add, limits, below)
	for i := range heaps {
		if len(heaps[i].keys) < heaps[i].k {
			p.fill(j, &heaps[i], i, below, t, of)
		}
	}
	for r, left := range below {
		for ; left != 0; left &= left - 1 {
			i := bits.TrailingZeros32(left)
			d := p.dist[r*simd.PanelQueries+i]
			if !(d < heaps[i].limit()) {
				continue // the heap got better since
			}
			if row, ok := of.row(t+r, j); ok {
				heaps[i].push(makeKey(d, row))
			}
		}
	}
}

// fill gives heap, of query i, the first rows whatever their distance is, until it
// is full, and takes them out of below.
func (p *part) fill(j *job, heap *topK, i int, below []uint32, t int, of numbers) {
	for r := range below {
		if len(heap.keys) == heap.k {
			return
		}
		below[r] &^= 1 << i
		if row, ok := of.row(t+r, j); ok {
			heap.push(makeKey(p.dist[r*simd.PanelQueries+i], row))
		}
	}
}
