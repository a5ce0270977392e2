package device

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// data is generated rows and queries of unit length.
type data struct {
	dim           int
	rows, queries []float32
}

// What the data look like: as many centres as topics in a corpus, and points
// around them, so that neighbours exist and bounds are put to the test.
const (
	centres = 1000
	spread  = 0.6
	seed    = 42
)

// generate makes the data on every processor; the same for the same sizes.
func generate(rows, queries, dim int) *data {
	d := &data{dim: dim, rows: make([]float32, rows*dim), queries: make([]float32, queries*dim)}
	c := make([]float32, centres*dim)
	fillUnit(c, nil, dim, 0)
	fillAll(d.rows, c, dim, 1)
	fillAll(d.queries, c, dim, 1<<32)
	return d
}

// fillAll fills dst in pieces, each from a seed of its own.
func fillAll(dst, c []float32, dim int, stream uint64) {
	const piece = 4096
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for at := range next {
				part := dst[at*dim : min(len(dst), (at+piece)*dim)]
				fillUnit(part, c, dim, stream+uint64(at)) //nolint:gosec // at is not negative
			}
		})
	}
	for at := 0; at < len(dst)/dim; at += piece {
		next <- at
	}
	close(next)
	wg.Wait()
}

// fillUnit fills dst with vectors of unit length around centres c, or around the
// origin without them.
func fillUnit(dst, c []float32, dim int, stream uint64) {
	r := rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // data to measure with
	scale := float32(spread / math.Sqrt(float64(dim)))
	for ; len(dst) > 0; dst = dst[dim:] {
		v := dst[:dim]
		var from []float32
		if c != nil {
			at := r.IntN(len(c)/dim) * dim
			from = c[at : at+dim]
		}
		var sum float64
		for i := range v {
			v[i] = float32(r.NormFloat64())
			if from != nil {
				v[i] = from[i] + v[i]*scale
			}
			sum += float64(v[i]) * float64(v[i])
		}
		inverse := float32(1 / math.Sqrt(sum))
		for i := range v {
			v[i] *= inverse
		}
	}
}
