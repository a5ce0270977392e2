package dataset

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Exact returns the k nearest rows of base for every query, computed in float64
// by comparing with every row; equal distances are ordered by row. It returns
// queries × k rows; k is at most the number of rows.
func Exact(m compute.Metric, base, queries []float32, dim, k int) []int32 {
	rows, n := len(base)/dim, len(queries)/dim
	if k > rows {
		panic("BUG: dataset.Exact: k is larger than the base")
	}
	norms := make([]float64, rows)
	for i := range norms {
		norms[i] = norm64(base[i*dim : (i+1)*dim])
	}
	out := make([]int32, n*k)
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for w := range workers {
		wg.Go(func() {
			dist := make([]float64, rows)
			order := make([]int32, rows)
			for q := w; q < n; q += workers {
				query := queries[q*dim : (q+1)*dim]
				norm := norm64(query)
				for i := range dist {
					dist[i] = distance64(m, query, base[i*dim:(i+1)*dim], norm, norms[i])
				}
				copy(out[q*k:(q+1)*k], nearest(dist, order, k))
			}
		})
	}
	wg.Wait()
	return out
}

// nearest returns the k rows of least distance, ties by row. order is scratch of
// len(dist).
func nearest(dist []float64, order []int32, k int) []int32 {
	less := func(a, b int32) int {
		return cmp.Or(cmp.Compare(dist[a], dist[b]), cmp.Compare(a, b))
	}
	// Keep the best 2k so far and cut back to k when the buffer is full.
	best := order[:0]
	bound := int32(-1)
	for row := range int32(len(dist)) {
		if bound >= 0 && less(row, bound) > 0 {
			continue
		}
		best = append(best, row)
		if len(best) == 2*k && k < len(dist)/2 {
			slices.SortFunc(best, less)
			best = best[:k]
			bound = best[k-1]
		}
	}
	slices.SortFunc(best, less)
	return best[:k]
}
