package hnsw

import (
	"math/bits"
	"slices"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// A row that moves far leaves a gap: the rows that it linked to and that linked back
// each lose a link, and what is best put in its place is nearly always another row
// around the gap. So the job that links the row anew closes the gap too: the rows
// around it are compared with one another once, while they are in the cache, and all
// that follows is done from that one table. Xu et al. 2025, "In-place updates of a
// graph index for streaming approximate nearest neighbor search", mend a deletion at
// once too, from what a search meets. Links to where the row was from rows that it did
// not link to are unknown here; they wait for the next repair pass.

// gapRows bounds the rows around a gap: a bit of a word stands for each.
const gapRows = 64

// gapTries is how many rows around a gap are looked at for the place of a link.
const gapTries = 8

// gap is the place that a row left. Rows around it are named by their place in rows.
type gap struct {
	rows   []uint32  // that the row linked to and that link to it, alive
	dist   []float32 // of each to each, len(rows) a row
	linked []uint64  // of each: those that it links to
}

func (g *gap) dists(i int) []float32 { return g.dist[i*len(g.rows) : (i+1)*len(g.rows)] }

// closeGap replaces the links to row from those of old, the links that it had, that
// link to it and that it does not link to now.
func (w *walk) closeGap(row uint32, level int, old []uint32) {
	w.surveyGap(row, level, old)
	g := &w.s.gap
	if len(g.rows) == 0 {
		return
	}
	w.measureGap()
	for i, from := range g.rows {
		to := w.bridge(i)
		if to < 0 {
			w.swapLink(from, row, NoRow, level)
			continue
		}
		if w.swapLink(from, row, g.rows[to], level) {
			g.linked[i] |= 1 << to
			w.linkIfRoom(g.rows[to], from, level)
		}
	}
}

// surveyGap fills g.rows and g.linked.
func (w *walk) surveyGap(row uint32, level int, old []uint32) {
	g, s := &w.s.gap, w.s
	if level == 0 {
		for _, r := range old {
			simd.Prefetch(w.m.links0(r), w.linkLines)
		}
	}
	g.rows, g.linked = g.rows[:0], g.linked[:0]
	for _, r := range old[:min(len(old), gapRows)] {
		if w.m.isAlive(r) && w.linksTo(r, row, level) && !w.linksTo(row, r, level) {
			g.rows = append(g.rows, r)
		}
	}
	fetch, stride, lines := w.src.fetch()
	simd.FetchRows(g.rows, fetch, stride, lines)
	for _, r := range g.rows {
		s.links = appendLinks(s.links[:0], w.m.links(&w.x.lv, r, level))
		linked := uint64(0)
		for i, to := range g.rows {
			if slices.Contains(s.links, to) {
				linked |= 1 << i
			}
		}
		g.linked = append(g.linked, linked)
	}
}

// linksTo reports whether from's list on level names to.
func (w *walk) linksTo(from, to uint32, level int) bool {
	return contains(w.m.links(&w.x.lv, from, level), to)
}

// measureGap fills g.dist.
func (w *walk) measureGap() {
	g := &w.s.gap
	n := len(g.rows)
	g.dist = slices.Grow(g.dist[:0], n*n)[:n*n]
	for i, r := range g.rows[:n-1] {
		w.src.takeRow(&w.s.from, r)
		d := w.s.roomDist(n - i - 1)
		w.src.gather(&w.s.from, g.rows[i+1:], d)
		for k, v := range d {
			j := i + 1 + k
			g.dist[i*n+j], g.dist[j*n+i] = v, v
		}
	}
}

// bridge returns the row that i is to link to instead: the nearest to which none of its
// links around the gap leads nearer, else the nearest; -1 when it links to all.
func (w *walk) bridge(i int) int {
	g := &w.s.gap
	left := (1<<len(g.rows) - 1) &^ (g.linked[i] | 1<<i)
	first, d := -1, g.dists(i)
	for range gapTries {
		at := -1
		for rest := left; rest != 0; rest &= rest - 1 {
			if j := bits.TrailingZeros64(rest); at < 0 || d[j] < d[at] {
				at = j
			}
		}
		switch {
		case at < 0:
			return first
		case g.spans(i, at):
			return at
		case first < 0:
			first = at
		}
		left &^= 1 << at
	}
	return first
}

// spans reports whether none of i's links around the gap is nearer to j than i is.
func (g *gap) spans(i, j int) bool {
	d, n := g.dists(j), g.dist[i*len(g.rows)+j]
	for rest := g.linked[i]; rest != 0; rest &= rest - 1 {
		if d[bits.TrailingZeros64(rest)] < n {
			return false
		}
	}
	return true
}
