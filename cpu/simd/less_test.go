package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

func TestAffineLessF32(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(14, 14))
		for n := 0; n <= 200; n++ {
			for _, c := range []struct{ mul, add, limit float32 }{
				{1, 0, 0.3}, {-1, 0, 0}, {-1, 1, 1}, {-1, 1, inf}, {1, 0, -inf},
			} {
				in := randomF32(r, n)
				for _, special := range []float32{nan, inf, -inf, 0, c.limit} {
					if n > 0 {
						in[r.IntN(n)] = special
					}
				}
				d := guarded(t, n)
				copy(d, in)
				mask := make([]uint64, (n+63)/64+1)
				mask[len(mask)-1] = 42
				AffineLessF32(d, c.mul, c.add, c.limit, mask)
				checkLess(t, in, d, c.mul, c.add, c.limit, mask)
				if mask[len(mask)-1] != 42 {
					t.Fatalf("n=%d: wrote behind the mask", n)
				}
			}
		}
	})
}

func checkLess(t *testing.T, in, d []float32, mul, add, limit float32, mask []uint64) {
	t.Helper()
	for i, x := range in {
		want := float32(float64(mul)*float64(x) + float64(add))
		if d[i] != want && !(d[i] != d[i] && want != want) {
			t.Fatalf("n=%d [%d]: %v became %v, want %v", len(in), i, x, d[i], want)
		}
		if got := mask[i/64]>>(i%64)&1 != 0; got != (want < limit) {
			t.Fatalf("n=%d [%d]: %v < %v is %v", len(in), i, want, limit, got)
		}
	}
	if n := len(in); n%64 != 0 && mask[n/64]>>(n%64) != 0 {
		t.Fatalf("n=%d: bits behind the last distance", n)
	}
}
