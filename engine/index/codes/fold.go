package codes

import (
	"math"
	"math/rand/v2"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// A matrix turns a vector where few directions are kept of many. Where all but a few are,
// less work does: reflections fold the few onto the first components, which are left out, and
// signs and Walsh-Hadamard transforms mix the others until all vary alike (Ailon and
// Chazelle 2006, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss
// transform"). With 240 of 256 components that is 12,000 multiplications and additions
// instead of 61,000, and no matrix runs through the first-level cache for each query.
const (
	// foldMost is how many directions are folded at most.
	foldMost = 32
	// foldRounds is how often components are mixed: two spread each over all.
	foldRounds = 3
	// foldSeed fixes the signs: models that were read mix as those that were written.
	foldSeed = 0xf01d
)

// fold is such a turn. What is folded: with the reflections' product I - V A for V of
// dim rows and A of drop rows, the projection of x is x - V (A x) without its first drop components.
type fold struct {
	drop    int
	ask     []float32 // A: drop rows of dim components
	take    []float32 // V: of each of its drop columns the components that are kept
	factors []float32 // of simd.MixF32
}

// folds reports whether a fold can keep kept of dim components.
func folds(dim, kept int) bool { return dim-kept <= foldMost && kept <= dim && simd.Mixes(kept) }

// newFold makes the fold that leaves out drop orthonormal directions of dim components.
func newFold(drop []float32, dim int) *fold {
	f := &fold{drop: len(drop) / dim}
	f.reflect(drop, dim)
	f.factors = mixFactors(dim - f.drop)
	return f
}

// reflect finds the reflections that turn the directions onto the first axes, by Householder's
// QR decomposition, and their product in the form of Schreiber and Van Loan 1989, "A
// storage-efficient WY representation for products of Householder transformations".
func (f *fold) reflect(drop []float32, dim int) {
	n := f.drop
	u, v := make([][]float64, n), make([][]float64, n)
	for i := range u {
		u[i], v[i] = make([]float64, dim), make([]float64, dim)
		for d := range u[i] {
			u[i][d] = float64(drop[i*dim+d])
		}
	}
	t := make([]float64, n*n) // upper triangle
	for i := range n {
		copy(v[i][i:], u[i][i:])
		v[i][i] += math.Copysign(math.Sqrt(dot64(v[i], v[i])), v[i][i])
		beta := 0.0
		if s := dot64(v[i], v[i]); s > 0 {
			beta = 2 / s
		}
		for j := i; j < n; j++ {
			addTimes(u[j], v[i], -beta*dot64(u[j], v[i]))
		}
		// T's new column is -beta T (V^T v).
		for r := range i {
			for c := r; c < i; c++ {
				t[r*n+i] -= beta * t[r*n+c] * dot64(v[c], v[i])
			}
		}
		t[i*n+i] = beta
	}
	kept := dim - n
	f.ask, f.take = make([]float32, n*dim), make([]float32, n*kept)
	row := make([]float64, dim)
	for i := range n {
		clear(row)
		for j := range i + 1 {
			addTimes(row, v[j], t[j*n+i])
		}
		for d, x := range row {
			f.ask[i*dim+d] = float32(x)
		}
		for d, x := range v[i][n:] {
			f.take[i*kept+d] = float32(x)
		}
	}
}

func dot64(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// addTimes adds by times v to dst.
func addTimes(dst, v []float64, by float64) {
	for i, x := range v {
		dst[i] += by * x
	}
}

// mixFactors are signs at random with what keeps lengths.
func mixFactors(kept int) []float32 {
	rng := rand.New(rand.NewPCG(foldSeed, uint64(kept)))
	out := make([]float32, 0, (foldRounds+1)*kept)
	window, half := simd.MixWindow(kept), simd.MixHalf(kept)
	for round := range foldRounds + 1 {
		for i := range kept {
			x := float32(1)
			if rng.Uint64()&1 != 0 {
				x = -1
			}
			if round > 0 && (i < half || i >= kept-half) {
				x *= math.Sqrt2 / 2 // the sums and differences of the round before
			}
			if from := round % 2 * (kept - window); round < foldRounds && i >= from && i < from+window {
				x *= float32(1 / math.Sqrt(float64(window)))
			}
			out = append(out, x)
		}
	}
	return out
}

// turn writes the kept components of centred, turned, and returns the largest magnitude
// and the squared length of them. asked has room for what is left out.
func (f *fold) turn(dst, centred, asked []float32) (largest, squares float32) {
	rest := centred[f.drop:]
	if f.drop > 0 {
		simd.DotRowsF32(centred, f.ask, len(centred), asked)
		simd.TakeOffF32(dst, rest, f.take, asked)
	} else {
		copy(dst, rest)
	}
	squares = simd.DotF32(dst, dst)
	return simd.MixF32(dst, f.factors), squares
}

// bytes is what the fold takes, nothing if there is none.
func (f *fold) bytes() int64 {
	if f == nil {
		return 0
	}
	return int64(4 * (len(f.ask) + len(f.take) + len(f.factors)))
}
