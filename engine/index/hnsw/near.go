package hnsw

import "slices"

// nearEf is the candidate list of a walk that starts at a row's own links. With 32
// and 48 places recall after twenty rounds of small moves was no better, and an
// update took 1.15 and 1.5 times as long.
const nearEf = 24

// amongShare: one in so many of a row's links must still surround it. With a half a
// move by half the distance to the tenth neighbour was taken for a far one in 28 of
// 100 cases, with a quarter in 7, but recall after moves by the whole distance was
// 0.003 below that of a fresh build.
const amongShare = 3

// amongNeighbours reports whether row, whose vector changed, still lies among the
// rows that it links to: whether at least a third of them are no farther from it
// than from the one that is nearest to it now. Where row was, the heuristic that
// chose them made that true of each; a row that moved away sees all of them behind
// the nearest. No record of where it was is needed, so many small moves are not taken
// for small when their sum is not. Afterwards s.near holds its links on layer 0, and
// w.note says whether so many of them are behind that the repair pass should look.
func (w *walk) amongNeighbours(row uint32) bool {
	w.neighbours(row, 0)
	near := w.s.near
	if len(near) < 2 {
		return false
	}
	s := w.s
	s.ids = s.ids[:0]
	for _, c := range near[1:] {
		s.ids = append(s.ids, c.row)
	}
	d := s.roomDist(len(s.ids))
	w.src.takeRow(&s.from, near[0].row)
	w.src.gather(&s.from, s.ids, d)
	among := 0
	for i, c := range near[1:] {
		if c.dist <= d[i] {
			among++
		}
	}
	w.note = 4*among < 3*len(d)
	return amongShare*among >= len(d)
}

// neighbours fills s.near with the live links of row on level, nearest first to
// where row is now.
func (w *walk) neighbours(row uint32, level int) {
	s := w.s
	s.ids = appendLinks(s.ids[:0], w.m.links(&w.x.lv, row, level))
	s.ids = slices.DeleteFunc(s.ids, func(r uint32) bool { return !w.m.isAlive(r) })
	s.near = s.near[:0]
	if len(s.ids) == 0 {
		return
	}
	for i, d := range w.distances() {
		s.near = append(s.near, cand{d, s.ids[i]})
		for j := len(s.near) - 1; j > 0 && d < s.near[j-1].dist; j-- {
			s.near[j-1], s.near[j] = s.near[j], s.near[j-1]
		}
	}
}

// relinkNear chooses row's links on level from those that it has, in s.near, and from
// what a short walk from them meets. It does not choose as many as it had, so the
// nearest of the others stay: without them a graph thins out, from 20 links a row to
// 11 in twenty rounds. Links to row that it does not return stay too, for the next
// repair pass to judge when more than a quarter of its own surround it no more.
func (w *walk) relinkNear(row uint32, level int) {
	s := w.s
	s.seen.begin(int(w.m.rows.Load()))
	s.seen.mark(row)
	s.beam.reset(nearEf)
	for _, c := range s.near {
		w.seed(c.row, c.dist)
	}
	w.spread(level)
	w.poolWith(s.near)
	if len(s.pool) == 0 {
		return
	}
	if w.note {
		s.old = appendLinks(s.old[:0], w.m.links(&w.x.lv, row, level))
		w.x.work.noteMove(row, level, s.old, false)
	}
	s.mine = w.pick(s.mine[:0])
	for _, c := range s.near {
		if len(s.mine) >= len(s.near) {
			break
		}
		if !slices.Contains(s.mine, c.row) {
			s.mine = append(s.mine, c.row)
		}
	}
	w.takeOver(row, level)
	w.announceAgain(row, level)
}

// poolWith fills s.pool with the rows of the beam that are not hidden, and with those
// of more, ascending, that were too far for it.
func (w *walk) poolWith(more []cand) {
	s := w.s
	s.pool = s.pool[:0]
	for _, c := range s.beam.c {
		if c.row&hidden == 0 {
			s.pool = append(s.pool, cand{c.dist, c.row & rowMask})
		}
	}
	last := -inf
	if n := len(s.pool); n > 0 {
		last = s.pool[n-1].dist
	}
	held := s.pool
	for _, c := range more {
		if c.dist >= last && !slices.ContainsFunc(held, func(h cand) bool { return h.row == c.row }) {
			s.pool = append(s.pool, c)
		}
	}
}
