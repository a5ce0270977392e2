package engine

import "github.com/vectorizer-go/vectorizer/engine/compute"

// distance is the oriented distance of metric m between q and v, the scalar
// reference. It may read v while a writer changes it: the caller checks
// afterwards whether the row changed and drops what was torn. That is why the
// race detector does not look in here.
//
//go:norace
func distance(m compute.Metric, q, v []float32) float32 {
	var s float64
	if m == compute.L2 {
		for i, x := range q {
			d := float64(x) - float64(v[i])
			s += d * d
		}
		return float32(s)
	}
	for i, x := range q {
		s += float64(x) * float64(v[i])
	}
	if m == compute.Dot {
		return float32(-s)
	}
	return float32(1 - s)
}
