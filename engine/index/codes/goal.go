package codes

import (
	"slices"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// goalQueries is how many rows of the sample ask for their neighbours.
const goalQueries = 400

// goal measures how well codes keep neighbours: some rows of the sample ask, all
// answer.
type goal struct {
	t      *trainer
	sample []float32
	asking []int      // rows that ask
	truth  [][]uint32 // the nearest rows of each, itself among them
}

func newGoal(t *trainer, sample []float32) *goal {
	g := &goal{t: t, sample: sample}
	dist := make([]float32, t.rows)
	for range min(goalQueries, t.rows) {
		a := t.rng.IntN(t.rows)
		q := sample[a*t.dim : (a+1)*t.dim]
		if t.metric == compute.L2 {
			simd.L2RowsF32(q, sample, t.dim, dist)
		} else {
			simd.DotRowsF32(q, sample, t.dim, dist)
			scale(dist, -1)
		}
		g.asking = append(g.asking, a)
		g.truth = append(g.truth, nearest(dist, goalK+1))
	}
	return g
}

// maxDepth bounds the depths that are told apart. Codes of one bit need deep lists.
func (k Kind) maxDepth() int {
	if k == Binary {
		return 512
	}
	return 64
}

// measure sets m's depth, which is how many of the first rows by code hold
// goalShare of the true neighbours, goalK to maxDepth of its kind, and its strain. The row that
// asks is left out on both sides.
func (g *goal) measure(m *Model) {
	rows, ids := g.encode(m)
	m.depth = g.depth(m, rows, ids)
}

// encode returns the codes of the sample and its row numbers.
func (g *goal) encode(m *Model) (rows []byte, ids []uint32) {
	rows, ids = make([]byte, g.t.rows*m.stride), make([]uint32, g.t.rows)
	var s Scratch
	var strain float64
	for i := range ids {
		ids[i] = uint32(i)
		strain += float64(m.Encode(rows[i*m.stride:(i+1)*m.stride], g.sample[i*g.t.dim:(i+1)*g.t.dim], &s))
	}
	m.strain = float32(strain / float64(g.t.rows))
	return rows, ids
}

func (g *goal) depth(m *Model, rows []byte, ids []uint32) int {
	dist := make([]float32, g.t.rows)
	var q Query
	deepest := m.kind.maxDepth()
	at := make([]int, deepest+1) // true neighbours by their place
	of := 0
	for i, a := range g.asking {
		m.SetVector(&q, g.sample[a*g.t.dim:(a+1)*g.t.dim])
		m.Gather(&q, rows, ids, dist)
		first := nearest(dist, deepest+1)
		first = slices.DeleteFunc(first, func(r uint32) bool { return int(r) == a })
		for _, r := range g.truth[i] {
			if place := slices.Index(first, r); place >= 0 && int(r) != a {
				at[place]++
			}
			if int(r) != a {
				of++
			}
		}
	}
	found := 0
	for place, n := range at {
		if found += n; place+1 >= goalK && float64(found) >= goalShare*float64(of) {
			return place + 1
		}
	}
	return deepest
}

// nearest returns the numbers of the n smallest distances.
func nearest(dist []float32, n int) []uint32 {
	out := make([]uint32, 0, n+1)
	for i, d := range dist {
		at := len(out)
		for at > 0 && d < dist[out[at-1]] {
			at--
		}
		if at == n {
			continue
		}
		out = slices.Insert(out, at, uint32(i))
		out = out[:min(len(out), n)]
	}
	return out
}
