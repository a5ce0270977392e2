package hnsw

import (
	"math"
	"slices"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// How fast distances grow behind the k-th differs between sets: a share that loses
// nothing on one loses a twentieth of the neighbours on another. Insertions show it. Each is
// a search for a vector that is not there yet, with a list much longer than a search's,
// and every walk with a shorter list, or one that ends early, is a beginning of it. So of
// some insertions it is noted what those walks have found where they end. Searching
// for rows that are there would say less: links around a row were left out
// because it is there, and the share came out half as large again as for queries.
const (
	learnEf = 32 // the list that is asked for, for earlyK rows
	// learnEvery is of how many insertions one is watched. After learnLeast of them walks
	// may end early; from learnMemory on, what they showed counts half.
	learnEvery  = 8
	learnLeast  = 128
	learnMemory = 1024
	// learnGain is the share of the distances that must be spared. Of the neighbours that
	// walks miss that do not end early learnMiss may be missed, and learnLoss of all.
	learnGain = 0.04
	learnMiss = 0.95
	learnLoss = 0.0003
)

// learnShares are the shares that are watched, ascending. What is between two of them is
// interpolated.
var learnShares = [...]float32{0.045, 0.06, 0.08, 0.1, 0.12, 0.14}

// The watched walks: one for each share, then the one that does not end early.
const (
	learnPlain = len(learnShares)
	learnWalks = learnPlain + 1
)

// earlyWatch follows one insertion.
type earlyWatch struct {
	on        bool
	ended     int  // shares that have ended
	plain     bool // so has the walk that does not end early
	found     [learnWalks][earlyK]uint32
	distances [learnWalks]int
}

// earlyStats sums up what insertions showed.
type earlyStats struct {
	mu        sync.Mutex // guards: walks, hits, distances
	walks     float64
	hits      [learnWalks]float64 // neighbours found
	distances [learnWalks]float64
}

// watchable reports whether the insertion of row is one to learn from.
func (w *walk) watchable(row uint32) bool {
	c := &w.x.cfg
	return mix(uint64(row))%learnEvery == 0 && c.Metric != compute.Dot && !w.dead &&
		w.reach(c.EfConstruction) >= learnEf*earlyWide/100 && int(w.m.rows.Load()) >= c.TrainRows
}

// watch notes the walks that end where from is about to be expanded.
func (w *walk) watch(from cand) {
	b, y := &w.s.beam, &w.s.watch
	if b.shown < learnEf {
		return
	}
	place := b.next - 1 // of from
	if place >= learnEf && !y.plain {
		y.plain = true
		w.endsHere(learnPlain)
	}
	for ; y.ended < learnPlain; y.ended++ {
		e := earlyOf(learnEf, earlyK, learnShares[y.ended], w.x.zero())
		e.floor = w.early.floor
		if place < learnEf*earlyWide/100 && from.dist < e.limit(b) {
			break
		}
		w.endsHere(y.ended)
	}
	y.on = y.ended < learnPlain || !y.plain
}

// endsHere notes what walk i has found.
func (w *walk) endsHere(i int) {
	y := &w.s.watch
	y.distances[i] = w.tr.Distances
	for j, c := range w.s.beam.c[:earlyK] {
		y.found[i][j] = c.row & rowMask
	}
}

// learn adds the walk that was watched to what is known.
func (w *walk) learn() {
	y := &w.s.watch
	y.on = false // the scratch goes on to other walks
	if len(w.s.beam.c) < learnEf {
		return
	}
	for ; y.ended < learnPlain; y.ended++ {
		w.endsHere(y.ended)
	}
	if !y.plain {
		w.endsHere(learnPlain)
	}
	if share, ok := w.x.learned.add(y, w.s.beam.c[:earlyK]); ok {
		w.x.early.Store(math.Float32bits(share))
	}
}

// add adds a watched walk at the end of which near were the nearest, and returns the
// share that is best then, if enough is known.
func (l *earlyStats) add(y *earlyWatch, near []cand) (share float32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.walks++
	for i := range y.found {
		l.distances[i] += float64(y.distances[i])
		for _, c := range near {
			if slices.Contains(y.found[i][:], c.row&rowMask) {
				l.hits[i]++
			}
		}
	}
	if l.walks >= learnMemory {
		l.walks /= 2
		for i := range l.hits {
			l.hits[i] /= 2
			l.distances[i] /= 2
		}
	}
	return l.share(), l.walks >= learnLeast
}

// share is the least share with which walks that end early find as many neighbours as
// those that do not, 0 if that spares too little.
func (l *earlyStats) share() float32 {
	all := earlyK * l.walks
	want := all - learnMiss*(all-l.hits[learnPlain]) - learnLoss*all
	i := 0
	for i < learnPlain && l.hits[i] < want {
		i++
	}
	if i == learnPlain {
		return 0
	}
	share, distances := learnShares[i], l.distances[i]
	if i > 0 {
		part := (want - l.hits[i-1]) / (l.hits[i] - l.hits[i-1])
		share = learnShares[i-1] + float32(part)*(share-learnShares[i-1])
		distances = l.distances[i-1] + part*(distances-l.distances[i-1])
	}
	if distances > (1-learnGain)*l.distances[learnPlain] {
		return 0
	}
	return share
}
