package hnsw

import (
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/index"
)

// walk is one traversal of the graph.
type walk struct {
	x     *Index
	m     *memory
	src   source
	s     *scratch
	q     []float32 // padded
	allow []uint64  // nil admits every row
	dead  bool      // rows may be dead: look at their bit
	// copies is how many rows that are exactly as far away as the one that leads
	// to them are held: they are copies of it, and would fill the beam.
	copies int
	skip   uint32 // row that descend does not step on, or NoRow
	tr     index.Trace
}

// newWalk starts a traversal for q, which is padded into s.
func (x *Index) newWalk(m *memory, s *scratch, q []float32) walk {
	n := copy(s.query, q)
	clear(s.query[n:])
	s.seen.begin(int(m.rows.Load()))
	return walk{x: x, m: m, src: x.source(m), s: s, q: s.query, skip: NoRow}
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
	d := w.s.roomDist(len(w.s.ids))
	w.src.gather(w.q, w.s.ids, d)
	w.tr.Distances += len(d)
	return d
}

// fresh puts the rows of list that were not met yet into s.ids.
func (w *walk) fresh(list []uint32) {
	ids := w.s.ids[:0]
	for i := range list {
		r := atomic.LoadUint32(&list[i])
		if r == NoRow {
			break
		}
		if w.s.seen.mark(r) {
			ids = append(ids, r)
		}
	}
	w.s.ids = ids
	w.tr.Hops++
}

// descend walks greedily from row on the levels above down to stop, exclusive,
// and returns the row where it arrives and its distance.
func (w *walk) descend(row uint32, level, stop int) (uint32, float32) {
	w.s.ids = append(w.s.ids[:0], row)
	best := w.distances()[0]
	for ; level > stop; level-- {
		for moved := true; moved; {
			moved = false
			w.s.ids = appendLinks(w.s.ids[:0], w.m.links(&w.x.lv, row, level))
			w.tr.Hops++
			for i, d := range w.distances() {
				if d < best && w.s.ids[i] != w.skip {
					best, row, moved = d, w.s.ids[i], true
				}
			}
		}
	}
	return row, best
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

// spread expands the beam on level until nothing nearer turns up.
func (w *walk) spread(level int) {
	b := &w.s.beam
	mixed := w.dead || w.allow != nil
	for {
		from, ok := b.pop()
		if !ok {
			return
		}
		w.fresh(w.m.links(&w.x.lv, from.row, level))
		if len(w.s.ids) == 0 {
			continue
		}
		for i, d := range w.distances() {
			if !(d < b.bound()) {
				continue
			}
			if d == from.dist && b.at(d) >= w.copies {
				continue
			}
			if mixed {
				r := w.s.ids[i]
				b.insertAmong(d, r, w.hides(r))
			} else {
				b.insert(d, w.s.ids[i])
			}
		}
	}
}

// spreadFar is spread on layer 0 with the two-heap list. It gives up, and
// returns false, when it has computed more than budget distances.
func (w *walk) spreadFar(budget int) bool {
	f := &w.s.far
	for {
		row, ok := f.pop()
		if !ok {
			return true
		}
		if w.tr.Distances > budget {
			return false
		}
		w.fresh(w.m.links0(row))
		if len(w.s.ids) == 0 {
			continue
		}
		for i, d := range w.distances() {
			if d < f.bound() {
				r := w.s.ids[i]
				f.insert(d, r, w.hides(r))
			}
		}
	}
}
