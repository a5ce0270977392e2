package cpu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
)

// TestConformance runs the suite at every SIMD level.
func TestConformance(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		computetest.Run(t, func(*testing.T) compute.Backend {
			return New(Options{Workers: 4})
		})
	})
}

// randomHost is a block of random rows for SearchHost.
func randomHost(rows, dim int, m compute.Metric) compute.HostRows {
	r := rand.New(rand.NewPCG(1, uint64(rows)))
	v := make([]float32, rows*dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return compute.HostRows{Rows: v, Dim: dim, Stride: dim, Metric: m}
}

func requestFor(h compute.HostRows, n, k int) *compute.SearchRequest {
	r := rand.New(rand.NewPCG(2, uint64(n)))
	q := make([]float32, n*h.Dim)
	for i := range q {
		q[i] = float32(r.NormFloat64())
	}
	return &compute.SearchRequest{
		Queries: q, K: k, IDs: make([]uint32, n*k), Dist: make([]float32, n*k),
	}
}

// TestWorkersDoNotChangeResults is invariant C2, to the bit.
func TestWorkersDoNotChangeResults(t *testing.T) {
	h := randomHost(20_000, 40, compute.L2)
	var first *compute.SearchRequest
	for _, workers := range []int{1, 2, 3, 8} {
		b := New(Options{Workers: workers})
		req := requestFor(h, 70, 25)
		if err := b.SearchHost(context.Background(), h, req); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = req
			continue
		}
		if !slices.Equal(first.IDs, req.IDs) || !slices.Equal(first.Dist, req.Dist) {
			t.Fatalf("%d workers gave other results than 1", workers)
		}
	}
}

// TestCancelStopsEarly cancels from another goroutine while a long search runs:
// it must return the context's error, and leave the backend usable.
func TestCancelStopsEarly(t *testing.T) {
	b := New(Options{Workers: 2})
	defer b.Close()
	h := randomHost(30_000, 64, compute.Dot)
	ctx, cancel := context.WithCancel(context.Background())
	req := requestFor(h, 6400, 10)
	go cancel()
	if err := b.SearchHost(ctx, h, req); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if err := b.SearchHost(context.Background(), h, requestFor(h, 3, 10)); err != nil {
		t.Fatal(err)
	}
}

func TestSearchAllocs(t *testing.T) {
	b := New(Options{Workers: 2})
	defer b.Close()
	h := randomHost(6000, 64, compute.L2)
	for _, n := range []int{1, 9, 64} {
		req := requestFor(h, n, 10)
		run := func() {
			if err := b.SearchHost(context.Background(), h, req); err != nil {
				t.Fatal(err)
			}
		}
		run()
		run()
		if allocs := testing.AllocsPerRun(50, run); allocs >= 1 {
			t.Fatalf("%d queries: %v allocations a search", n, allocs)
		}
	}
}

func TestMatrixBytesLimit(t *testing.T) {
	b := New(Options{Workers: 1, MatrixBytes: 1 << 20})
	defer b.Close()
	spec := compute.MatrixSpec{Rows: 1 << 12, Dim: 64, Elem: compute.F32, Metric: compute.L2}
	if _, err := b.NewMatrix(spec); !errors.Is(err, compute.ErrNoMemory) {
		t.Fatalf("got %v, want ErrNoMemory", err)
	}
}

// BenchmarkExact is exact search of 100,000 × 256 in batches. It reports queries
// and multiplications a second.
func BenchmarkExact(b *testing.B) {
	for name, metric := range map[string]compute.Metric{"cosine": compute.Cosine, "l2": compute.L2} {
		b.Run(name, func(b *testing.B) { benchmarkExact(b, randomHost(100_000, 256, metric)) })
	}
}

func benchmarkExact(b *testing.B, h compute.HostRows) {
	for _, workers := range []int{1, 2} {
		backend := New(Options{Workers: workers})
		for _, n := range []int{1, 4, 64} {
			b.Run(fmt.Sprintf("workers=%d/batch=%d", workers, n), func(b *testing.B) {
				req := requestFor(h, n, 10)
				for b.Loop() {
					if err := backend.SearchHost(context.Background(), h, req); err != nil {
						b.Fatal(err)
					}
				}
				perSecond := float64(n) * float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(perSecond, "queries/s")
				b.ReportMetric(perSecond*float64(len(h.Rows))/1e9, "Gmul/s")
			})
		}
		if err := backend.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFiltered is one query over 100,000 × 256 of which skip leaves one row
// in a hundred, spread evenly: it must cost about a hundredth.
func BenchmarkFiltered(b *testing.B) {
	h := randomHost(100_000, 256, compute.Cosine)
	skip := make([]uint64, 100_000/64+1)
	for row := range 100_000 {
		if row%100 != 0 {
			skip[row/64] |= 1 << (row % 64)
		}
	}
	backend := New(Options{Workers: 1})
	defer backend.Close()
	req := requestFor(h, 1, 10)
	req.Skip = skip
	for b.Loop() {
		if err := backend.SearchHost(context.Background(), h, req); err != nil {
			b.Fatal(err)
		}
	}
}
