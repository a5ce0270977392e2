package hnsw

import (
	"math"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// A walk may end before its list is exhausted: when the row to be expanded is farther
// than the k-th of the list by a factor that grows with the list that was asked for.
// So queries in sparse places end early, and those in dense ones get a longer list: as
// many neighbours are found for less work (Al-Jazzazi et al. 2025, "Distance Adaptive
// Beam Search for Provably Accurate Graph-Based Nearest Neighbor Search"). How the
// factor grows is learned from insertions: see earlylearn.go.
const (
	// earlyWide is the list of a walk that may end early, in hundredths of one that may
	// not; earlyList what that one must be at least, in hundredths of k.
	earlyWide = 150
	earlyList = 130
	// The factor is 1 + share × (ln(list/k) + earlyMore). The logarithm alone ends
	// short lists a little too early.
	earlyMore = 0.25
	// earlyFloor is the k-th distance, in those to where a walk begins, up to which
	// nothing ends early: there the order by codes is chance.
	earlyFloor = 1.0 / 32
	// earlyK is the least k. The nearest row alone says too little of how far the others
	// are: ends by its distance lost 0.01 to 0.025 of recall@1.
	earlyK = 10
)

// early says when a walk ends early. The zero value never does.
type early struct {
	k      int
	list   int     // rows that are held before, and places of a walk that does not
	factor float32 // of the k-th distance; 0 = never
	zero   float32 // what makes a distance of the source one from zero up
	floor  float32 // k-th distance from which on
}

// earlyOf is the end of a walk for k rows with a list of ef places.
func earlyOf(ef, k int, share, zero float32) early {
	k = max(k, earlyK)
	growth := float32(math.Log(float64(ef)/float64(k))) + earlyMore
	return early{k: k, list: ef, factor: 1 + share*growth, zero: zero}
}

// limit is the distance from which on no row is worth expanding, or holding.
func (e *early) limit(b *beam) float32 {
	if e.factor == 0 || b.shown < e.list {
		return inf
	}
	kth := b.distanceOf(e.k-1) + e.zero
	if kth > e.floor {
		return kth*e.factor - e.zero
	}
	return b.distanceOf(e.list)
}

// first is what of a list is ranked: as much as of one that does not end early.
func (e *early) first(list []cand) []cand {
	if e.factor == 0 {
		return list
	}
	return list[:min(len(list), e.list)]
}

// endEarly lets a walk for k rows with a list of ef places end early if that pays, and
// returns the list that it needs.
func (w *walk) endEarly(ef, k int) int {
	w.early = early{}
	share, wide := w.x.earlyShare(), ef*earlyWide/100
	c := w.src.codes
	if share == 0 || w.dead || ef*100 < earlyList*max(k, earlyK) || wide >= farEf || c != nil && c.model.Coarse() {
		return ef
	}
	w.early = earlyOf(ef, k, share, w.x.zero())
	return wide
}

// earlyShare is the share by which walks end early, 0 for never.
func (x *Index) earlyShare() float32 { return math.Float32frombits(x.early.Load()) }

// zero is what added to a distance of the source makes it one that is zero for equal
// vectors. Inner products have none.
func (x *Index) zero() float32 {
	if x.cfg.Metric == compute.Cosine {
		return 1
	}
	return 0
}
