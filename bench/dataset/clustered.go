package dataset

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// ClusteredSpec describes a generated set: Gaussian clusters in a latent space,
// linearly lifted to Dim components, plus noise. Such rows have the low intrinsic
// dimension of real embeddings, which uniform random rows lack.
type ClusteredSpec struct {
	Rows, Dim, Queries int
	TruthK             int // 0 = no truth
	Seed               uint64
}

const (
	clusters       = 1000
	latentDim      = 32
	clusterSpread  = 1.0  // of cluster centres, standard deviation
	clusterRadius  = 0.35 // of points around their centre
	componentNoise = 0.1  // added to every lifted component
	chunkRows      = 4096 // rows per random stream: chunks do not depend on the number of workers
)

// Clustered generates the set of a spec: equal specs give equal sets on every
// machine. Metric: euclidean. Errors: ctx's.
func Clustered(ctx context.Context, c ClusteredSpec) (*Set, error) {
	name := fmt.Sprintf("clustered-%s-%d", sizeName(c.Rows), c.Dim)
	s := &Set{Name: name, Metric: compute.L2, Dim: c.Dim, TruthK: c.TruthK,
		Origin: "generated", SHA256: fmt.Sprintf("generated, seed %d", c.Seed)}
	g := newGenerator(&c)
	s.Base = g.rows(c.Rows, 1)
	s.Queries = g.rows(c.Queries, 1<<32)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.TruthK > 0 {
		s.Truth = Exact(s.Metric, s.Base, s.Queries, s.Dim, c.TruthK)
	}
	return s, ctx.Err()
}

// sizeName is 1000000 as 1m, 20000 as 20k.
func sizeName(n int) string {
	switch {
	case n%1_000_000 == 0:
		return fmt.Sprintf("%dm", n/1_000_000)
	case n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

type generator struct {
	seed    uint64
	dim     int
	centres []float32 // clusters × latentDim
	lift    []float32 // dim × latentDim
}

func newGenerator(c *ClusteredSpec) *generator {
	g := &generator{seed: c.Seed, dim: c.Dim, centres: make([]float32, clusters*latentDim),
		lift: make([]float32, c.Dim*latentDim)}
	rng := rand.New(rand.NewPCG(c.Seed, 0))
	for i := range g.centres {
		g.centres[i] = float32(rng.NormFloat64() * clusterSpread)
	}
	for i := range g.lift {
		g.lift[i] = float32(rng.NormFloat64())
	}
	return g
}

// rows makes n rows from the random streams stream, stream+1, ….
func (g *generator) rows(n int, stream uint64) []float32 {
	out := make([]float32, n*g.dim)
	chunks := (n + chunkRows - 1) / chunkRows
	workers := min(runtime.GOMAXPROCS(0), chunks)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for c := w; c < chunks; c += workers {
				lo, hi := c*chunkRows, min((c+1)*chunkRows, n)
				g.fill(out[lo*g.dim:hi*g.dim], rand.New(rand.NewPCG(g.seed, stream+uint64(c))))
			}
		})
	}
	wg.Wait()
	return out
}

func (g *generator) fill(out []float32, rng *rand.Rand) {
	latent := make([]float32, latentDim)
	for at := 0; at < len(out); at += g.dim {
		centre := g.centres[rng.IntN(clusters)*latentDim:][:latentDim]
		for i, x := range centre {
			latent[i] = x + float32(rng.NormFloat64()*clusterRadius)
		}
		for d := range g.dim {
			sum := float32(rng.NormFloat64() * componentNoise)
			row := g.lift[d*latentDim : (d+1)*latentDim]
			for i, x := range latent {
				sum += float32(x * row[i]) // converted: no fused multiply-add on any machine
			}
			out[at+d] = sum
		}
	}
}
