package hnsw

import (
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/slab"
)

// scratch is what one search or link job works in. It is reused; nothing in it
// outlives the job.
type scratch struct {
	query  subject // what is searched for or linked
	from   subject // another row, for a moment
	coding codes.Scratch
	seen   visited
	beam   beam
	late   beam   // pending rows
	merged []cand // those and what the walk found
	ranked ranking
	far    farList // candidates beyond the beam's shape: filters and large ef

	own  []uint32  // the links of a new row on its levels, from the top, NoRow after each
	ids  []uint32  // rows of the gather call being prepared
	dist []float32 // their distances
	way  []step    // the nearest rows on the way down

	// Linking only.
	watch  earlyWatch
	pool   []cand   // candidates to select from, ascending
	near   []cand   // the links that a row has, ascending from where it is now
	rest   []cand   // candidates that choose has not decided on
	rivals []uint32 // their rows
	kept   []uint32 // what choose and refill selected
	mine   []uint32 // the links of the row being linked
	old    []uint32 // the links that a change takes away
	lost   []uint32 // rows that nobody links to any more
	links  []uint32 // a copy of a list to walk over
	list   []uint32 // a list under change
	gap    gap      // what a row left that moved
	left   []uint32 // the links that it had there
	sorted []cand   // rows with their distances, ascending
}

func (x *Index) newScratch() any {
	b, err := slab.New(x.shape.stride * 4) // for its alignment; always Go memory
	if err != nil {
		panic("BUG: hnsw: " + err.Error())
	}
	n := x.shape.m0 + 1
	return &scratch{
		query: subject{vec: slab.Of[float32](b)},
		ids:   make([]uint32, 0, n),
		dist:  make([]float32, n+8),
	}
}

// roomDist makes dist hold at least n values.
func (s *scratch) roomDist(n int) []float32 {
	if cap(s.dist) < n {
		s.dist = make([]float32, n+n/2+8) // kernels like to write a few more
	}
	s.dist = s.dist[:cap(s.dist)]
	return s.dist[:n]
}
