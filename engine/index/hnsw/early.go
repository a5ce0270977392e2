package hnsw

import (
	"math"
	"runtime"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// A walk by codes may end before its list is exhausted: when the row to be expanded
// is farther than the k-th of the list by a factor that grows with the list that was
// asked for. So queries in sparse places end early, and those in dense ones get a
// longer list: the same recall for less work (Al-Jazzazi et al. 2025, "Distance
// Adaptive Beam Search for Provably Accurate Graph-Based Nearest Neighbor Search").

const (
	// earlyWide is the list of a walk that may end early, in lists of one that may
	// not; earlyList how many times k that one must be.
	earlyWide = 1.5
	earlyList = 2
	// The factor is 1 + share × ln(list/k): share is earlyShare, or of the growth of
	// distances with rank earlyGrowth, if that is less. Where they grow by more than
	// growthMost, in few dimensions or small clusters, it was not found to hold.
	earlyShare  = 0.125
	earlyGrowth = 0.8
	growthMost  = 0.25
	// earlyFloor is the k-th distance, in those to the entry, below which nothing
	// ends early: there the order by codes is chance.
	earlyFloor = 1.0 / 32

	// Growth is measured from the growthNear-th neighbour of growthRows rows to the
	// growthFar-th; of fewer than half of them it says nothing.
	growthRows = 128
	growthNear = 10
	growthFar  = 64
)

// early says when a walk ends early. The zero value never does.
type early struct {
	k      int
	enough int     // rows that the list holds before
	factor float32 // of the k-th distance; 0 = never
	zero   float32 // what makes a distance of the source one from zero up
	floor  float32 // k-th distance from which on
}

// limit is the distance beyond which no row is worth expanding, or holding.
func (e *early) limit(b *beam) float32 {
	last := uint(e.k - 1)
	if e.factor == 0 || b.shown < e.enough || last >= uint(len(b.c)) {
		return inf
	}
	kth := b.c[last].dist + e.zero
	if !(kth > e.floor) {
		return inf
	}
	return kth*e.factor - e.zero
}

// endEarly lets a walk for k rows with a list of ef places end early, and returns
// the list that it needs.
func (w *walk) endEarly(ef, k int) int {
	w.early = early{}
	zero, ok := w.x.zero()
	c := w.src.codes
	if !ok || w.dead || c == nil || c.model.Coarse() || k < 1 || ef < earlyList*k {
		return ef
	}
	growth := math.Float32frombits(c.growth.Load())
	if !(growth > 0 && growth <= growthMost) {
		return ef
	}
	share := min(earlyShare, earlyGrowth*growth)
	factor := 1 + share*float32(math.Log(float64(ef)/float64(k)))
	w.early = early{k: k, enough: ef, factor: factor, zero: zero}
	return int(earlyWide * float32(ef))
}

// first is what of a list is ranked: as much as of one that does not end early.
func (e *early) first(list []cand) []cand {
	if e.factor == 0 {
		return list
	}
	return list[:min(len(list), e.enough)]
}

// zero is what added to a distance of the source makes it one that is zero for equal
// vectors. Inner products have none.
func (x *Index) zero() (float32, bool) {
	switch x.cfg.Metric {
	case compute.L2:
		return 0, true
	case compute.Cosine:
		return 1, true
	}
	return 0, false
}

// measureGrowth finds by how much distances grow with rank among the rows that are
// linked: the mean of ln(far/near) / ln(growthFar/growthNear). In d dimensions that
// is 2/d for squared distances.
func (x *Index) measureGrowth() {
	m := x.mem.Load()
	c := m.codes.Load()
	zero, ok := x.zero()
	rows := m.rows.Load()
	if c == nil || c.model.Coarse() || !ok || rows == 0 {
		return
	}
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	sum, n := 0.0, 0
	for i := range uint32(growthRows) {
		row := uint32(uint64(i) * uint64(rows) / growthRows)
		if !m.isLinked(row) {
			continue
		}
		w := x.newWalk(m, s)
		w.src.codes = c
		w.setRow(row)
		w.walkNear(growthFar + 1)
		b := w.s.beam.c
		if len(b) <= growthFar {
			continue
		}
		near, far := b[growthNear].dist+zero, b[growthFar].dist+zero // the first is the row itself
		if near > 0 {
			sum += math.Log(float64(far / near))
			n++
		}
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(c)
	if n >= growthRows/2 {
		c.growth.Store(math.Float32bits(float32(sum / float64(n) / math.Log(float64(growthFar)/growthNear))))
	}
}
