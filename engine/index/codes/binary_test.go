package codes

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestSpin checks that lengths and products stay, and that one component becomes many.
func TestSpin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, n := range []int{64, 128, 192, 1984, 2112} {
		signs := spinSigns(n)
		a, b := gaussian(n, r), gaussian(n, r)
		before, length := simd.DotF32(a, b), simd.DotF32(a, a)
		spin(a, signs)
		spin(b, signs)
		if d := simd.DotF32(a, b) - before; math.Abs(float64(d)) > 1e-3*float64(n) {
			t.Errorf("%d components: a product moved by %g", n, d)
		}
		if d := simd.DotF32(a, a) - length; math.Abs(float64(d)) > 1e-3*float64(length) {
			t.Errorf("%d components: a length moved by %g", n, d)
		}
		for i := 0; i < n; i += 61 {
			v := make([]float32, n)
			v[i] = 1
			spin(v, signs)
			largest, sum := float32(0), float32(0)
			for _, x := range v {
				largest = max(largest, x, -x)
				sum += max(x, -x)
			}
			// Magnitudes of normal components are 0.8 of a deviation on average. The
			// largest would hardly be above six deviations, but halves of a length
			// that is no power of two are mixed less.
			root := float32(math.Sqrt(float64(n)))
			if largest > 16/root || sum < 0.7*root || sum > 0.9*root {
				t.Fatalf("%d components, axis %d: largest %g, sum of magnitudes %g", n, i, largest*root, sum/root)
			}
		}
	}
}

// TestErrorBound holds estimates of one-bit codes to the bound of RaBitQ (theorem 3.2):
// they are right in the mean, and off by a normal error whose deviation follows from the
// row's own code. Rows are far from alike in length.
func TestErrorBound(t *testing.T) {
	const rows = 1000
	for _, dim := range []int{24, 256, maxProjectDim + 5} {
		r := rand.New(rand.NewPCG(6, uint64(dim)))
		base := gaussian(rows*dim, r)
		for i := range rows {
			scale(base[i*dim:(i+1)*dim], 1+3*r.Float32())
		}
		m := Train(Binary, compute.L2, dim, base[:min(rows, 300)*dim], 1)
		var s Scratch
		code := make([]byte, m.Stride())
		var q Query
		sum, squares, beyond := 0.0, 0.0, 0
		dist := make([]float32, 1)
		for i := range rows {
			v, other := base[i*dim:(i+1)*dim], base[(i+1)%rows*dim:][:dim]
			m.Encode(code, v, &s)
			m.SetVector(&q, other)
			m.Gather(&q, code, []uint32{0}, dist)
			deviation := m.deviation(code, other)
			if doubt := float64(m.Doubt(&q, code)) / deviation; dim > 24 && (doubt < 0.8 || doubt > 1.25) {
				t.Fatalf("dim %d: the doubt is %g of the deviation", dim, doubt)
			}
			off := float64(dist[0]-simd.L2F32(v, other)) / deviation
			sum += off
			squares += off * off
			if math.Abs(off) > 3 {
				beyond++
			}
		}
		mean, deviation := sum/rows, math.Sqrt(squares/rows)
		t.Logf("dim %d: mean %.3f, deviation %.3f, %d of %d beyond three", dim, mean, deviation, beyond, rows)
		if math.Abs(mean) > 0.15 || deviation > 1.15 || deviation < 0.7 || beyond > rows/100 {
			t.Errorf("dim %d: errors have mean %g, deviation %g, %d beyond three", dim, mean, deviation, beyond)
		}
	}
}

// deviation is the deviation of the estimated squared distance of the row with that code
// from vector v: |q| |o| sqrt((1-c²) / c² / (n-1)) for the product, with c the cosine of
// the row and its signs.
func (m *Model) deviation(code []byte, v []float32) float64 {
	end := code[m.stride-trailerBytes:]
	norm := float64(floatAt(end)) // under L2 the row's constant, where nothing is left out
	factor := float64(floatAt(end[4:]))
	n := float64(m.kept)
	cos2 := norm / (factor * factor * n)
	centred := make([]float32, m.dim)
	_, q := simd.CentreF32(centred, v, m.mean)
	return 2 * math.Sqrt(float64(q)*norm*(1-cos2)/cos2/(n-1))
}

func floatAt(b []byte) float32 { return math.Float32frombits(binary.NativeEndian.Uint32(b)) }
