//go:build unix

package simd

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// TestGuardPagesF32 lets every input and output end at an unreadable page.
func TestGuardPagesF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 5))
		const maxDim, held = 257, 7
		qs, blocks := pages[float32](t, maxDim), pages[float32](t, maxDim*held)
		idPages, outPages := pages[uint32](t, 9), pages[float32](t, 9)
		copy(qs, randomF32(r, len(qs)))
		copy(blocks, randomF32(r, len(blocks)))
		for n := 1; n <= maxDim; n++ {
			count := 1 + n%9
			q, rows := qs[maxDim-n:], blocks[len(blocks)-n*held:]
			ids, out := idPages[9-count:], outPages[9-count:]
			for i := range ids {
				ids[i] = uint32(held - 1 - i%held)
			}
			for _, k := range f32Kernels() {
				k.gather(q, rows, n, ids, out)
				want, abs := k.oracle(q, rows[(held-1)*n:])
				if !near(out[0], want, abs, tolF32(n)) {
					t.Fatalf("%s gather n=%d: got %v want %v", k.name, n, out[0], want)
				}
				seq := outPages[9-held:]
				k.rows(q, rows, n, seq)
				if !near(seq[held-1], want, abs, tolF32(n)) {
					t.Fatalf("%s rows n=%d: got %v want %v", k.name, n, seq[held-1], want)
				}
				if got := k.pair(q, rows[(held-1)*n:]); !near(got, want, abs, tolF32(n)) {
					t.Fatalf("%s pair n=%d: got %v want %v", k.name, n, got, want)
				}
			}
		}
	})
}
