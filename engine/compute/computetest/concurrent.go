package computetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// testGrow appends rows beside searches. Row i is the point (i, 1): a query at
// (0, 0) must find the rows of a complete prefix, nearest first, and every
// distance must be that of a finished row.
func testGrow(t *testing.T, b compute.Backend) {
	const rows, dim, k = 4000, 9, 5
	m, err := b.NewMatrix(f32Spec(rows, dim, compute.Dot))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		v := make([]float32, 7*dim)
		for at := 0; at < rows; {
			n := min(7, rows-at)
			for i := range n {
				v[i*dim] = float32(at + i)
			}
			if err := m.Write(at, v[:n*dim]); err != nil {
				t.Errorf("Write: %v", err)
				return
			}
			at += n
		}
	})
	q := make([]float32, dim)
	q[0] = 1 // the distance of row i is -i: the newest rows come first
	for seen := 0; seen < rows && !t.Failed(); seen = m.Len() {
		req := newRequest(t, q, dim, k, nil)
		search(t, b, m, req)
		checkPrefix(t, req, seen, m.Len())
	}
	wg.Wait()
}

// checkPrefix expects the results of some prefix of between lo and hi rows.
func checkPrefix(t *testing.T, req *compute.SearchRequest, lo, hi int) {
	t.Helper()
	newest := -1
	if req.IDs[0] != compute.NoRow {
		newest = int(req.IDs[0])
	}
	if newest < lo-1 || newest >= hi {
		t.Fatalf("newest row %d, but between %d and %d rows were written", newest, lo, hi)
	}
	for i, row := range req.IDs {
		want := newest - i
		if want < 0 {
			if row != compute.NoRow {
				t.Fatalf("slot %d: row %d, want NoRow", i, row)
			}
			continue
		}
		if int(row) != want || req.Dist[i] != -float32(want) {
			t.Fatalf("slot %d: row %d at %v, want row %d", i, row, req.Dist[i], want)
		}
	}
}

// testTorn replaces one row by turns with two vectors: a search sees one or the
// other, never a mixture.
func testTorn(t *testing.T, b compute.Backend) {
	const dim, rounds = 3000, 300
	m, h := filled(t, b, f32Spec(2, dim, compute.L2), make([]float32, 2*dim))
	_ = h
	one := make([]float32, 2*dim)
	for i := range one {
		one[i] = 1
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		zero := make([]float32, 2*dim)
		for i := range rounds {
			v := one
			if i%2 == 1 {
				v = zero
			}
			if err := m.Write(0, v); err != nil {
				t.Errorf("Write: %v", err)
				return
			}
		}
	})
	for range rounds {
		req := newRequest(t, one[:dim], dim, 2, nil)
		search(t, b, m, req)
		for i, d := range req.Dist {
			if d != 0 && d != dim {
				t.Fatalf("row %d at distance %v: neither 0 nor %d, a torn row", req.IDs[i], d, dim)
			}
		}
		if t.Failed() {
			break
		}
	}
	wg.Wait()
}

// testConcurrent runs searches of different shapes at once, some of them
// cancelled on the way; each must get its own results or its context's error.
func testConcurrent(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(26, 26))
	const rows, dim, callers, rounds = 700, 48, 6, 5
	m, h := filled(t, b, f32Spec(rows, dim, compute.Cosine), vectors(r, rows, dim))
	var wg sync.WaitGroup
	for c := range callers {
		r := rand.New(rand.NewPCG(27, uint64(c)))
		var reqs [rounds]*compute.SearchRequest
		var done [rounds]bool
		for i := range reqs {
			reqs[i] = newRequest(t, queries(r, 1+r.IntN(70), dim, compute.Cosine), dim, 1+r.IntN(30), nil)
		}
		wg.Go(func() {
			for i, req := range reqs {
				ctx, cancel := context.WithCancel(context.Background())
				if i%3 == 2 {
					go cancel()
				}
				err := b.Search(ctx, m, req)
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("Search: %v", err)
				}
				done[i] = err == nil
			}
		})
		t.Cleanup(func() {
			for i, req := range reqs {
				if done[i] && !t.Failed() {
					checkResults(t, h, compute.F32, req)
				}
			}
		})
	}
	wg.Wait()
}

// testHostRows checks the optional search of rows that the caller holds.
func testHostRows(t *testing.T, b compute.Backend) {
	host, ok := b.(compute.HostMatrix)
	if !ok {
		t.Logf("%s searches no host rows", b.Info().Name)
		return
	}
	r := rand.New(rand.NewPCG(28, 28))
	skip := make([]uint64, 12)
	for i := range skip {
		skip[i] = r.Uint64() & r.Uint64()
	}
	for _, metric := range metrics {
		for _, pad := range []int{0, 3} {
			const rows, dim = 500, 37
			stride := dim + pad
			h := compute.HostRows{
				Rows: vectors(r, rows, stride)[:rows*stride-pad],
				Dim:  dim, Stride: stride, Metric: metric,
			}
			for i := range rows {
				normalize(h.Rows[i*stride : i*stride+dim])
			}
			for _, subset := range [][]uint32{nil, {}, {5}, {0, 499}, every(3, rows), every(1, rows)} {
				h.Subset = subset
				for _, n := range []int{1, 3, 70} {
					req := newRequest(t, queries(r, n, dim, metric), dim, 9, skip)
					if err := host.SearchHost(context.Background(), h, req); err != nil {
						t.Fatalf("SearchHost: %v", err)
					}
					checkResults(t, h, compute.F32, req)
				}
			}
		}
	}
	bad := compute.HostRows{Rows: make([]float32, 8), Dim: 8, Stride: 8, Metric: 0}
	req := newRequest(t, make([]float32, 8), 8, 1, nil)
	if err := host.SearchHost(context.Background(), bad, req); !errors.Is(err, compute.ErrUnsupported) {
		t.Errorf("SearchHost with metric 0: %v, want ErrUnsupported", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), -1)
	defer cancel()
	bad.Metric = compute.L2
	if err := host.SearchHost(ctx, bad, req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("SearchHost after the deadline: %v", err)
	}
}

// every lists every step-th row.
func every(step, rows int) []uint32 {
	var out []uint32
	for i := 0; i < rows; i += step {
		out = append(out, uint32(i))
	}
	return out
}
