package computetest

import (
	"math"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// checkResults fails t unless req's outputs are the k best, as many as each query wants, of h's stored rows
// within the tolerance of e.
func checkResults(t *testing.T, h compute.HostRows, e compute.Elem, req *compute.SearchRequest) {
	t.Helper()
	for q := range len(req.Queries) / h.Dim {
		out := q * req.K
		skip := req.Skip
		if req.Skips != nil && req.Skips[q] != nil {
			skip = padded(req.Skips[q], h)
		}
		k := req.K
		if req.Ks != nil {
			k = req.Ks[q]
		}
		checkQuery(t, h, e, req.Queries[q*h.Dim:(q+1)*h.Dim], skip, req.IDs[out:out+k], req.Dist[out:out+k])
		if t.Failed() {
			t.Fatalf("query %d of %d, k %d", q, len(req.Queries)/h.Dim, k)
		}
	}
}

// checkQuery compares one query's results by rank and by row: each reported
// distance must be its row's, and the i-th must be as good as the i-th best.
func checkQuery(
	t *testing.T, h compute.HostRows, e compute.Elem, q []float32, skip []uint64,
	ids []uint32, dist []float32,
) {
	t.Helper()
	want := scored(h, q, skip)
	allowed := eligible(h, skip)
	seen := make(map[uint32]bool, len(ids))
	var slack float64 // largest tolerance met: ranks may swap within it
	for i, row := range ids {
		if i >= len(want) {
			if row != compute.NoRow || !math.IsInf(float64(dist[i]), 1) {
				t.Fatalf("slot %d of %d results: got row %d at %v, want NoRow at +Inf",
					i, len(want), row, dist[i])
			}
			continue
		}
		if _, ok := slices.BinarySearch(allowed, row); !ok {
			t.Fatalf("slot %d: row %d is not among the %d rows to search", i, row, len(allowed))
		}
		if seen[row] {
			t.Fatalf("slot %d: row %d twice", i, row)
		}
		seen[row] = true
		v := h.Rows[int(row)*h.Stride : int(row)*h.Stride+h.Dim]
		tol := Tolerance(e)*scale(h.Metric, e, q, v) + tiny
		slack = max(slack, tol)
		got := float64(dist[i])
		if exact := Distance(h.Metric, q, v); !(math.Abs(got-exact) <= tol) {
			t.Fatalf("slot %d: row %d reported at %v, is at %v", i, row, got, exact)
		}
		if !(math.Abs(got-want[i].dist) <= 2*slack) {
			t.Fatalf("slot %d: row %d at %v, but the best there is row %d at %v",
				i, row, got, want[i].row, want[i].dist)
		}
		if i > 0 && (dist[i] < dist[i-1] || dist[i] == dist[i-1] && row < ids[i-1]) {
			t.Fatalf("slot %d: (%v, row %d) after (%v, row %d)", i, dist[i], row, dist[i-1], ids[i-1])
		}
	}
}

// newRequest returns a request for queries whose outputs hold rubbish, between
// canaries that the test's end checks.
func newRequest(t *testing.T, queries []float32, dim, k int, skip []uint64) *compute.SearchRequest {
	const pad = 8
	n := len(queries) / dim * k
	ids, dist := make([]uint32, n+2*pad), make([]float32, n+2*pad)
	for i := range ids {
		ids[i], dist[i] = 0xabcd1234, -7e7
	}
	before := slices.Clone(queries)
	t.Cleanup(func() {
		for i := range ids {
			if outside := i < pad || i >= pad+n; outside && (ids[i] != 0xabcd1234 || dist[i] != -7e7) {
				t.Errorf("wrote outside of the results, at %d of %d", i-pad, n)
			}
		}
		if !slices.Equal(before, queries) {
			t.Error("the queries were changed")
		}
	})
	return &compute.SearchRequest{
		Queries: queries, K: k, Skip: skip,
		IDs: ids[pad : pad+n : pad+n], Dist: dist[pad : pad+n : pad+n],
	}
}
