package hnsw

import (
	"math"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// TestEarlyEndsKeepRecall compares walks that may end early with those of the same
// index that may not, on real rows.
func TestEarlyEndsKeepRecall(t *testing.T) {
	set := indextest.LoadSmall(t)
	x := build(t, set, Config{EfConstruction: 100, Quantization: codes.Auto, TrainRows: 2000})
	growth := x.growth()
	if growth <= 0 {
		t.Fatal("no growth was measured")
	}
	for _, ef := range []int{32, 64, 128} {
		x.setGrowth(0)
		want, all := recallAndWork(set, x, ef)
		x.setGrowth(growth)
		got, some := recallAndWork(set, x, ef)
		t.Logf("growth %.3f, ef %d: recall %.4f with %d distances, %.4f with %d", growth, ef, want, all, got, some)
		if got < want-0.003 || some >= all {
			t.Errorf("ef %d: recall %.4f with %d distances, early ends %.4f with %d", ef, want, all, got, some)
		}
	}
}

// growth is what was measured of x's rows.
func (x *Index) growth() float32 {
	return math.Float32frombits(x.mem.Load().codes.Load().growth.Load())
}

func (x *Index) setGrowth(g float32) { x.mem.Load().codes.Load().growth.Store(math.Float32bits(g)) }

// TestGrowth compares what is measured with what the dimension says: near a normal
// row of d components distances grow with the 2/d-th power of the rank.
func TestGrowth(t *testing.T) {
	for _, dim := range []int{3, 8} {
		x, _ := randomIndexOf(t, 4000, Config{Dim: dim, Metric: compute.L2, M: 8, EfConstruction: 64,
			Quantization: codes.SQ8, TrainRows: 3900})
		want := 2 / float32(dim)
		if got := x.growth(); got < want/1.4 || got > want*1.4 {
			t.Errorf("%d dimensions: growth %.3f, expected about %.3f", dim, got, want)
		}
	}
}

// TestGrowthOfImage measures the growth of an opened index again, which is not part
// of the image, and none of inner products, which have no zero.
func TestGrowthOfImage(t *testing.T) {
	x, _ := randomIndexOf(t, 700, codedConfig(8))
	y, err := openImage(t, codedConfig(8), writeImage(t, x))
	if err != nil {
		t.Fatal(err)
	}
	x.measureGrowth() // it was, when there were fewer rows
	if a, b := x.growth(), y.growth(); a <= 0 || a != b {
		t.Fatalf("growth %g before, %g after", a, b)
	}
	dot := codedConfig(8)
	dot.Metric = compute.Dot
	if z, _ := randomIndexOf(t, 700, dot); z.growth() != 0 {
		t.Fatalf("growth %g of inner products", z.growth())
	}
}

// TestEarlyLimit takes the rule apart.
func TestEarlyLimit(t *testing.T) {
	list := func(k float32) *beam { return &beam{c: []cand{{dist: k / 2}, {dist: k}}, shown: 2} }
	for name, c := range map[string]struct {
		e    early
		b    *beam
		want float32
	}{
		"on":                {early{k: 2, enough: 2, factor: 1.5, floor: 0.1}, list(1), 1.5},
		"list too short":    {early{k: 2, enough: 3, factor: 1.5}, list(1), inf},
		"off":               {early{k: 2, enough: 2}, list(1), inf},
		"below the floor":   {early{k: 2, enough: 2, factor: 1.5, floor: 0.1}, list(0.09), inf},
		"k beyond the list": {early{k: 3, enough: 2, factor: 1.5}, list(1), inf},
		"distances from -1": {early{k: 2, enough: 2, factor: 1.5, zero: 1}, list(-0.5), -0.25},
	} {
		if got := c.e.limit(c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
