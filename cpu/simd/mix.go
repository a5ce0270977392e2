package simd

import (
	"fmt"
	"math"
)

// What turns a vector without a matrix.

// TakeOffF32 sets dst[d] to v[d] - the sum of by[i]*rows[i*len(dst)+d]. v and dst are of equal
// length, and rows hold len(by) rows of it. dst may be v.
func TakeOffF32(dst, v, rows, by []float32) {
	checkPair(len(dst), len(v))
	if len(rows) != len(dst)*len(by) {
		panic(fmt.Sprintf("BUG: simd: %d components for %d rows of %d", len(rows), len(by), len(dst)))
	}
	takeOffF32(dst, v, rows, by)
}

// takeOffGeneric is TakeOffF32 in plain Go.
func takeOffGeneric(dst, v, rows, by []float32) {
	copy(dst, v)
	for i, x := range by {
		row := rows[i*len(dst):][:len(dst)]
		for d := range row {
			dst[d] -= x * row[d]
		}
	}
}

// What MixF32 takes: so many components at least, and a multiple of a step.
const (
	mixLeast = 32
	mixStep  = 8
)

// Mixes reports whether MixF32 takes vectors of n components.
func Mixes(n int) bool { return n >= mixLeast && n%mixStep == 0 }

// MixF32 mixes the components of v in place, and returns the largest magnitude then. A
// round multiplies v by its row of factors, transforms a window of the largest power of two
// that fits by Walsh and Hadamard without scaling, the first components in even rounds and
// the last in odd ones, and, unless that was all, replaces each two components i and
// len(v)-half+i, i below half, by their sum and difference; half is len(v)/2 rounded down to
// a multiple of eight. A last row of factors multiplies the result. factors hold one row
// of len(v) more than there are rounds. Every level computes the same bits.
func MixF32(v, factors []float32) (largest float32) {
	rounds := len(factors)/max(len(v), 1) - 1
	if !Mixes(len(v)) || rounds < 0 || len(factors) != (rounds+1)*len(v) {
		panic(fmt.Sprintf("BUG: simd: %d factors to mix %d components", len(factors), len(v)))
	}
	return mixF32(v, factors, MixWindow(len(v)), rounds)
}

// MixWindow is the length of the window that a round of MixF32 transforms.
func MixWindow(n int) int {
	w := mixLeast
	for 2*w <= n {
		w *= 2
	}
	return w
}

// MixHalf is how many components a round of MixF32 adds to and takes from as many others.
func MixHalf(n int) int {
	if MixWindow(n) == n {
		return 0
	}
	return n / 2 &^ (mixStep - 1)
}

// mixGeneric is MixF32 in plain Go.
func mixGeneric(v, factors []float32, window, rounds int) (largest float32) {
	half := MixHalf(len(v))
	for round := range rounds {
		multiply(v, factors[round*len(v):])
		walsh(v[round%2*(len(v)-window):][:window])
		addAndTake(v[:half], v[len(v)-half:])
	}
	multiply(v, factors[rounds*len(v):])
	for _, x := range v {
		largest = max(largest, float32(math.Abs(float64(x))))
	}
	return largest
}

func multiply(v, by []float32) {
	by = by[:len(v)]
	for i := range v {
		v[i] *= by[i]
	}
}

// walsh is the Walsh-Hadamard transform without scaling.
func walsh(v []float32) {
	for half := 1; half < len(v); half *= 2 {
		for at := 0; at < len(v); at += 2 * half {
			addAndTake(v[at:at+half], v[at+half:at+2*half])
		}
	}
}

// addAndTake replaces each two components by their sum and difference.
func addAndTake(a, b []float32) {
	b = b[:len(a)]
	for i, x := range a {
		a[i], b[i] = x+b[i], x-b[i]
	}
}
