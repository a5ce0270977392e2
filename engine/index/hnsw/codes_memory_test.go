package hnsw

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// TestMemoryOfCodes opens an index with its vectors in the file: what is left in
// memory is at most 0.35 of what full precision holds there, on rows that no
// projection makes narrower. The model is not counted: it is the same for three
// thousand rows and for a hundred million.
func TestMemoryOfCodes(t *testing.T) {
	cfg := Config{Dim: 256, Metric: compute.L2, M: 16, EfConstruction: 32, TrainRows: 1000}
	full, r := randomIndexOf(t, 3000, cfg)
	cfg.Quantization = codes.SQ8
	coded, err := openImage(t, cfg, writeImage(t, full))
	if err != nil {
		t.Fatal(err)
	}
	coded.Wait()
	cfg.MapVectors = true
	mapped, err := openImage(t, cfg, writeImage(t, coded))
	if err != nil {
		t.Fatal(err)
	}
	held := func(m index.Memory) int64 { return m.Vectors + m.Links + m.Codes + m.Other - m.Mapped }
	if m := mapped.Memory(); m.Mapped < m.Vectors || m.Codes < 3000*256 {
		t.Fatalf("%d bytes of %d mapped, %d of codes", m.Mapped, m.Vectors, m.Codes)
	}
	share := float64(held(mapped.Memory())-mapped.mem.Load().codes.Load().model.MemoryBytes()) /
		float64(held(full.Memory()))
	t.Logf("%.3f of full precision", share)
	if share > 0.35 {
		t.Errorf("%.3f of full precision", share)
	}
	q := gauss(r, 256)
	if hits := mapped.Search(q, index.Params{K: 10, Ef: 64}, nil); len(hits) != 10 {
		t.Fatal(hits)
	}
}

// TestFilteredByCodes asks under filters of every selectivity, that have and have
// not to do with the vectors.
func TestFilteredByCodes(t *testing.T) {
	const dim, rows, k = 32, 6000, 10
	cfg := Config{Dim: dim, Metric: compute.L2, M: 16, EfConstruction: 100, Quantization: codes.SQ8, TrainRows: 1000}
	x, r := randomIndexOf(t, rows, cfg)
	if x.Memory().Codes == 0 {
		t.Fatal("no codes")
	}
	for _, share := range []float64{0.5, 0.1, 0.01, 0.001} {
		for name, correlated := range map[string]bool{"correlated": true, "uncorrelated": false} {
			t.Run(fmt.Sprint(share, name), func(t *testing.T) {
				found, of := 0, 0
				for range 40 {
					q := gauss(r, dim)
					want, allow := filteredTruth(x, r, q, share, correlated, k)
					hits := x.Search(q, index.Params{K: k, Ef: 64, Allow: allow}, nil)
					if len(hits) != len(want) {
						t.Fatalf("%d hits, %d rows match", len(hits), len(want))
					}
					of += len(want)
					for _, h := range hits {
						if h.Dist <= want[len(want)-1].Dist {
							found++
						}
					}
				}
				if found*100 < of*95 {
					t.Errorf("%d of %d", found, of)
				}
			})
		}
	}
}

// filteredTruth draws a filter, of rows on one side of a plane where it is
// correlated, and returns the nearest rows that it lets through.
func filteredTruth(x *Index, r *rand.Rand, q []float32, share float64, correlated bool, k int) (
	[]index.Hit, []uint64,
) {
	rows := x.Rows()
	allow := make([]uint64, groupsFor(rows))
	have := make(map[uint32][]float32)
	n := max(int(share*float64(rows)), 1)
	if correlated {
		centre := gauss(r, len(q))
		all := make(map[uint32][]float32)
		for row := range uint32(rows) {
			all[row] = x.Vector(row)
		}
		for _, h := range indextest.Nearest(compute.L2, centre, all, n) {
			have[h.Row] = all[h.Row]
		}
	}
	for len(have) < n {
		row := uint32(r.IntN(rows))
		have[row] = x.Vector(row)
	}
	for row := range have {
		allow[row>>6] |= 1 << (row & 63)
	}
	return indextest.Nearest(compute.L2, q, have, k), allow
}
