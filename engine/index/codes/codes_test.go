package codes

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// lowRank draws rows that vary in few directions, as embeddings do.
func lowRank(r *rand.Rand, rows, dim, rank int, metric compute.Metric) []float32 {
	lift := gaussian(dim*rank, r)
	out := make([]float32, 0, rows*dim)
	for range rows {
		x := gaussian(rank, r)
		v := make([]float32, dim)
		for d := range v {
			v[d] = 3 + 0.05*float32(r.NormFloat64())
			for i, f := range x {
				v[d] += f * lift[d*rank+i]
			}
		}
		if metric == compute.Cosine {
			indextest.Normalize(v)
		}
		out = append(out, v...)
	}
	return out
}

// TestEstimates compares estimated distances with exact ones.
func TestEstimates(t *testing.T) {
	for kind, tolerance := range map[Kind]float64{SQ8: 0.03, SQ4: 0.12, Binary: 0.25} {
		dims := []int{1, 3, 16, 100, 300}
		if kind == Binary { // a rotation of at least 448 components takes its time
			dims = []int{3, 300}
		}
		t.Run(kind.String(), func(t *testing.T) { testEstimates(t, kind, dims, tolerance) })
	}
}

// testEstimates allows estimates to be off by a share of the largest distance, and a
// third more between two codes.
func testEstimates(t *testing.T, kind Kind, dims []int, tolerance float64) {
	for _, metric := range indextest.Metrics() {
		for _, dim := range dims {
			r := rand.New(rand.NewPCG(1, uint64(dim)))
			const rows = 300
			base := lowRank(r, rows, dim, min(dim, 8), metric)
			m := Train(kind, metric, dim, base, 1)
			var s Scratch
			codes := make([]byte, rows*m.Stride())
			var ids []uint32
			spread := 0.0
			for i := range rows {
				m.Encode(codes[i*m.Stride():], base[i*dim:(i+1)*dim], &s)
				ids = append(ids, uint32(i))
				spread = max(spread, math.Abs(float64(indextest.Distance(metric, base[:dim], base[i*dim:(i+1)*dim]))))
			}
			var byVector, byCode Query
			dv, dc := make([]float32, rows), make([]float32, rows)
			for a := range 20 {
				v := base[a*dim : (a+1)*dim]
				m.SetVector(&byVector, v)
				m.Gather(&byVector, codes, ids, dv)
				if m.Coarse() {
					copy(dc, dv)
				} else {
					m.SetCode(&byCode, codes[a*m.Stride():])
					m.Gather(&byCode, codes, ids, dc)
				}
				for i := range rows {
					want := float64(indextest.Distance(metric, v, base[i*dim:(i+1)*dim]))
					if metric == compute.Cosine {
						want--
					}
					if math.Abs(float64(dv[i])-want) > tolerance*spread ||
						math.Abs(float64(dc[i])-want) > 4*tolerance/3*spread {
						t.Fatalf("metric %v dim %d kept %d: %g by vector, %g by code, want %g (of %g)",
							metric, dim, m.Kept(), dv[i], dc[i], want, spread)
					}
				}
			}
		}
	}
}

// TestTrainReduces checks that directions without variance cost no bytes.
func TestTrainReduces(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	start := time.Now()
	m := Train(SQ8, compute.L2, 512, lowRank(r, 2000, 512, 20, compute.L2), 1)
	if m.Stride() != 64 {
		t.Fatalf("20 directions of 512 take %d bytes", m.Stride())
	}
	t.Log(time.Since(start))
}

func TestAxesAreOrthogonal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const dim = 40
	// Fewer rows than components: most directions have no variance at all.
	for _, rows := range []int{5, 500} {
		axes := principalAxes(gaussian(rows*dim, r), dim, r)
		for i := range dim {
			for j := range i + 1 {
				dot := 0.0
				for d := range dim {
					dot += float64(axes[i*dim+d]) * float64(axes[j*dim+d])
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(dot-want) > 1e-4 {
					t.Fatalf("%d rows: axes %d and %d: %g", rows, i, j, dot)
				}
			}
		}
	}
}

// Of the forms to try, one of each kind has all directions but a few, and is the widest.
func TestWidths(t *testing.T) {
	for _, dim := range []int{1, 16, 17, 100, 256, 784, 2048} {
		for _, kind := range []Kind{SQ8, SQ4, Binary, Auto} {
			tr := &trainer{kind: kind, dim: dim}
			widest := map[Kind]int{}
			for _, w := range tr.widths() {
				widest[w.kind] = max(widest[w.kind], w.stride)
			}
			for _, w := range tr.widths() {
				room := w.kind.room(w.stride)
				if w.whole != (w.stride == widest[w.kind]) || w.whole && room < dim-2*trailerBytes {
					t.Errorf("%d components, %v: %d bytes have room for %d, whole %v",
						dim, w.kind, w.stride, room, w.whole)
				}
			}
			if len(widest) != len(tr.kinds()) {
				t.Errorf("%d components, %v: forms of %d kinds", dim, kind, len(widest))
			}
		}
	}
}
