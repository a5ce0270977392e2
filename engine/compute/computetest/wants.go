package computetest

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// testWants gives queries of one batch different numbers of results, few to all: each
// gets what it gets alone, with and without bitmaps of their own.
func testWants(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(41, 41))
	const rows, dim, n = 700, 24, 40
	half := make([]uint64, 11)
	for i := range half {
		half[i] = r.Uint64()
	}
	for i, metric := range metrics {
		m, h := filled(t, b, f32Spec(rows, dim, metric), vectors(r, rows, dim))
		for _, large := range [][]int{{}, {500}, {300, 700, 200}} {
			req := newRequest(t, queries(r, n, dim, metric), dim, 720, nil)
			for q := range n {
				req.Ks = append(req.Ks, 1+r.IntN(20))
				req.Skips = append(req.Skips, [][]uint64{nil, half}[q/(n/2)])
			}
			for j, k := range large {
				req.Ks[13*j] = k
			}
			if i == 0 {
				req.Skips = nil
			}
			search(t, b, m, req)
			checkResults(t, h, compute.F32, req)
			for q := range n {
				if q%13 < 2 {
					compareAlone(t, b, m, req, q, dim)
				}
			}
		}
	}
}

// compareAlone searches for query q of req again, alone.
func compareAlone(t *testing.T, b compute.Backend, m compute.Matrix, req *compute.SearchRequest, q, dim int) {
	t.Helper()
	k := req.Ks[q]
	one := newRequest(t, req.Queries[q*dim:(q+1)*dim], dim, k, nil)
	if req.Skips != nil {
		one.Skips = req.Skips[q : q+1]
	}
	search(t, b, m, one)
	for i, row := range one.IDs {
		if got := req.IDs[q*req.K+i]; got != row {
			t.Fatalf("query %d of %d wants %d of %d, slot %d: row %d, alone %d", q, len(req.Ks), k, req.K, i, got, row)
		}
	}
}
