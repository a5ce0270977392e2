//go:build unix

package gpu

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// clustered returns rows around a few centres, offset from the origin.
func clustered(r *rand.Rand, rows, dim int, offset, spread float64) []float32 {
	const centres = 12
	c := make([]float64, centres*dim)
	for i := range c {
		c[i] = offset + r.NormFloat64()
	}
	out := make([]float32, rows*dim)
	for i := range out {
		out[i] = float32(c[i/dim%centres*dim+i%dim] + spread*r.NormFloat64())
	}
	return out
}

// searchBoth answers req on b and returns what the scalar reference answers.
func searchBoth(
	t *testing.T, b *Backend, spec compute.MatrixSpec, rows []float32, req compute.SearchRequest,
) (got, want compute.SearchRequest) {
	t.Helper()
	run := func(b compute.Backend) compute.SearchRequest {
		m, err := b.NewMatrix(spec)
		if err == nil {
			defer func() {
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			}()
			err = m.Write(0, rows)
		}
		out := req
		n := len(req.Queries) / spec.Dim * req.K
		out.IDs, out.Dist = make([]uint32, n), make([]float32, n)
		if err == nil {
			err = b.Search(context.Background(), m, &out)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	return run(b), run(computetest.Reference{})
}

// agree is the share of results that are the same rows.
func agree(a, b compute.SearchRequest) float64 {
	same := 0
	for i := range a.IDs {
		if a.IDs[i] == b.IDs[i] {
			same++
		}
	}
	return float64(same) / float64(len(a.IDs))
}

// TestHalfIsExact: bounds from bf16 lose no result, whatever the data look like,
// and leave few rows to refine.
func TestHalfIsExact(t *testing.T) {
	const rows, dim, queries, k = 6000, 48, 40, 10
	for _, metric := range []compute.Metric{compute.L2, compute.Dot, compute.Cosine} {
		for _, c := range []struct{ offset, spread float64 }{{0, 1}, {0, 0.05}, {3, 0.3}} {
			t.Run(fmt.Sprintf("metric %d offset %v spread %v", metric, c.offset, c.spread), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(metric)))
				all := clustered(r, rows+queries, dim, c.offset, c.spread)
				b := emulated(t, Options{HalfRows: 1000, SampleRows: 1000, Lanes: 1}, emu.Options{})
				defer b.Close()
				spec := compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: metric}
				req := compute.SearchRequest{Queries: all[rows*dim:], K: k, Skip: []uint64{0xff, 1 << 40}}
				got, want := searchBoth(t, b, spec, all[:rows*dim], req)
				if share := agree(got, want); share < 0.995 { // the rest ties in f32
					t.Errorf("%v of the rows are the reference's", share)
				}
				done := b.stats.halfQueries.Load() + b.stats.halfLeft.Load()
				if done != queries+5*9 { // with the self-test's
					t.Errorf("%d queries went to bf16, want %d", done, queries+5*9)
				}
			})
		}
	}
}

// TestHalfLeavesOverlap: where bounds overlap for more rows than a list holds,
// f32 answers.
func TestHalfLeavesOverlap(t *testing.T) {
	const rows, dim, queries, k = 3000, 24, 20, 5
	r := rand.New(rand.NewPCG(2, 2))
	all := clustered(r, rows+queries, dim, 500, 0.5)
	b := emulated(t, Options{HalfRows: 500, SampleRows: 500, ListKeys: 1024, Lanes: 1}, emu.Options{})
	defer b.Close()
	spec := compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.L2}
	got, want := searchBoth(t, b, spec, all[:rows*dim], compute.SearchRequest{Queries: all[rows*dim:], K: k})
	if share := agree(got, want); share < 0.995 {
		t.Errorf("%v of the rows are the reference's", share)
	}
	if left := b.stats.halfLeft.Load(); left != queries {
		t.Errorf("%d queries left to f32, want all %d", left, queries)
	}
}

// TestPackedIsExact: rows of f16 and codes are searched on tensor cores as they are;
// the results are those of the stored rows, to the rounding of sums.
func TestPackedIsExact(t *testing.T) {
	const rows, dim, queries, k = 3000, 72, 24, 10
	for _, elem := range []compute.Elem{compute.F16, compute.I8} {
		for _, metric := range []compute.Metric{compute.L2, compute.Dot, compute.Cosine} {
			t.Run(fmt.Sprintf("elem %d metric %d", elem, metric), func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, uint64(metric)))
				all := clustered(r, rows+queries, dim, 0, 1)
				b := emulated(t, Options{HalfRows: 1000, SampleRows: 1000, Lanes: 1}, emu.Options{})
				defer b.Close()
				spec := compute.MatrixSpec{Rows: rows, Dim: dim, Elem: elem, Metric: metric}
				before := b.stats.halfQueries.Load()
				got, want := searchBoth(t, b, spec, all[:rows*dim],
					compute.SearchRequest{Queries: all[rows*dim:], K: k, Skip: []uint64{0xff, 1 << 40}})
				if share := agree(got, want); share < 0.99 { // the rest ties in f32
					t.Errorf("%v of the rows are the reference's", share)
				}
				for i, d := range got.Dist {
					if e := math.Abs(float64(d - want.Dist[i])); e > 1e-4*(1+math.Abs(float64(want.Dist[i]))) {
						t.Fatalf("slot %d at %v, the reference has %v", i, d, want.Dist[i])
					}
				}
				if done := b.stats.halfQueries.Load() - before; done < queries*9/10 {
					t.Errorf("tensor cores answered %d of %d queries", done, queries)
				}
			})
		}
	}
}
