package hnsw

import (
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A repair pass mends the lists of all rows, on every level. Links to dead rows
// are replaced by links of those rows: the batch consolidation of Singh et al.
// 2021, "FreshDiskANN", algorithm 4. Links to where a row was before it moved are
// replaced by the links that it had there. A pass reads all lists, some 50 to 300
// ns a row, so it waits for a batch of reasons.

// repairStep is how many groups of 64 rows a worker takes at a time.
const repairStep = 4

// due reports whether there is reason for a pass over rows rows: about 2 % of
// them dead or 3 % moved while rows wait to be linked, fewer when there is nothing
// else to do, any when somebody waits for that or asked for it.
func (w *work) due(rows int) bool {
	dead, moved := int(w.dead.Load()), w.movers
	switch {
	case w.closed:
		return false
	case w.tidying && dead > 0:
		return true
	case w.count.Load() > 0:
		return dead > max(256, rows/50) || moved > max(256, rows/32)
	case w.draining > 0:
		return dead > 0 || moved > max(32, rows/256)
	}
	return dead > max(32, rows/512) || moved > max(32, rows/256)
}

// maybeRepair starts a pass when one is due.
func (x *Index) maybeRepair() {
	w := &x.work
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.repairer || !w.due(x.Rows()) {
		return
	}
	w.repairer = true
	x.wg.Go(x.repairRows)
}

// Repair is the number of dead rows: deleted, not repaired yet. now starts a pass
// when there is one, however few: for the quiet after the last deletions, which
// would leave some for ever.
func (x *Index) Repair(now bool) (outstanding int) {
	w := &x.work
	outstanding = int(w.dead.Load())
	if now && outstanding > 0 {
		w.mu.Lock()
		w.tidying = true
		w.mu.Unlock()
		x.maybeRepair()
	}
	return outstanding
}

// repairRows runs passes while they are due.
func (x *Index) repairRows() {
	for {
		p := x.nextPass()
		if p == nil {
			return
		}
		// A job that began before the rows died may still link to them: H6.
		x.jobs.Lock()
		x.jobs.Unlock() //nolint:staticcheck // a barrier
		x.repair(p)
	}
}

// nextPass takes over what is to be repaired, or ends repairing.
func (x *Index) nextPass() *pass {
	w := &x.work
	w.mu.Lock()
	defer w.mu.Unlock()
	due := w.due(x.Rows())
	w.tidying = false
	if !due {
		w.repairer = false
		w.change.Broadcast()
		return nil
	}
	p := &pass{salt: x.epoch.Load(), moved: w.moved, away: w.away}
	p.refresh = uint32((w.movers + int(w.dead.Load())) << 32 / (refreshPer*x.Rows() + 1))
	w.repairing.words = append(w.repairing.words[:0], w.deadRows.words...)
	p.victims.words = slices.Clone(w.deadRows.words)
	w.moved, w.movers, w.away = make(map[uint64][]uint32), 0, bitset{}
	for key := range p.moved {
		p.movers.set(uint32(key))
	}
	return p
}

// refreshPer is how many rows are put or deleted for each that is linked again
// without need. A row that nobody touches while all around it changes would else
// keep the links of its first day, and be known only to rows of its age.
const refreshPer = 4

// pass is one repair pass.
type pass struct {
	victims bitset              // rows to take out
	movers  bitset              // rows that moved
	moved   map[uint64][]uint32 // the links that they had before, by listKey
	away    bitset              // those of them that are near none of these now
	refresh uint32              // share of rows to link again, of 2^32
	salt    uint64              // chooses those rows: the epoch when the pass began

	mu   sync.Mutex // guards bare
	bare []uint32   // rows that need to be linked again
}

// repair runs one pass.
func (x *Index) repair(p *pass) {
	x.sweep(func(w *walk, row uint32) {
		if !w.mend(row, p) {
			p.mu.Lock()
			p.bare = append(p.bare, row)
			p.mu.Unlock()
		}
	})
	x.replaceEntry(&p.victims)
	p.bare = x.free(&p.victims, p.bare)
	for _, row := range p.bare {
		if x.work.addAgain(row, x.linkers()) {
			x.wg.Go(x.linkRows)
		}
	}
}

// sweep calls f for every linked row, from several goroutines, each holding
// x.jobs for reading.
func (x *Index) sweep(f func(w *walk, row uint32)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range x.linkers() {
		wg.Go(func() {
			s := x.scratch.Get().(*scratch)
			defer x.scratch.Put(s)
			for x.sweepStep(s, int(next.Add(repairStep))-repairStep, f) {
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
}

// sweepStep does the groups from first on. It reports whether there are more.
func (x *Index) sweepStep(s *scratch, first int, f func(w *walk, row uint32)) bool {
	x.jobs.RLock()
	defer x.jobs.RUnlock()
	m := x.mem.Load()
	groups := groupsFor(int(m.rows.Load()))
	w := x.newLinkWalk(m, s)
	for i := first; i < min(first+repairStep, groups); i++ {
		for word := atomic.LoadUint64(&m.groups[i].linked); word != 0; word &= word - 1 {
			f(&w, uint32(i<<6+bits.TrailingZeros64(word)))
		}
	}
	return first+repairStep < groups
}

// mend replaces the links of row that lead to dead rows or to where somebody was,
// on all its levels. It reports whether row is well connected afterwards.
func (w *walk) mend(row uint32, p *pass) bool {
	if p.victims.has(row) && !w.m.isAlive(row) {
		return true
	}
	mended := false
	for l := w.x.lv.of(row); l >= 0; l-- {
		list := w.m.links(&w.x.lv, row, l)
		for i := range list {
			r := atomic.LoadUint32(&list[i])
			if r == NoRow {
				break
			}
			if p.gone(w, r) || p.strayed(w, row, r, l) {
				w.mendList(row, list, l, p)
				mended = true
				break
			}
		}
	}
	return !(mended && w.isLoose(row)) && !p.refreshes(w, row)
}

// refreshes reports whether this pass has row linked again: a share of the rows
// that were not put since as many changes as there are rows.
func (p *pass) refreshes(w *walk, row uint32) bool {
	if uint32(mix(uint64(row)<<32^p.salt)) >= p.refresh {
		return false
	}
	recent := 2 * uint64(w.m.rows.Load())
	return p.salt > recent && !newer(atomic.LoadUint32(w.m.stamp(row)), p.salt-recent)
}

// isLoose reports whether so little connects a row that rows put near it later
// may not find it.
func (w *walk) isLoose(row uint32) bool {
	return w.m.linksTo(row) <= 1 && uint32(w.x.entry.Load()) != row
}

// gone reports whether r is a row that this pass takes out.
func (p *pass) gone(w *walk, r uint32) bool { return p.victims.has(r) && !w.m.isAlive(r) }

// strayed reports whether a link from row to r may be one to where r was: r moved
// and does not link back.
func (p *pass) strayed(w *walk, row, r uint32, level int) bool {
	return p.movers.has(r) && !contains(w.m.links(&w.x.lv, r, level), row)
}

// mendList does one list: links to dead and strayed rows go. Candidates for their
// places are the links that those rows have or had, and the strayed rows. Those
// that get a place link back where they have room.
func (w *walk) mendList(row uint32, list []uint32, level int, p *pass) {
	w.replaceGone(row, list, level, p)
	for _, r := range w.s.mine {
		w.linkIfRoom(r, row, level)
	}
}

// replaceGone does mendList's list and leaves the new links in s.mine.
func (w *walk) replaceGone(row uint32, list []uint32, level int, p *pass) {
	lock := w.x.listLock(row)
	lock.Lock()
	defer lock.Unlock()
	s := w.s
	s.seen.begin(int(w.m.rows.Load()))
	s.seen.mark(row)
	s.list, s.old, s.ids = s.list[:0], s.old[:0], s.ids[:0]
	s.links = appendLinks(s.links[:0], list)
	for _, r := range s.links {
		s.seen.mark(r)
		switch {
		case p.gone(w, r):
			s.old = append(s.old, r)
			if level == 0 {
				w.m.linkGone(r)
			}
		case p.strayed(w, row, r, level) && (level > 0 || w.m.mayDrop(r)):
			s.old = append(s.old, r)
			s.ids = append(s.ids, r)
		default:
			s.list = append(s.list, r)
		}
	}
	for _, r := range s.old {
		if p.gone(w, r) || !p.away.has(r) { // what a row links to far away is of no use here
			w.candidates(w.m.links(&w.x.lv, r, level))
		}
		w.candidates(p.moved[listKey(r, level)])
	}
	had := len(s.list)
	w.refill(row, level, len(s.links)-had)
	s.mine = append(s.mine[:0], s.list[had:]...)
	storeLinks(list, s.list)
}

// candidates appends the live rows of a list that were not met yet to s.ids.
func (w *walk) candidates(list []uint32) {
	s := w.s
	for i := range list {
		r := atomic.LoadUint32(&list[i])
		if r == NoRow {
			return
		}
		if s.seen.mark(r) && w.m.isAlive(r) {
			s.ids = append(s.ids, r)
		}
	}
}

// replaceEntry chooses another entry when the present one is about to go.
func (x *Index) replaceEntry(victims *bitset) {
	x.jobs.RLock()
	defer x.jobs.RUnlock()
	x.pickEntry(victims)
}

// pickEntry makes sure that the entry is a linked row that stays: it replaces
// another by a row of the highest level among those that live.
func (x *Index) pickEntry(victims *bitset) {
	x.top.Lock()
	defer x.top.Unlock()
	m := x.mem.Load()
	if e := x.entry.Load(); e != noEntry {
		row := uint32(e)
		if m.isLinked(row) && (m.isAlive(row) || victims == nil || !victims.has(row)) {
			return
		}
	}
	best := noEntry
	for i := range groupsFor(int(m.rows.Load())) {
		g := &m.groups[i]
		word := atomic.LoadUint64(&g.linked) & atomic.LoadUint64(&g.alive)
		if best != noEntry {
			word &= atomic.LoadUint64(&g.upper)
		}
		for ; word != 0; word &= word - 1 {
			row := uint32(i<<6 + bits.TrailingZeros64(word))
			if l := x.lv.of(row); best == noEntry || l > int(best>>32) {
				best = entryOf(row, l)
			}
		}
	}
	x.entry.Store(best)
}

// free makes the victims free rows, but for those that were Put meanwhile. It
// appends to bare the rows that nothing links to any more.
func (x *Index) free(victims *bitset, bare []uint32) []uint32 {
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	for i, word := range victims.words {
		for ; word != 0; word &= word - 1 {
			bare = x.freeRow(s, uint32(i<<6+bits.TrailingZeros64(word)), bare)
		}
	}
	w := &x.work
	w.mu.Lock()
	w.change.Broadcast()
	w.mu.Unlock()
	return bare
}

// freeRow makes one dead row free and finds other links to its neighbours.
func (x *Index) freeRow(s *scratch, row uint32, bare []uint32) []uint32 {
	x.jobs.RLock()
	defer x.jobs.RUnlock()
	w := x.newLinkWalk(x.mem.Load(), s)
	w.clearRow(row)
	for _, r := range s.lost {
		if w.m.isAlive(r) && !w.adopt(r) {
			bare = append(bare, r)
		}
	}
	return bare
}

// clearRow takes a victim out of the graph. A Put of the row comes either
// before, and then the row is not repairing any more, or after, and then finds
// it unlinked.
func (w *walk) clearRow(row uint32) {
	wk := &w.x.work
	wk.mu.Lock()
	defer wk.mu.Unlock()
	w.s.lost = w.s.lost[:0]
	if !wk.repairing.clear(row) {
		return
	}
	for l := w.x.lv.of(row); l >= 0; l-- {
		w.setOwn(row, l, nil)
	}
	clearBit(&w.m.groups[row>>6].linked, row)
	wk.deadRows.clear(row)
	wk.dead.Add(-1)
	wk.release(row)
}
