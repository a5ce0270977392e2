package simd

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

func TestTileF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(10, 10))
		for n := 1; n <= 257; n++ {
			checkTileOf(t, r, n, r.IntN(10), r.IntN(18))
		}
		for nq := range 10 {
			for count := range 14 {
				checkTileOf(t, r, 24, nq, count)
			}
		}
	})
}

func checkTileOf(t *testing.T, r *rand.Rand, n, nq, count int) {
	t.Helper()
	stride, outStride := n+n%5, count+nq%3
	queries := misaligned(randomF32(r, nq*n), n%4)
	rows := misaligned(randomF32(r, max(0, (count-1)*stride+n)), n%3)
	for name, k := range map[string]struct {
		tile   func([]float32, int, []float32, int, int, []float32, int)
		oracle func(a, b []float32) (sum, abs float64)
	}{"dot": {DotTileF32, dot64}, "l2": {L2TileF32, l264}} {
		out := guarded(t, max(0, (nq-1)*outStride+count))
		for i := range out {
			out[i] = canary
		}
		k.tile(queries, n, rows, stride, count, out, outStride)
		for i := range out {
			q, j := i/max(1, outStride), i%max(1, outStride)
			if j >= count {
				if out[i] != canary {
					t.Fatalf("%s n=%d: wrote between rows of out", name, n)
				}
				continue
			}
			want, abs := k.oracle(queries[q*n:(q+1)*n], rows[j*stride:j*stride+n])
			if !near(out[i], want, abs, tolF32(n)) {
				t.Fatalf("%s n=%d query %d of %d row %d of %d: got %v want %v",
					name, n, q, nq, j, count, out[i], want)
			}
		}
	}
}
