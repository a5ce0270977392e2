//go:build !race

// sync.Pool drops values at random under the race detector.

package hnsw

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

func TestSearchAllocatesNothing(t *testing.T) {
	x, r := randomIndex(t, 5000, 32)
	q := gauss(r, 32)
	allow := make([]uint64, 5000/64)
	for i := range allow {
		allow[i] = 0xf0f0f0f0f0f0f0f0
	}
	hits := make([]index.Hit, 0, 4000)
	var tr index.Trace
	for name, p := range map[string]index.Params{
		"plain":  {K: 10, Ef: 64},
		"traced": {K: 10, Ef: 64, Trace: &tr},
		"filter": {K: 10, Ef: 64, Allow: allow},
		"far":    {K: 900, Ef: 1000},
		"scan":   {K: 3000},
	} {
		if n := testing.AllocsPerRun(50, func() { hits = x.Search(q, p, hits[:0]) }); n != 0 {
			t.Errorf("%s: %g allocations a search", name, n)
		}
	}
	x.Delete(3)
	p := index.Params{K: 10, Ef: 64}
	if n := testing.AllocsPerRun(50, func() { hits = x.Search(q, p, hits[:0]) }); n != 0 {
		t.Errorf("with deleted rows: %g allocations a search", n)
	}
}

// TestCodedSearchAllocatesNothing is the same by codes, used in every way.
func TestCodedSearchAllocatesNothing(t *testing.T) {
	for _, kind := range []codes.Kind{codes.SQ8, codes.SQ4, codes.Binary} {
		cfg := codedConfig(32)
		cfg.Quantization = kind
		x, r := randomIndexOf(t, 3000, cfg)
		q := gauss(r, 32)
		hits := make([]index.Hit, 0, 100)
		for name, how := range map[string]index.CodeUse{
			"plain": {}, "ignored": {Ignore: true}, "estimated": {Estimate: true}, "oversampled": {Oversampling: 4},
		} {
			p := index.Params{K: 10, Ef: 64, Codes: how}
			if n := testing.AllocsPerRun(50, func() { hits = x.Search(q, p, hits[:0]) }); n != 0 {
				t.Errorf("%s, %s: %g allocations a search", kind, name, n)
			}
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	x, r := randomIndex(b, 20000, 64)
	queries := make([][]float32, 256)
	for i := range queries {
		queries[i] = gauss(r, 64)
	}
	var hits []index.Hit
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		hits = x.Search(queries[i%len(queries)], index.Params{K: 10, Ef: 64}, hits[:0])
	}
}

func BenchmarkPut(b *testing.B) {
	x, r := randomIndex(b, 5000, 64)
	v := gauss(r, 64)
	row := uint32(5000)
	b.ReportAllocs()
	for b.Loop() {
		v[0] = r.Float32()
		if err := x.Put(row, v); err != nil {
			b.Fatal(err)
		}
		row++
	}
	x.Wait()
}
