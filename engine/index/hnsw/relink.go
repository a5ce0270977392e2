package hnsw

import "slices"

// relink connects a row of the graph again, at its old level; moved says that its
// vector is another. A row that still lies among its neighbours is linked from
// there, which costs a quarter of what finding its place anew does.
func (w *walk) relink(row uint32, moved bool) {
	x := w.x
	level := x.lv.of(row)
	e, first := x.entryOr(row, level)
	if first {
		return
	}
	if moved && w.amongNeighbours(row) {
		x.near.Add(1)
		w.relinkNear(row, 0)
		for l := 1; l <= min(level, int(e>>32)); l++ {
			w.neighbours(row, l)
			w.relinkNear(row, l)
		}
	} else {
		w.relinkFar(row, level, e, moved)
	}
	if level > int(e>>32) {
		x.raise(row, level)
	}
}

// relinkFar searches for the new neighbours from the old ones and from the entry.
// Where it left all of the old ones behind, these get links to one another instead of
// those to row. Other links to row from where it was stay until the next repair pass:
// they are wrong but harmless, and nothing here knows them.
func (w *walk) relinkFar(row uint32, level int, e uint64, moved bool) {
	x := w.x
	w.skip = row
	top := int(e >> 32)
	at := uint32(e)
	if at != row {
		at = w.approach(at, top, min(level, top))
	}
	for l := min(level, top); l >= 0; l-- {
		w.s.old = appendLinks(w.s.old[:0], w.m.links(&x.lv, row, l))
		w.s.ids = append(append(w.s.ids[:0], at), w.s.old...)
		w.gatherPool(row, l, x.efRelink(), w.reach(x.efRelink()))
		away := moved && w.leftBehind(w.s.old)
		if moved {
			x.work.noteMove(row, l, w.s.old, away)
		}
		if away {
			w.s.left = append(w.s.left[:0], w.s.old...)
		}
		if len(w.s.pool) > 0 {
			at = w.s.pool[0].row
		}
		w.connect(row, l)
		w.announceAgain(row, l)
		if away {
			w.closeGap(row, l, w.s.left)
		}
	}
}

// leftBehind reports whether none of old, the links that a row had, is among the rows of
// s.pool, near where it is now.
func (w *walk) leftBehind(old []uint32) bool {
	return !slices.ContainsFunc(w.s.pool, func(c cand) bool { return slices.Contains(old, c.row) })
}

// announceAgain links back to row from its new links, and finds other links to the
// rows that only row had linked to.
func (w *walk) announceAgain(row uint32, level int) {
	lost := w.s.lost
	w.announce(row, level, w.s.mine)
	for _, p := range lost {
		if w.m.isAlive(p) && !w.adopt(p) {
			w.linkBack(row, p, level, true)
		}
	}
}

// efRelink is the candidate list of a re-link. Half of an insertion's is enough,
// because mending links rows around it to one another in both directions.
func (x *Index) efRelink() int { return max(32, x.cfg.EfConstruction/2) }
