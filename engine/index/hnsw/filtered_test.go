package hnsw

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

// bitsOf returns a bitmap of the rows below rows for which pass holds.
func bitsOf(rows int, pass func(row uint32) bool) []uint64 {
	words := make([]uint64, (rows+63)/64)
	for row := range uint32(rows) {
		if pass(row) {
			words[row>>6] |= 1 << (row & 63)
		}
	}
	return words
}

// recallOf is the share of the k nearest allowed live rows in hits. A hit that is not
// allowed, not alive or given twice is an error.
func recallOf(t *testing.T, x *Index, q []float32, allow []uint64, hits []index.Hit, k int) float64 {
	t.Helper()
	type at struct {
		row  uint32
		dist float32
	}
	var all []at
	for row := range uint32(x.Rows()) {
		if i := int(row >> 6); i >= len(allow) || allow[i]>>(row&63)&1 == 0 || !x.Alive(row) {
			continue
		}
		sum := float32(0)
		for i, v := range x.Vector(row) {
			sum += (v - q[i]) * (v - q[i])
		}
		all = append(all, at{row, sum})
	}
	slices.SortFunc(all, func(a, b at) int { return cmp.Compare(a.dist, b.dist) })
	k = min(k, len(all))
	if len(hits) != k {
		t.Fatalf("%d hits, want %d", len(hits), k)
	}
	found := 0
	seen := map[uint32]bool{}
	for _, h := range hits {
		if !slices.ContainsFunc(all, func(a at) bool { return a.row == h.Row }) || seen[h.Row] {
			t.Fatalf("row %d: not allowed, not alive, or given twice", h.Row)
		}
		seen[h.Row] = true
		if slices.ContainsFunc(all[:k], func(a at) bool { return a.row == h.Row }) {
			found++
		}
	}
	return float64(found) / float64(max(k, 1))
}

// TestAmongCodes scans the codes of the allowed rows while some are dead and some
// wait to be linked or linked again.
func TestAmongCodes(t *testing.T) {
	for _, kind := range []codes.Kind{codes.SQ8, codes.SQ4, codes.Binary} {
		cfg := codedConfig(32)
		cfg.Quantization = kind
		x, r := randomIndexOf(t, 4000, cfg)
		x.jobs.Lock() // nothing is linked until it is given back
		for row := uint32(0); row < 900; row += 9 {
			x.Delete(row)
		}
		for row := uint32(3950); row < 4030; row++ {
			if err := x.Put(row, gauss(r, 32)); err != nil {
				t.Fatal(err)
			}
		}
		allow := bitsOf(x.Rows(), func(row uint32) bool { return row%3 == 0 })
		recall, queries := 0.0, 30
		var tr index.Trace
		for range queries {
			q := gauss(r, 32)
			hits := x.Search(q, index.Params{K: 10, Ef: 64, Allow: allow, Trace: &tr}, nil)
			recall += recallOf(t, x, q, allow, hits, 10) / float64(queries)
			if tr.Hops != 0 || tr.Ranked == 0 || tr.Pending == 0 {
				t.Fatalf("%s: %+v, want a scan by codes beside pending rows", kind, tr)
			}
		}
		x.jobs.Unlock()
		t.Logf("%s: recall %.4f", kind, recall)
		if recall < 0.99 {
			t.Errorf("%s: recall %.4f", kind, recall)
		}
	}
}

// TestWalkAmong walks under filters, by codes and by vectors, until it gives up: the
// rows of the far one lie where no query is, behind all that are nearer.
func TestWalkAmong(t *testing.T) {
	const n, dim = 12000, 8
	for _, kind := range []codes.Kind{codes.None, codes.SQ8} {
		cfg := codedConfig(dim)
		cfg.Quantization = kind
		x, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Close() })
		r := rand.New(rand.NewPCG(5, 5))
		for row := range uint32(n) {
			v := gauss(r, dim)
			if row%2 == 0 {
				v[0] += 12
			}
			if err := x.Put(row, v); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
		for name, pass := range map[string]func(row uint32) bool{
			"half": func(row uint32) bool { return row%4 < 2 },
			"far":  func(row uint32) bool { return row%2 == 0 },
		} {
			allow := bitsOf(n, pass)
			recall, queries, most := 0.0, 20, 0
			for range queries {
				var tr index.Trace
				q := gauss(r, dim)
				hits := x.Search(q, index.Params{K: 10, Ef: 32, Allow: allow, Trace: &tr}, nil)
				recall += recallOf(t, x, q, allow, hits, 10) / float64(queries)
				most = max(most, tr.Distances)
				if tr.Hops == 0 {
					t.Fatalf("%s %s: no walk", kind, name)
				}
			}
			t.Logf("%s %s: recall %.4f, at most %d distances", kind, name, recall, most)
			if recall < 0.95 {
				t.Errorf("%s %s: recall %.4f", kind, name, recall)
			}
			if most > 3*n/2 {
				t.Errorf("%s %s: %d distances: it was not given up", kind, name, most)
			}
		}
	}
}
