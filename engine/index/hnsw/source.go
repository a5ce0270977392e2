package hnsw

import (
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

// source computes distances between a vector and rows, many rows a call: by
// codes where there are some, else by vectors. It is the one place that knows what
// rows are compared by.
//
// Its distances order as the metric's do but are cheaper: under Dot and Cosine
// it is the negated inner product. result turns one into the metric's.
type source struct {
	vec    []float32
	stride int
	l2     bool
	codes  *codeRows // nil: by vectors
	early  simd.Fetch
	ahead  int // rows that a vector is fetched early
}

// subject is what rows are compared with: a query, or a row.
type subject struct {
	vec  []float32   // padded to the stride
	code codes.Query // prepared when the source has codes
}

func (x *Index) source(m *memory) source {
	return source{
		vec: m.vec, stride: m.stride, l2: x.cfg.Metric == compute.L2, codes: m.codes.Load(),
		early: x.cfg.Fetch, ahead: x.cfg.Fetch.Rows(m.stride * 4),
	}
}

// take makes q the subject, padded into its memory.
func (s *source) take(to *subject, q []float32) {
	n := copy(to.vec, q)
	clear(to.vec[n:])
	if s.codes != nil {
		s.codes.model.SetVector(&to.code, q)
	}
}

// takeRow makes a row the subject. A row that is not linked has no code yet.
func (s *source) takeRow(to *subject, row uint32) {
	if s.codes != nil {
		s.codes.model.SetCode(&to.code, s.codes.row(row))
		return
	}
	i := int(row) * s.stride
	to.vec = s.vec[i : i+s.stride : i+s.stride]
}

// gather sets dist[i] to the distance of the subject and row ids[i], for each of
// len(ids).
func (s *source) gather(q *subject, ids []uint32, dist []float32) {
	if s.codes != nil {
		s.codes.model.Gather(&q.code, s.codes.bytes, ids, dist)
		return
	}
	s.exact(q.vec, ids, dist)
}

// fetch says where a row's first bytes are, and how many lines of them to fetch
// before gather is called.
func (s *source) fetch() (rows []byte, stride, lines int) {
	if c := s.codes; c != nil {
		return c.bytes, c.stride, s.early.Lines(c.stride)
	}
	return bytesOf(s.vec), s.stride * 4, 1 // the kernel fetches the rest
}

// exact is gather by vectors; q is padded to the stride.
func (s *source) exact(q []float32, ids []uint32, dist []float32) {
	dist = dist[:len(ids)]
	if s.l2 {
		simd.L2GatherAheadF32(q, s.vec, s.stride, ids, dist, s.ahead)
		return
	}
	simd.DotGatherAheadF32(q, s.vec, s.stride, ids, dist, s.ahead)
	for i, d := range dist {
		dist[i] = -d
	}
}

// result turns a distance of the source into one of the metric.
func (x *Index) result(d float32) float32 {
	if x.cfg.Metric == compute.Cosine {
		return 1 + d
	}
	return d
}
