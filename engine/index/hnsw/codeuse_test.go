package hnsw

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// searched is a search with its trace.
func searched(x *Index, q []float32, k int, how index.CodeUse) ([]index.Hit, index.Trace) {
	var tr index.Trace
	hits := x.Search(q, index.Params{K: k, Ef: 40, Codes: how, Trace: &tr}, nil)
	return hits, tr
}

// TestCodeUse asks for each use of codes, of each kind of them.
func TestCodeUse(t *testing.T) {
	for _, kind := range []codes.Kind{codes.SQ8, codes.SQ4, codes.Binary} {
		t.Run(kind.String(), func(t *testing.T) {
			cfg := codedConfig(48)
			cfg.Quantization = kind
			x, r := randomIndexOf(t, 3000, cfg)
			const k = 5
			off := 0
			for range 20 {
				q := gauss(r, 48)
				exact := func(h index.Hit) float32 {
					return indextest.Distance(compute.L2, q, x.Vector(h.Row))
				}
				hits, tr := searched(x, q, k, index.CodeUse{Ignore: true})
				if tr.Bits != 0 || tr.Ranked != 0 || len(hits) != k {
					t.Fatalf("codes ignored: %+v", tr)
				}
				hits, tr = searched(x, q, k, index.CodeUse{Estimate: true})
				if tr.Bits != kind.Bits() || tr.Ranked != 0 || len(hits) != k || !slices.IsSortedFunc(hits, byDist) {
					t.Fatalf("estimates: %+v %v", tr, hits)
				}
				for _, h := range hits {
					if d := exact(h); h.Dist < 0 || h.Dist > 2*d {
						t.Fatalf("row %d is estimated %g away, is %g", h.Row, h.Dist, d)
					} else if d != h.Dist {
						off++
					}
				}
				hits, tr = searched(x, q, k, index.CodeUse{Oversampling: 3.5})
				if tr.Bits != kind.Bits() || tr.Ranked < 18 || len(hits) != k {
					t.Fatalf("oversampling: %+v", tr)
				}
				for _, h := range hits {
					if d := exact(h); h.Dist < d*0.9999 || h.Dist > d*1.0001 {
						t.Fatalf("row %d is answered as %g away, is %g", h.Row, h.Dist, d)
					}
				}
				if _, tr = searched(x, q, k, index.CodeUse{}); tr.Ranked < k {
					t.Fatalf("nothing asked for: %+v", tr)
				}
			}
			if off == 0 {
				t.Fatal("every estimate was exact")
			}
		})
	}
}

// TestOversamplingLengthensTheList asks for more candidates than the list has places.
func TestOversamplingLengthensTheList(t *testing.T) {
	x, r := randomIndexOf(t, 3000, codedConfig(16))
	if _, tr := searched(x, gauss(r, 16), 60, index.CodeUse{Oversampling: 10}); tr.Ranked < 600 {
		t.Fatalf("%+v", tr)
	}
}

// TestPossibleEstimates looks for a row of a set where all are alike: estimates of one
// bit would be beyond what two vectors can be apart.
func TestPossibleEstimates(t *testing.T) {
	for _, metric := range []compute.Metric{compute.L2, compute.Cosine} {
		cfg := codedConfig(8)
		cfg.Metric, cfg.Quantization = metric, codes.Binary
		x, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Close() })
		r := rand.New(rand.NewPCG(8, 8))
		for row := range uint32(1500) {
			v := gauss(r, 8)
			indextest.Normalize(v)
			if err := x.Put(row, v); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
		for row := range uint32(100) {
			hits, tr := searched(x, x.Vector(row), 3, index.CodeUse{Estimate: true})
			if tr.Bits != 1 || len(hits) != 3 || hits[0].Dist < 0 || hits[2].Dist > 2 {
				t.Fatalf("metric %v: %v %+v", metric, hits, tr)
			}
		}
	}
}

// TestDoubtSparesVectors compares the rows that the bound of an estimate leaves with all.
func TestDoubtSparesVectors(t *testing.T) {
	for _, metric := range indextest.Metrics() {
		cfg := codedConfig(64)
		cfg.Metric, cfg.Quantization = metric, codes.Binary
		x, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Close() })
		r := rand.New(rand.NewPCG(9, 9))
		for row := range uint32(2000) {
			v := gauss(r, 64)
			indextest.Normalize(v)
			if err := x.Put(row, v); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
		const k, asked = 10, 50
		missing, ranked, all := 0, 0, 0
		for range asked {
			q := gauss(r, 64)
			indextest.Normalize(q)
			p := index.Params{K: k, Ef: 100}
			var spared, full index.Trace
			p.Trace = &spared
			hits := x.Search(q, p, nil)
			p.Trace, p.Codes.Oversampling = &full, 10
			for _, h := range x.Search(q, p, nil) {
				if !slices.Contains(hits, h) {
					missing++
				}
			}
			ranked += spared.Ranked
			all += full.Ranked
		}
		if missing > asked*k*6/100 || ranked >= all {
			t.Errorf("metric %v: %d of %d rows are missing, %d of %d were compared",
				metric, missing, asked*k, ranked, all)
		}
	}
}
