package cpu

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestBatchesAgreeWithSingles: whichever way a batch goes through the kernels, with
// rows left out, listed, or with fewer rows than results, each query's results are
// those that it has alone.
func TestBatchesAgreeWithSingles(t *testing.T) {
	const rows, dim, k = 1003, 37, 12
	simdtest.EachLevel(t, func(t *testing.T) {
		b := New(Options{Workers: 2})
		defer b.Close()
		r := rand.New(rand.NewPCG(5, 5))
		few, most := make([]uint64, rows/64+1), make([]uint64, rows/64+1)
		for i := range few {
			few[i] = r.Uint64() & r.Uint64() & r.Uint64()
			most[i] = ^few[i]
		}
		var listed []uint32
		for row := range uint32(rows) {
			if r.IntN(3) > 0 {
				listed = append(listed, row)
			}
		}
		for _, metric := range []compute.Metric{compute.L2, compute.Dot, compute.Cosine} {
			h := randomHost(rows, dim, metric)
			for _, n := range []int{1, 23, 24, 32, 55, 56, 64, 100} {
				for _, skip := range [][]uint64{nil, few, most, slices.Repeat([]uint64{^uint64(0)}, rows/64+1)} {
					checkBatch(t, b, h, n, k, skip)
				}
				h.Subset = listed
				checkBatch(t, b, h, n, k, few)
				h.Subset = nil
			}
		}
	})
}

func checkBatch(t *testing.T, b *Backend, h compute.HostRows, n, k int, skip []uint64) {
	t.Helper()
	req := requestFor(h, n, k)
	req.Skip = skip
	if err := b.SearchHost(context.Background(), h, req); err != nil {
		t.Fatal(err)
	}
	for q := range n {
		one := &compute.SearchRequest{
			Queries: req.Queries[q*h.Dim : (q+1)*h.Dim], K: k, Skip: skip,
			IDs: make([]uint32, k), Dist: make([]float32, k),
		}
		if err := b.SearchHost(context.Background(), h, one); err != nil {
			t.Fatal(err)
		}
		for i, row := range req.IDs[q*k : (q+1)*k] { // near ones may change places
			if (row == compute.NoRow) != (one.IDs[i] == compute.NoRow) || skipped(skip, row) ||
				slices.Contains(req.IDs[q*k:q*k+i], row) && row != compute.NoRow {
				t.Fatalf("metric %d, query %d of %d: rows %v, alone %v", h.Metric, q, n, req.IDs[q*k:(q+1)*k], one.IDs)
			}
		}
		for i, d := range req.Dist[q*k : (q+1)*k] {
			if want := one.Dist[i]; d != want && !(math.Abs(float64(d-want)) <= 1e-4*(1+math.Abs(float64(want)))) {
				t.Fatalf("metric %d, query %d of %d: slot %d at %v, alone at %v", h.Metric, q, n, i, d, want)
			}
		}
	}
}

// TestBatchOfNaN: rows that overflow to no number are results when nothing better
// exists, whichever way a batch goes.
func TestBatchOfNaN(t *testing.T) {
	const rows, dim, k = 300, 4, 5
	h := compute.HostRows{Rows: make([]float32, rows*dim), Dim: dim, Stride: dim, Metric: compute.Dot}
	for i := range h.Rows {
		h.Rows[i] = float32(math.NaN())
	}
	b := New(Options{Workers: 1})
	defer b.Close()
	for _, n := range []int{1, 32} {
		req := requestFor(h, n, k)
		if err := b.SearchHost(context.Background(), h, req); err != nil {
			t.Fatal(err)
		}
		for i, row := range req.IDs {
			if row != uint32(i%k) {
				t.Fatalf("%d queries: rows %v", n, req.IDs)
			}
		}
	}
}
