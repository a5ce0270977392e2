package codes

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// Vectors of more than maxProjectDim components have no matrix. Codes of one bit need a
// rotation all the same: an axis of its own would give most components nothing to say.
// This one is made of signs and Hadamard transforms (Ailon and Chazelle 2006, "Approximate
// nearest neighbors and the fast Johnson-Lindenstrauss transform"), with as many rounds
// as RaBitQ takes.

// spinRounds is how often signs are flipped and components mixed.
const spinRounds = 4

// spinSeed fixes the signs: models that were read spin as those that were written.
const spinSeed = 0x5eed

// spinWidth is how many components a vector of dim has after it.
func spinWidth(dim int) int { return roundUp(dim, 64) }

// spinSigns draws the signs for n components, a multiple of 64: a bit for each in each
// round.
func spinSigns(n int) []uint64 {
	rng := rand.New(rand.NewPCG(spinSeed, uint64(n)))
	signs := make([]uint64, spinRounds*n/64)
	for i := range signs {
		signs[i] = rng.Uint64()
	}
	return signs
}

// spin rotates v by signs in place. Of a length that is no power of two the first
// components are transformed, then the last, and the halves mixed.
func spin(v []float32, signs []uint64) {
	n := len(v)
	power := 1 << (bits.Len(uint(n)) - 1)
	for round := range spinRounds {
		for i := range v {
			if signs[(round*n+i)/64]>>(i%64)&1 != 0 {
				v[i] = -v[i]
			}
		}
		from := round % 2 * (n - power)
		hadamard(v[from : from+power])
		if power < n {
			mixHalves(v)
		}
	}
}

// hadamard is the Walsh-Hadamard transform of v, a power of two long, that keeps lengths.
func hadamard(v []float32) {
	for half := 1; half < len(v); half *= 2 {
		for at := 0; at < len(v); at += 2 * half {
			a, b := v[at:at+half], v[at+half:at+2*half]
			for i, x := range a {
				y := b[i]
				a[i], b[i] = x+y, x-y
			}
		}
	}
	scale(v, float32(1/math.Sqrt(float64(len(v)))))
}

// mixHalves turns each component of the first half with one of the second by 45 degrees.
func mixHalves(v []float32) {
	a, b := v[:len(v)/2], v[len(v)/2:]
	for i, x := range a {
		y := b[i]
		a[i], b[i] = (x+y)*math.Sqrt2/2, (x-y)*math.Sqrt2/2
	}
}
