package hnsw

import (
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/index"
)

// farEf is the candidate list from which two heaps beat one sorted array.
const farEf = 768

// Search implements index.Graph. Few rows, or few allowed ones, are scanned
// instead of walked to, so that the result is never short: by vectors, or, where there
// are codes and more than a few rows are allowed, by these. The trace then shows no
// hops.
func (x *Index) Search(q []float32, p index.Params, dst []index.Hit) []index.Hit {
	x.cfg.Courtesy.searching()
	epoch := x.epoch.Load()
	ef := p.Ef
	if ef <= 0 {
		ef = x.cfg.EfSearch
	}
	ef = min(max(ef, p.K), MaxEf)
	m := x.mem.Load()
	s := x.scratch.Get().(*scratch)
	w := x.newWalk(m, s)
	w.use(p.Codes)
	w.src.take(&s.query, q)
	w.allow = p.Allow
	w.dead = x.work.dead.Load() > 0
	found := w.find(ef, p.K)
	dst = w.collect(found, p.K, epoch, dst)
	if p.Trace != nil {
		*p.Trace = w.tr
	}
	x.scratch.Put(s)
	runtime.KeepAlive(m)
	runtime.KeepAlive(w.src.codes)
	return dst
}

// find returns the best rows, ascending, more than k of them if it can; some may
// be hidden.
func (w *walk) find(ef, k int) []cand {
	rows := int(w.m.rows.Load())
	allowed := rows
	if w.allow != nil {
		allowed = countBits(w.allow, rows)
	}
	// A walk computes about eight distances for each place of its list, in
	// random order and with upkeep; a scan computes them in sequence.
	if allowed <= 4*ef || allowed <= k {
		return w.scan(rows, k)
	}
	ef = w.places(ef, k)
	w.scanPending(ef)
	var found []cand
	if ef >= farEf {
		w.budget = rows
	}
	switch {
	case w.allow != nil:
		found = w.among(ef, k, rows, allowed)
	case ef < farEf:
		w.copies = k
		list := w.endEarly(ef, k)
		w.walkNear(list)
		if w.s.beam.shown < ef {
			// Led into a row that was being taken out, or few rows are linked:
			// it was cheap, and is tried once more.
			w.s.seen.begin(rows)
			w.walkNear(list)
		}
		found = w.withPending(w.rerank(w.early.first(w.s.beam.c), k))
	case !w.walkFar(ef):
		return w.scan(rows, k)
	default:
		found = w.withPending(w.rerank(w.s.far.sorted(), k))
	}
	if len(found) < k && (w.allow != nil || w.x.Live() > len(found)) {
		return w.scan(rows, k)
	}
	return found
}

// walkNear fills the beam with the ef nearest linked rows.
func (w *walk) walkNear(ef int) {
	w.s.beam.reset(ef)
	w.enter()
	w.spread(0)
}

// enter seeds the beam with the row that the upper layers lead to.
func (w *walk) enter() {
	if e := w.x.entry.Load(); e != noEntry {
		w.seed(w.descend(uint32(e), int(e>>32), 0))
	}
}

// walkFar fills the two-heap list with the ef nearest linked rows. It returns false
// when that took more distances than the budget.
func (w *walk) walkFar(ef int) bool {
	w.s.far.reset(ef)
	w.s.beam.reset(1)
	w.enterFar()
	return w.spreadFar()
}

func (w *walk) enterFar() {
	e := w.x.entry.Load()
	if e == noEntry {
		return
	}
	row, d := w.descend(uint32(e), int(e>>32), 0)
	if w.s.seen.mark(row) && d < w.s.far.bound() {
		w.s.far.insert(d, row, w.hides(row))
	}
}

// scan returns the nearest k shown rows exactly.
func (w *walk) scan(rows, k int) []cand {
	const step = 256
	f := &w.s.far
	f.reset(k)
	w.s.ids = w.s.ids[:0]
	flush := func() {
		for i, d := range w.exactly() {
			if d < f.bound() {
				f.keep(d, w.s.ids[i])
			}
		}
		w.s.ids = w.s.ids[:0]
	}
	for i := range groupsFor(rows) {
		word := atomic.LoadUint64(&w.m.groups[i].alive)
		if w.allow != nil {
			if i >= len(w.allow) {
				break
			}
			word &= w.allow[i]
		}
		for ; word != 0; word &= word - 1 {
			w.s.ids = append(w.s.ids, uint32(i<<6+bits.TrailingZeros64(word)))
		}
		if len(w.s.ids) >= step {
			flush()
		}
	}
	if len(w.s.ids) > 0 {
		flush()
	}
	return f.sorted()
}

// countBits counts the bits of the first rows rows.
func countBits(words []uint64, rows int) int {
	n := 0
	for _, w := range words[:min(len(words), groupsFor(rows))] {
		n += bits.OnesCount64(w)
	}
	return n
}

// collect appends the first k of found that are still alive, with distances
// that are true for one moment since the search began: see H4.
func (w *walk) collect(found []cand, k int, epoch uint64, dst []index.Hit) []index.Hit {
	from := len(dst)
	moved := false
	for _, c := range found {
		if len(dst)-from >= k {
			break
		}
		row := c.row & rowMask
		if c.row&hidden != 0 || !w.m.isAlive(row) {
			continue
		}
		d := c.dist
		if newer(atomic.LoadUint32(w.m.stamp(row)), epoch) {
			var ok bool
			if d, ok = w.again(row); !ok {
				continue
			}
			moved = true
		}
		dst = append(dst, index.Hit{Row: row, Dist: w.x.result(d)})
	}
	if moved {
		slices.SortFunc(dst[from:], byDist)
	}
	return dst
}

func byDist(a, b index.Hit) int {
	switch {
	case a.Dist < b.Dist:
		return -1
	case a.Dist > b.Dist:
		return 1
	}
	return int(a.Row) - int(b.Row)
}

// again computes the distance of a row that changed during the search. It gives
// up on a row that is deleted or does not stand still.
func (w *walk) again(row uint32) (float32, bool) {
	stamp := w.m.stamp(row)
	for range 1000 {
		before := atomic.LoadUint32(stamp)
		if before&1 == 0 {
			w.s.ids = append(w.s.ids[:0], row)
			d := w.exactly()[0]
			if w.m.isAlive(row) && atomic.LoadUint32(stamp) == before {
				return d, true
			}
		}
		if !w.m.isAlive(row) {
			return 0, false
		}
		runtime.Gosched()
	}
	return 0, false
}
