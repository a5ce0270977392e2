package codes

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// axisRounds is how often the directions are multiplied with the covariance. What
// matters is which of them are in the space that is kept, not each of them.
const axisRounds = 8

// principalAxes returns dim unit vectors of dim components, orthogonal, by falling
// variance of the centred sample along them: orthogonal iteration (Golub and Van
// Loan, "Matrix Computations", 8.2.4).
func principalAxes(centred []float32, dim int, rng *rand.Rand) []float32 {
	cov := covariance(centred, dim)
	q := gaussian(dim*dim, rng)
	orthonormalise(q, dim)
	next := make([]float32, dim*dim)
	for range axisRounds {
		eachBlock(dim, func(lo, hi int) {
			simd.DotTileF32(q[lo*dim:hi*dim], dim, cov, dim, dim, next[lo*dim:hi*dim], dim)
		})
		q, next = next, q
		orthonormalise(q, dim)
	}
	return q
}

// covariance returns the dim×dim products of the sample's components.
func covariance(centred []float32, dim int) []float32 {
	rows := len(centred) / dim
	columns := make([]float32, len(centred)) // the transposed sample
	eachBlock(dim, func(lo, hi int) {
		for i := range rows {
			for d, x := range centred[i*dim+lo : i*dim+hi] {
				columns[(lo+d)*rows+i] = x
			}
		}
	})
	cov := make([]float32, dim*dim)
	const tile = 16
	eachBlock(dim, func(lo, hi int) {
		for d := 0; d < dim; d += tile {
			n := min(tile, dim-d)
			simd.DotTileF32(columns[lo*rows:hi*rows], rows, columns[d*rows:], rows, n, cov[lo*dim+d:], dim)
		}
	})
	// Products of large samples overflow nothing, but keep the iteration near one.
	largest := float32(0)
	for i := range dim {
		largest = max(largest, cov[i*dim+i])
	}
	if largest > 0 {
		scale(cov, 1/largest)
	}
	// A little of everything: directions without variance, such as components that
	// are always zero, would leave the iteration with rows that depend on others.
	for i := range dim {
		cov[i*dim+i] += 1e-4
	}
	return cov
}

// eachBlock calls f for ranges of eight that cover n, on all processors.
func eachBlock(n int, f func(lo, hi int)) {
	const step = 8
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+step-1)/step) {
		wg.Go(func() {
			for {
				lo := int(next.Add(step)) - step
				if lo >= n {
					return
				}
				f(lo, min(lo+step, n))
			}
		})
	}
	wg.Wait()
}

func scale(v []float32, by float32) {
	for i := range v {
		v[i] *= by
	}
}

func gaussian(n int, rng *rand.Rand) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// rotate sets dst to a random rotation of the rows of axes among themselves, of
// dim components each: afterwards the sample varies about alike along all. Where dst has
// more rows than axes, the rotation is that of the larger space, and lengths stay.
func rotate(dst, axes []float32, dim int, rng *rand.Rand) {
	n, have := len(dst)/dim, len(axes)/dim
	turn := gaussian(n*n, rng)
	orthonormalise(turn, n)
	for i := range n { // only the columns that meet an axis
		copy(turn[i*have:(i+1)*have], turn[i*n:])
	}
	columns := make([]float32, len(axes)) // the transposed axes
	for i := range have {
		for d := range dim {
			columns[d*have+i] = axes[i*dim+d]
		}
	}
	eachBlock(n, func(lo, hi int) {
		simd.DotTileF32(turn[lo*have:hi*have], have, columns, have, dim, dst[lo*dim:hi*dim], dim)
	})
}
