package hnsw

import "sync/atomic"

// Rows that wait to be linked are scanned beside the walk, into a list of their
// own. In the walk's beam they would take the places of rows that lead on: a few
// hundred of them near the query end it at the entry.

// scanPending fills s.late with the nearest limit pending rows. It runs before
// the entry is read: see H3.
func (w *walk) scanPending(limit int) {
	wk, late := &w.x.work, &w.s.late
	late.reset(limit)
	if wk.count.Load() == 0 {
		return
	}
	rows := w.m.rows.Load()
	w.s.ids = w.s.ids[:0]
	for i := range wk.high.Load() {
		r := atomic.LoadUint32(&wk.slots[i])
		if r < rows && w.m.isAlive(r) && !w.hides(r) {
			w.s.ids = append(w.s.ids, r)
		}
	}
	w.tr.Pending = len(w.s.ids)
	for i, d := range w.exactly() {
		if d < late.bound() {
			late.insert(d, w.s.ids[i])
		}
	}
}

// withPending merges s.late into found; both are ascending. A row that is linked
// again may be in both, and is held once.
func (w *walk) withPending(found []cand) []cand {
	late := w.s.late.c
	if len(late) == 0 {
		return found
	}
	out := w.s.merged[:0]
	w.s.seen.begin(int(w.m.rows.Load()))
	for len(found) > 0 || len(late) > 0 {
		from := &found
		if len(found) == 0 || len(late) > 0 && late[0].dist <= found[0].dist {
			from = &late
		}
		c := (*from)[0]
		*from = (*from)[1:]
		if c.row&hidden == 0 && w.s.seen.mark(c.row&rowMask) {
			out = append(out, c)
		}
	}
	w.s.merged = out
	return out
}
