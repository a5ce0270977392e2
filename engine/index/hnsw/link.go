package hnsw

import (
	"math"
	"slices"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// link connects a row: as a new one, or again when it is part of the graph;
// moved says that its vector is another then. The caller holds x.jobs for
// reading.
func (x *Index) link(m *memory, s *scratch, row uint32, moved bool) {
	w := x.newLinkWalk(m, s)
	if moved || !m.isLinked(row) {
		w.encode(row)
	}
	w.setRow(row)
	w.dead = x.work.dead.Load() > 0
	if m.isLinked(row) {
		w.relink(row, moved)
		return
	}
	w.insert(row)
	setBit(&m.groups[row>>6].linked, row)
}

// insert is algorithm 1 of Malkov and Yashunin 2016.
func (w *walk) insert(row uint32) {
	x := w.x
	level := x.lv.of(row)
	e, first := x.entryOr(row, level)
	if first {
		return
	}
	top := int(e >> 32)
	at := w.approach(uint32(e), top, min(level, top))
	w.s.ids = append(w.s.ids[:0], at)
	// Its own lists first, on all levels: a search that is led to it from above
	// must find the way down and on.
	own := w.s.own[:0]
	for l := min(level, top); l >= 0; l-- {
		watched := l == 0 && w.watchable(row)
		w.s.watch = earlyWatch{on: watched}
		w.gatherPool(row, l, x.cfg.EfConstruction, w.reach(x.cfg.EfConstruction))
		if watched {
			w.learn()
		}
		w.connect(row, l)
		own = append(own, w.s.mine...)
		own = append(own, NoRow)
		w.s.ids = append(w.s.ids[:0], w.s.mine...)
	}
	w.s.own = own
	for l := 0; len(own) > 0; l++ {
		from := len(own) - 1
		for from > 0 && own[from-1] != NoRow {
			from--
		}
		w.announce(row, l, own[from:len(own)-1])
		own = own[:from]
	}
	if level > top {
		x.raise(row, level)
	}
}

// expandShare is how many of a hundred places of an insertion's or re-link's list are expanded.
// The heuristic looks at all of them, so the list has to be long, but what the links
// of its far end would add is rarely chosen: see cpu/NOTES.md.
const expandShare = 60

// reach is how many of ef places of a list that links are chosen from are expanded: of
// a short list as many as a row has links, and all while dead rows may fill the first ones.
func (w *walk) reach(ef int) int {
	if w.dead {
		return math.MaxInt
	}
	return max(ef*expandShare/100, min(ef, w.x.cfg.M))
}

// gatherPool fills s.pool with the ef nearest rows of row on level, ascending,
// by a search that starts from s.ids and expands the first reach of them. Dead rows are in it only when no other was
// met: they keep row reachable until the repair pass links it again.
func (w *walk) gatherPool(row uint32, level, ef, reach int) {
	s := w.s
	s.seen.begin(int(w.m.rows.Load()))
	s.seen.mark(row)
	s.beam.reset(ef)
	s.beam.reach = reach
	s.ids = slices.DeleteFunc(s.ids, func(r uint32) bool { return !s.seen.mark(r) })
	if len(s.ids) > 0 {
		for i, d := range w.distances() {
			w.offer(d, s.ids[i])
		}
	}
	w.spread(level)
	s.pool = s.pool[:0]
	for _, c := range s.beam.c {
		if c.row&hidden == 0 {
			s.pool = append(s.pool, cand{c.dist, c.row & rowMask})
		}
	}
	if len(s.pool) > 0 {
		return
	}
	for _, c := range s.beam.c {
		s.pool = append(s.pool, cand{c.dist, c.row & rowMask})
	}
}

// connect selects row's links on level from s.pool. Afterwards s.mine holds them
// and s.lost the rows that lost their last link.
func (w *walk) connect(row uint32, level int) {
	w.s.mine = w.pick(w.s.mine[:0])
	w.takeOver(row, level)
}

// pick appends to dst the links that a row takes from s.pool.
func (w *walk) pick(dst []uint32) []uint32 {
	w.choose(w.s.pool, w.x.cfg.M)
	return append(dst, w.s.kept...)
}

// takeOver makes s.mine row's links on level, and leaves in s.lost the rows that
// lost their last link.
func (w *walk) takeOver(row uint32, level int) {
	s := w.s
	if level == 0 && len(s.mine) > 0 && w.isCopy(s.mine[0]) {
		w.addCopy(row)
		s.mine = s.mine[:min(len(s.mine), w.m.m0)]
	}
	if level == 0 {
		w.adoptLeaving(row)
	}
	w.setOwn(row, level, s.mine)
}

// announce links back to row from its links on level.
func (w *walk) announce(row uint32, level int, links []uint32) {
	if level == 0 && len(links) > 0 && w.isCopy(links[0]) {
		w.linkBack(links[0], row, 0, true)
		return
	}
	if level == 0 {
		for _, to := range links {
			simd.Prefetch(w.m.links0(to), w.linkLines)
		}
	}
	named := false
	for _, to := range links {
		named = w.linkBack(to, row, level, false) || named
	}
	if !named && len(links) > 0 {
		w.linkBack(links[0], row, level, true)
	}
}

// isCopy reports whether row holds the vector that is being linked.
func (w *walk) isCopy(row uint32) bool { return slices.Equal(w.m.vector(row), w.s.query.vec) }

// addCopy makes row part of the chain of rows that hold the same vector, the
// first of which is s.mine[0]. Only the first is part of the graph proper: a
// thousand copies that all linked to their surroundings would fill the lists
// there, and every search's beam.
func (w *walk) addCopy(row uint32) {
	s := w.s
	s.links = appendLinks(s.links[:0], w.m.links0(s.mine[0]))
	// The last one in the list is the newest, which nobody else links to yet: a
	// link to it lets the first drop its own when its list is full.
	for _, r := range slices.Backward(s.links) {
		if r != row && w.m.isAlive(r) && w.isCopy(r) {
			if !slices.Contains(s.mine, r) {
				s.mine = slices.Insert(s.mine, 1, r)
			}
			return
		}
	}
}

// entryOr returns the entry of searches. Without one it makes row the entry and
// reports that.
func (x *Index) entryOr(row uint32, level int) (e uint64, first bool) {
	if e := x.entry.Load(); e != noEntry {
		return e, false
	}
	x.top.Lock()
	defer x.top.Unlock()
	if e := x.entry.Load(); e != noEntry {
		return e, false
	}
	x.entry.Store(entryOf(row, level))
	return 0, true
}

// raise makes row the entry if its level is above the present one's.
func (x *Index) raise(row uint32, level int) {
	x.top.Lock()
	defer x.top.Unlock()
	if e := x.entry.Load(); e == noEntry || level > int(e>>32) {
		x.entry.Store(entryOf(row, level))
	}
}

func entryOf(row uint32, level int) uint64 { return uint64(level)<<32 | uint64(row) }
