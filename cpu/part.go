package cpu

import (
	"math/bits"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const (
	// tileBytes bounds the rows that every query of a block passes over before
	// the next: they and four queries stay in a first-level cache of 32 KiB.
	tileBytes = 24 << 10
	// tileUnit is the rows of a register tile of AVX2, and tileAny what the
	// register tiles of every level divide: rows left over are scored one by one.
	tileUnit, tileAny = 3, 12
	// gatherQueries is the fewest queries for which listed rows are brought
	// together: as many as share a register tile.
	gatherQueries = 4
)

// part is one hand's working memory: heaps, distances of a chunk, and rows of a
// tile that had to be copied. It is reused across searches of any shape.
type part struct {
	heaps []topK
	keys  []key     // memory of the heaps
	dist  []float32 // queries × chunkRows
	tile  []float32 // rows that are not scored in place
	list  []uint32  // rows of a chunk that are scored by number

	limits [simd.PanelQueries]float32 // of a panel's queries
	below  [panelRows]uint32          // which of them a row's distances are below
}

// prepare makes room for j and empties the heaps.
func (p *part) prepare(j *job) {
	queries := len(j.queries) / j.src.dim
	p.keys = room(p.keys, queries*j.k)
	p.heaps = room(p.heaps, queries)
	for q := range p.heaps {
		p.heaps[q] = topK{keys: p.keys[q*j.k : q*j.k : (q+1)*j.k], k: j.k}
	}
	p.dist = room(p.dist, max(queries*chunkRows, panelRows*simd.PanelQueries))
	if j.src.subset != nil || j.skip != nil {
		p.list = room(p.list, chunkRows)
	}
	if !j.src.inPlace() || p.list != nil && queries >= gatherQueries {
		p.tile = room(p.tile, j.tileRows()*j.src.dim)
	}
}

// room returns s with length n, in new memory only if it does not fit.
func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// tileRows is how many rows all queries pass over before the next.
func (j *job) tileRows() int {
	if len(j.panels) > 0 {
		return panelTileRows(j.src.dim)
	}
	return tileRows(j.src.dim)
}

func tileRows(dim int) int {
	unit := tileUnit
	if 4*dim*tileAny <= tileBytes {
		unit = tileAny
	}
	return min(chunkRows, max(1, tileBytes/(4*dim*unit))*unit)
}

// chunk scores the rows at n positions from first against every query.
func (p *part) chunk(j *job, first, n int) {
	var list []uint32
	if j.src.subset != nil || j.skip != nil {
		list = p.remaining(j, first, n)
		if len(list) == 0 {
			return
		}
		if j.src.subset == nil && 4*len(list) > 3*n {
			list = nil // nearly all: reading in sequence is cheaper than by number
		}
	}
	if list != nil {
		n = len(list)
		p.scoreList(j, list)
	} else {
		p.scoreSequence(j, first, n)
	}
	if len(j.panels) > 0 {
		return // they are offered as they are scored
	}
	for q := range p.heaps {
		p.offer(j, &p.heaps[q], numbers{list, first}, p.dist[q*chunkRows:q*chunkRows+n])
	}
}

// remaining lists the rows of a chunk that skip leaves.
func (p *part) remaining(j *job, first, n int) []uint32 {
	list := p.list[:0]
	if j.src.subset != nil {
		for _, row := range j.src.subset[first : first+n] {
			if !skipped(j.skip, row) {
				list = append(list, row)
			}
		}
		return list
	}
	for at, end := first, first+n; at < end; at = (at/64 + 1) * 64 {
		left := ^uint64(0)
		if at/64 < len(j.skip) {
			left = ^j.skip[at/64]
		}
		left &= ^uint64(0) << (at % 64)
		if end-at/64*64 < 64 {
			left &= 1<<(end%64) - 1
		}
		for ; left != 0; left &= left - 1 {
			list = append(list, uint32(at/64*64+bits.TrailingZeros64(left)))
		}
	}
	return list
}

// scoreSequence sets the inner products or squared distances of n rows in
// sequence.
func (p *part) scoreSequence(j *job, first, n int) {
	step := j.tileRows()
	for t := 0; t < n; t += step {
		c := min(step, n-t)
		rows, stride := j.src.sequence(first+t, c, p.tile)
		p.scoreTile(j, rows, stride, c, t, numbers{first: first})
	}
}

// scoreList does the same for rows by number. A few queries go over them where
// they are; for many it pays to bring the rows together first.
func (p *part) scoreList(j *job, list []uint32) {
	if s := &j.src; s.inPlace() && len(p.heaps) < gatherQueries {
		for q := range p.heaps {
			query, out := j.queries[q*s.dim:(q+1)*s.dim], p.dist[q*chunkRows:q*chunkRows+len(list)]
			if j.metric == compute.L2 {
				simd.L2GatherAheadF32(query, s.f32, s.stride, list, out, j.ahead)
			} else {
				simd.DotGatherAheadF32(query, s.f32, s.stride, list, out, j.ahead)
			}
		}
		return
	}
	step := j.tileRows()
	for t := 0; t < len(list); t += step {
		c := min(step, len(list)-t)
		rows, stride := j.src.listed(list[t:t+c], p.tile)
		p.scoreTile(j, rows, stride, c, t, numbers{list: list})
	}
}

// scoreTile scores c rows as the chunk's rows from t on.
func (p *part) scoreTile(j *job, rows []float32, stride, c, t int, of numbers) {
	if len(j.panels) > 0 {
		p.scorePanels(j, rows, stride, c, t, of)
		return
	}
	if j.metric == compute.L2 {
		simd.L2TileF32(j.queries, j.src.dim, rows, stride, c, p.dist[t:], chunkRows)
	} else {
		simd.DotTileF32(j.queries, j.src.dim, rows, stride, c, p.dist[t:], chunkRows)
	}
}

// orientation is the factor and the constant that turn what the kernels compute
// into the metric's distance.
func orientation(m compute.Metric) (mul, add float32) {
	switch m {
	case compute.Dot:
		return -1, 0
	case compute.Cosine:
		return -1, 1
	}
	return 1, 0
}

// numbers are the row numbers of a chunk: those of list, or in sequence from first.
type numbers struct {
	list  []uint32
	first int
}

// row is the number of the chunk's row at, and whether it may be returned.
func (n *numbers) row(at int, j *job) (uint32, bool) {
	if n.list != nil {
		return n.list[at], true
	}
	r := uint32(n.first + at)
	return r, !skipped(j.skip, r)
}

// offer turns d into distances and gives heap the rows they belong to. Rows ascend,
// so once the heap is full only a distance below its limit wins; finding those is
// left to the vector unit.
func (p *part) offer(j *job, heap *topK, of numbers, d []float32) {
	mul, add := orientation(j.metric)
	var below [chunkRows / 64]uint64
	simd.AffineLessF32(d, mul, add, heap.limit(), below[:])
	i := 0
	for ; i < len(d) && len(heap.keys) < heap.k; i++ { // anything is welcome
		if r, ok := of.row(i, j); ok {
			heap.push(makeKey(d[i], r))
		}
	}
	below[min(i, chunkRows-1)/64] &= ^uint64(0) << (i % 64)
	for w := i / 64; w < len(below); w++ {
		for ; below[w] != 0; below[w] &= below[w] - 1 {
			i := 64*w + bits.TrailingZeros64(below[w])
			if !(d[i] < heap.limit()) {
				continue // the heap got better since
			}
			if r, ok := of.row(i, j); ok {
				heap.push(makeKey(d[i], r))
			}
		}
	}
}

func skipped(skip []uint64, row uint32) bool {
	w := int(row / 64)
	return w < len(skip) && skip[w]>>(row%64)&1 != 0
}
