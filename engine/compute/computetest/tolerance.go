package computetest

import (
	"math"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Tolerance is the largest error of one distance, by element type, relative to
// the scale of its terms (see scale).
//
//	F32  1e-5: sums run in another order, of up to thousands of terms.
//	F16  2e-3: a device may round the query to binary16 too, 10 bits.
//	I8   2e-2: a device may quantise the query to 8 bits too.
func Tolerance(e compute.Elem) float64 {
	switch e {
	case compute.F16:
		return 2e-3
	case compute.I8:
		return 2e-2
	}
	return 1e-5
}

// scale is what an error of a distance is measured against: for inner products
// the lengths' product, because their terms cancel. A squared distance has no
// cancellation when it is summed directly, so in F32 it is its own scale: a
// backend that expands |q|²+|v|²-2qv must compute its results again. Where the
// query itself may be rounded, the rounding shows with the lengths' product.
//
//go:norace
func scale(m compute.Metric, e compute.Elem, q, v []float32) float64 {
	var qq, vv float64
	for i := range q {
		qq += float64(q[i]) * float64(q[i])
		vv += float64(v[i]) * float64(v[i])
	}
	product := math.Sqrt(qq * vv)
	switch {
	case m == compute.Cosine:
		return 1 + product
	case m == compute.Dot:
		return product
	case e == compute.F32:
		return Distance(compute.L2, q, v)
	}
	return Distance(compute.L2, q, v) + qq + vv
}

// tiny allows for results below the least normal float32.
const tiny = 1e-37
