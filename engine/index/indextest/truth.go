package indextest

import (
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// Distance is the metric's distance, summed in float64.
func Distance(m compute.Metric, a, b []float32) float32 {
	var dot, l2 float64
	for i, x := range a {
		d := float64(x) - float64(b[i])
		dot += float64(x) * float64(b[i])
		l2 += d * d
	}
	switch m {
	case compute.Dot:
		return float32(-dot)
	case compute.Cosine:
		return float32(1 - dot)
	}
	return float32(l2)
}

// Nearest returns the k nearest rows of q among those that has gives, ascending,
// ties by row.
func Nearest(m compute.Metric, q []float32, rows map[uint32][]float32, k int) []index.Hit {
	hits := make([]index.Hit, 0, len(rows))
	for row, v := range rows {
		hits = append(hits, index.Hit{Row: row, Dist: Distance(m, q, v)})
	}
	slices.SortFunc(hits, func(a, b index.Hit) int {
		switch {
		case a.Dist < b.Dist:
			return -1
		case a.Dist > b.Dist:
			return 1
		}
		return int(a.Row) - int(b.Row)
	})
	return hits[:min(k, len(hits))]
}

// Recall is the mean share of the first k rows of truth that search finds.
func Recall(set *Set, k int, search func(q []float32, dst []index.Hit) []index.Hit) float64 {
	found := 0
	var hits []index.Hit
	for i, q := range set.Queries {
		hits = search(q, hits[:0])
		for _, h := range hits[:min(k, len(hits))] {
			if slices.Contains(set.Truth[i][:k], h.Row) {
				found++
			}
		}
	}
	return float64(found) / float64(k*len(set.Queries))
}
