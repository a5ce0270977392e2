package hnsw

// relink connects a row of the graph whose vector changed, at its old level: the
// search for its new neighbours starts at the old ones and at the entry. Links
// to row from where it was stay until the next repair pass: they are wrong but
// harmless, and mending many at once costs less than mending each.
func (w *walk) relink(row uint32, moved bool) {
	x := w.x
	level := x.lv.of(row)
	e, first := x.entryOr(row, level)
	if first {
		return
	}
	w.skip = row
	top := int(e >> 32)
	at := uint32(e)
	if at != row {
		at, _ = w.descend(at, top, min(level, top))
	}
	for l := min(level, top); l >= 0; l-- {
		w.s.old = appendLinks(w.s.old[:0], w.m.links(&x.lv, row, l))
		if moved {
			x.work.noteMove(row, l, w.s.old)
		}
		w.s.ids = append(append(w.s.ids[:0], at), w.s.old...)
		w.gatherPool(row, l, x.efRelink())
		if len(w.s.pool) > 0 {
			at = w.s.pool[0].row
		}
		w.connect(row, l)
		lost := w.s.lost
		w.announce(row, l, w.s.mine)
		for _, p := range lost {
			if w.m.isAlive(p) && !w.adopt(p) {
				w.linkBack(row, p, l, true)
			}
		}
	}
	if level > top {
		x.raise(row, level)
	}
}

// efRelink is the candidate list of a re-link. Half of an insertion's is enough,
// because mending links rows around it to one another in both directions: see
// NOTES.md.
func (x *Index) efRelink() int { return max(32, x.cfg.EfConstruction/2) }
