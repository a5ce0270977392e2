package codes

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestFold compares inner products after the turn with those of what is left without the
// directions that are dropped, in float64.
func TestFold(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 41))
	for _, c := range []struct{ dim, drop int }{{32, 0}, {41, 1}, {64, 8}, {72, 32}, {128, 16}, {256, 16}, {777, 25}} {
		axes := gaussian(max(c.drop, 1)*c.dim, r)[:c.drop*c.dim]
		orthonormalise(axes, c.dim)
		f := newFold(axes, c.dim)
		kept, asked := c.dim-c.drop, make([]float32, c.drop)
		turn := func(x []float32) []float32 {
			y := make([]float32, kept)
			largest, squares := f.turn(y, x, asked)
			want := simd.DotF32(y, y)
			if math.Abs(float64(squares-want)) > 1e-4*float64(want)+1e-9 || largest != largestOf(y) {
				t.Fatalf("%+v: largest %g of %g, squares %g of %g", c, largest, largestOf(y), squares, want)
			}
			return y
		}
		for i := range c.drop { // what is dropped leaves nothing
			if y := turn(axes[i*c.dim : (i+1)*c.dim]); largestOf(y) > 1e-5 {
				t.Fatalf("%+v: %g is left of direction %d", c, largestOf(y), i)
			}
		}
		for range 20 {
			a, b := gaussian(c.dim, r), gaussian(c.dim, r)
			want := 0.0
			for d := range a {
				want += float64(a[d]) * float64(b[d])
			}
			for i := range c.drop {
				u := axes[i*c.dim : (i+1)*c.dim]
				want -= float64(simd.DotF32(a, u)) * float64(simd.DotF32(b, u))
			}
			got := float64(simd.DotF32(turn(a), turn(b)))
			if math.Abs(got-want) > 1e-5*float64(c.dim) {
				t.Fatalf("%+v: product %g, want %g", c, got, want)
			}
		}
	}
}

// TestFoldSpreads turns single components: each becomes many, so that all of a code's vary
// about alike.
func TestFoldSpreads(t *testing.T) {
	for _, kept := range []int{56, 112, 120, 184, 240, 248, 256, 496} {
		f := &fold{factors: mixFactors(kept)}
		variance, peak := make([]float64, kept), float32(0)
		for i := range kept {
			x := make([]float32, kept)
			x[i] = float32(1 / math.Sqrt(float64(1+i))) // variances fall with their rank
			y := make([]float32, kept)
			f.turn(y, x, nil)
			peak = max(peak, largestOf(y)/x[i])
			for d, v := range y {
				variance[d] += float64(v) * float64(v)
			}
		}
		mean, most, least := 0.0, 0.0, math.Inf(1)
		for _, v := range variance {
			mean += v / float64(kept)
			most, least = max(most, v), min(least, v)
		}
		t.Logf("%d components: variances %.2f to %.2f of the mean, peak %.2f", kept, least/mean, most/mean, peak)
		if most > 3.5*mean || least < mean/6 || peak > 0.6 {
			t.Errorf("%d components: variances %.2f to %.2f of the mean, peak %.2f", kept, least/mean, most/mean, peak)
		}
	}
}

// BenchmarkSetVector is what a query pays for its codes where all directions but a few are kept.
func BenchmarkSetVector(b *testing.B) {
	r := rand.New(rand.NewPCG(42, 42))
	m := Train(SQ4, compute.L2, 256, gaussian(1000*256, r), 1)
	if m.fold == nil {
		b.Fatal("no fold")
	}
	v := gaussian(256, r)
	var q Query
	for b.Loop() {
		m.SetVector(&q, v)
	}
}
