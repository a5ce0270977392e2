package hnsw

import (
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// source computes distances between a query and rows, many rows a call. It is
// the one place that knows what rows are compared by; codes join it as another
// kind.
//
// Its distances order as the metric's do but are cheaper: under Dot and Cosine
// it is the negated inner product. result turns one into the metric's.
type source struct {
	vec    []float32
	stride int
	l2     bool
}

func (x *Index) source(m *memory) source {
	return source{vec: m.vec, stride: m.stride, l2: x.cfg.Metric == compute.L2}
}

// gather sets dist[i] to the distance of q, padded to the stride, and row
// ids[i], for each of len(ids).
func (s *source) gather(q []float32, ids []uint32, dist []float32) {
	dist = dist[:len(ids)]
	if s.l2 {
		simd.L2GatherF32(q, s.vec, s.stride, ids, dist)
		return
	}
	simd.DotGatherF32(q, s.vec, s.stride, ids, dist)
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
