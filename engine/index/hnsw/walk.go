package hnsw

import (
	"math"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// walk is one traversal of the graph.
type walk struct {
	x     *Index
	m     *memory
	src   source
	how   index.CodeUse
	coded *codeRows // where rows that are linked get their codes; nil without
	s     *scratch
	allow []uint64 // nil admits every row
	dead  bool     // rows may be dead: look at their bit
	// copies is how many rows that are exactly as far away as the one that leads
	// to them are held: they are copies of it, and would fill the beam.
	copies    int
	early     early
	linkLines int    // cache lines of a list on layer 0
	note      bool   // relinkNear tells the repair pass of the move
	skip      uint32 // row that descend does not step on, or NoRow
	budget    int    // distances after which it gives up
	tr        index.Trace
}

// newWalk starts a traversal.
func (x *Index) newWalk(m *memory, s *scratch) walk {
	s.seen.begin(int(m.rows.Load()))
	return walk{x: x, m: m, src: x.source(m), s: s, skip: NoRow, linkLines: (m.m0*4 + 63) / 64,
		budget: math.MaxInt}
}

// newLinkWalk is newWalk for one who changes links.
func (x *Index) newLinkWalk(m *memory, s *scratch) walk {
	w := x.newWalk(m, s)
	w.coded = w.src.codes
	if w.coded != nil && w.coded.model.Coarse() {
		w.src.codes = nil
	}
	return w
}

// setRow makes a row what is searched for.
func (w *walk) setRow(row uint32) {
	q := &w.s.query
	copyFloats(q.vec, w.m.vector(row))
	if c := w.src.codes; c != nil {
		c.model.SetCode(&q.code, c.row(row))
	}
}

// encode writes the code of a row that is about to be linked.
func (w *walk) encode(row uint32) {
	if c := w.coded; c != nil {
		c.noted(c.model.Encode(c.row(row), w.m.vector(row)[:w.x.cfg.Dim], &w.s.coding))
	}
}

// hides reports whether row is passed through but not returned.
func (w *walk) hides(row uint32) bool {
	if w.dead && !w.m.isAlive(row) {
		return true
	}
	if w.allow == nil {
		return false
	}
	i := int(row >> 6)
	if i < len(w.allow) && w.allow[i]>>(row&63)&1 != 0 {
		return false
	}
	w.tr.Filtered++
	return true
}

// distances fills s.dist for s.ids.
func (w *walk) distances() []float32 {
	return w.distancesOf(w.s.ids)
}

// distancesOf returns the distances of rows.
func (w *walk) distancesOf(rows []uint32) []float32 {
	d := w.s.roomDist(len(rows))
	w.src.gather(&w.s.query, rows, d)
	w.tr.Distances += len(d)
	return d
}

// exactly is distances by vectors.
func (w *walk) exactly() []float32 {
	d := w.s.roomDist(len(w.s.ids))
	w.src.exact(w.s.query.vec, w.s.ids, d)
	w.tr.Distances += len(d)
	return d
}

// fresh returns the rows of list that were not met yet, until the next call. They
// are on their way into the cache.
func (w *walk) fresh(list []uint32) []uint32 {
	rows, stride, lines := w.src.fetch()
	return w.s.seen.markAll(list, rows, stride, lines)
}

// seed offers rows whose distances are known as starting points.
func (w *walk) seed(row uint32, d float32) {
	if w.s.seen.mark(row) {
		w.offer(d, row)
	}
}

func (w *walk) offer(d float32, row uint32) {
	if d < w.s.beam.bound() {
		w.s.beam.insertAmong(d, row, w.hides(row))
	}
}

// spread expands the beam on level until nothing nearer turns up. While it computes
// the distances of one row's links, those of the row that is next by then are on
// their way. When something nearer turns up they are put back, so rows are expanded
// in the order of a walk that does not look ahead.
func (w *walk) spread(level int) {
	b := &w.s.beam
	guess, ahead := cand{row: NoRow}, []uint32(nil)
	var lists simd.Lists
	if level == 0 {
		lists = simd.Lists{Links: w.m.link, Stride: w.m.m0, Lines: w.linkLines}
	}
	for {
		from, ok := b.pop()
		most := w.early.limit(b)
		if !ok || w.tr.Distances > w.budget || from.dist >= most {
			return
		}
		if w.s.watch.on {
			w.watch(from)
		}
		w.tr.Hops++
		ids := ahead
		if from.row != guess.row {
			w.s.seen.unmark(ahead)
			ids = w.fresh(w.m.links(&w.x.lv, from.row, level))
		}
		guess, ahead = w.lookAhead(level)
		if len(ids) == 0 {
			continue
		}
		w.keep(from, ids, w.distancesOf(ids), guess.dist, most, &lists)
	}
}

// lookAhead returns the row that is next unless something nearer turns up, and its
// fresh rows. Without one it returns NoRow, infinitely far.
func (w *walk) lookAhead(level int) (next cand, ids []uint32) {
	b := &w.s.beam
	at := b.peek(b.next)
	if at >= len(b.c) {
		return cand{inf, NoRow}, nil
	}
	next = cand{b.c[at].dist, b.c[at].row & rowMask}
	ids = w.fresh(w.m.links(&w.x.lv, next.row, level))
	if after := b.peek(at + 1); after < len(b.c) && level == 0 {
		simd.Prefetch(w.m.links0(b.c[after].row&rowMask), w.linkLines)
	}
	return next, ids
}

// keep offers the rows that from leads to, and fetches the lists of those that are
// nearer than the row that was thought to be next, than away: they are wanted soon.
func (w *walk) keep(from cand, ids []uint32, dist []float32, than, most float32, lists *simd.Lists) {
	b := &w.s.beam
	if w.dead || w.allow != nil {
		w.keepMixed(from, ids, dist, than, lists)
		return
	}
	for {
		n := b.keep(ids, dist, from.dist, than, most, lists)
		if n == len(dist) {
			return
		}
		if d := dist[n]; b.at(d) < w.copies {
			b.insert(d, ids[n])
		}
		ids, dist = ids[n+1:], dist[n+1:]
	}
}

// keepMixed is keep for a beam that may hold hidden rows.
func (w *walk) keepMixed(from cand, ids []uint32, dist []float32, than float32, lists *simd.Lists) {
	b := &w.s.beam
	ids = ids[:len(dist)] // no bounds checks: see TestNoBoundsChecks
	for i, d := range dist {
		if !(d < b.bound()) || d == from.dist && b.at(d) >= w.copies {
			continue
		}
		r := ids[i]
		if d < than && lists.Lines > 0 {
			than = d
			simd.Prefetch(w.m.links0(r), lists.Lines)
		}
		b.insertAmong(d, r, w.hides(r))
	}
}

// spreadFar is spread on layer 0 with the two-heap list. It gives up, and
// returns false, when it has computed more distances than the budget.
func (w *walk) spreadFar() bool {
	f := &w.s.far
	for {
		row, ok := f.pop()
		if !ok {
			return true
		}
		if w.tr.Distances > w.budget {
			return false
		}
		w.tr.Hops++
		ids := w.fresh(w.m.links0(row))
		if len(ids) == 0 {
			continue
		}
		for i, d := range w.distancesOf(ids) {
			if d < f.bound() {
				r := ids[i]
				f.insert(d, r, w.hides(r))
			}
		}
	}
}
