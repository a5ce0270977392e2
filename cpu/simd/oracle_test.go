package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// tolF32 is the largest error of a float32 sum of n terms, relative to the sum
// of the absolute terms. Lanes are summed apart, so at most n/8+8 roundings of
// 6e-8 meet in one lane, and they partly cancel.
func tolF32(n int) float64 { return 1e-6 + 6e-8*float64(n)/32 }

// worstF32 is the proven bound of the same error (Higham, Accuracy and Stability
// of Numerical Algorithms, section 4.2): a lane of the generic kernel, the one with
// fewest, adds n/4 terms, and the lanes, the tail and the rounding of a difference
// and its square add fewer than 8. A fuzzer finds terms whose errors do not cancel.
func worstF32(n int) float64 { return float64(n/4+8) / (1 << 24) }

// subnormalSlack is what products below the least normal number may lose: half of
// the least subnormal each, which no tolerance relative to their sum covers.
const subnormalSlack = 2048.0 / (1 << 30) / (1 << 30) / (1 << 30) / (1 << 30) / (1 << 29)

// dot64 and l264 are the oracle: float64 sums, with the sum of absolute terms.
func dot64(a, b []float32) (sum, abs float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		sum += p
		abs += math.Abs(p)
	}
	return sum, abs
}

func l264(a, b []float32) (sum, abs float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum, sum
}

// near reports whether got is want within tol of scale and subnormalSlack; NaN and
// Inf must agree.
func near(got float32, want, scale, tol float64) bool {
	g := float64(got)
	if math.IsNaN(want) || math.IsNaN(g) {
		return math.IsNaN(want) && math.IsNaN(g)
	}
	if w := float64(float32(want)); math.IsInf(w, 0) || math.IsInf(g, 0) {
		return w == g
	}
	return math.Abs(g-want) <= tol*scale+subnormalSlack
}

func randomF32(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// misaligned returns a copy of v that starts off floats into its memory.
func misaligned(v []float32, off int) []float32 {
	c := make([]float32, off+len(v))
	copy(c[off:], v)
	return c[off : off+len(v) : off+len(v)]
}

const canary = float32(-12345.5)

// guarded returns n outputs between canaries, checked when the test ends.
func guarded(t testing.TB, n int) []float32 {
	const pad = 16
	buf := make([]float32, n+2*pad)
	for i := range buf {
		buf[i] = canary
	}
	t.Cleanup(func() {
		for i, v := range buf {
			if (i < pad || i >= pad+n) && v != canary {
				t.Errorf("wrote outside of out, at %d of %d", i-pad, n)
			}
		}
	})
	return buf[pad : pad+n : pad+n]
}

// f32Kernel is one metric in all its forms.
type f32Kernel struct {
	name   string
	pair   func(a, b []float32) float32
	rows   func(q, rows []float32, stride int, out []float32)
	gather func(q, rows []float32, stride int, ids []uint32, out []float32)
	oracle func(a, b []float32) (sum, abs float64)
}

func f32Kernels() []f32Kernel {
	return []f32Kernel{
		{"dot", DotF32, DotRowsF32, DotGatherF32, dot64},
		{"l2", L2F32, L2RowsF32, L2GatherF32, l264},
	}
}
