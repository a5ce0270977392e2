package hnsw

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// randomIndex is an index of n Gaussian vectors, linked.
func randomIndex(tb testing.TB, n, dim int) (*Index, *rand.Rand) {
	tb.Helper()
	return randomIndexOf(tb, n, Config{Dim: dim, Metric: compute.L2, M: 8, EfConstruction: 64})
}

// randomIndexOf is randomIndex of another kind.
func randomIndexOf(tb testing.TB, n int, cfg Config) (*Index, *rand.Rand) {
	tb.Helper()
	x, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { x.Close() })
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for row := range uint32(n) {
		if err := x.Put(row, gauss(r, cfg.Dim)); err != nil {
			tb.Fatal(err)
		}
	}
	x.Wait()
	return x, r
}

func gauss(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}
