package hnsw

import "math"

var inf = float32(math.Inf(1))

// farList does what beam does with two heaps: for candidate lists of thousands
// and for filters, where most rows met are hidden.
type farList struct {
	open []cand // rows to expand, nearest first
	best []cand // rows to return, farthest first, at most ef
	ef   int
}

func (f *farList) reset(ef int) {
	f.open, f.best, f.ef = f.open[:0], f.best[:0], ef
}

// bound is the distance below which a row is of use.
func (f *farList) bound() float32 {
	if len(f.best) < f.ef {
		return inf
	}
	return f.best[0].dist
}

// insert adds a row whose distance is below bound.
func (f *farList) insert(d float32, row uint32, hide bool) {
	f.open = append(f.open, cand{d, row})
	up(f.open, nearer)
	if !hide {
		f.keep(d, row)
	}
}

// keep adds a row to the result only.
func (f *farList) keep(d float32, row uint32) {
	if len(f.best) < f.ef {
		f.best = append(f.best, cand{d, row})
		up(f.best, farther)
		return
	}
	f.best[0] = cand{d, row}
	down(f.best, farther)
}

// pop returns the nearest row to expand while it can still improve the result.
func (f *farList) pop() (row uint32, ok bool) {
	if len(f.open) == 0 || f.open[0].dist > f.bound() {
		return 0, false
	}
	row = f.open[0].row
	last := len(f.open) - 1
	f.open[0] = f.open[last]
	f.open = f.open[:last]
	down(f.open, nearer)
	return row, true
}

// sorted turns best into ascending distance and returns it; the heap is gone.
func (f *farList) sorted() []cand {
	for n := len(f.best) - 1; n > 0; n-- {
		f.best[0], f.best[n] = f.best[n], f.best[0]
		down(f.best[:n], farther)
	}
	return f.best
}

func nearer(a, b cand) bool  { return a.dist < b.dist }
func farther(a, b cand) bool { return a.dist > b.dist }

// up moves the last element of a heap to its place.
func up(h []cand, before func(a, b cand) bool) {
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !before(h[i], h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// down moves the first element of a heap to its place.
func down(h []cand, before func(a, b cand) bool) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && before(h[child+1], h[child]) {
			child++
		}
		if !before(h[child], h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
