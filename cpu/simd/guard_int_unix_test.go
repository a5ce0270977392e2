//go:build unix

package simd

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// TestGuardPagesInt lets inputs and outputs of the narrow kernels end at an
// unreadable page.
func TestGuardPagesInt(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 8))
		checkGuarded(t, dotI8Kernel, r)
		checkGuarded(t, l2I8Kernel, r)
		checkGuarded(t, dotU8I8Kernel, r)
		checkGuarded(t, hammingKernel, r)
	})
}

func checkGuarded[Q, R any](t *testing.T, k intKernel[Q, R], r *rand.Rand) {
	t.Helper()
	const maxDim, held = 140, 7
	qs, blocks := pages[Q](t, maxDim), pages[R](t, maxDim*held)
	for i := range qs {
		qs[i] = k.fillQ(r)
	}
	for i := range blocks {
		blocks[i] = k.fillR(r)
	}
	ids, out := pages[uint32](t, held), pages[int32](t, held)
	for i := range ids {
		ids[i] = uint32(i)
	}
	for n := 1; n <= maxDim; n++ {
		q, rows := qs[maxDim-n:], blocks[len(blocks)-n*held:]
		k.gather(q, rows, n, ids, out)
		want := k.oracle(q, rows[(held-1)*n:])
		if out[held-1] != want {
			t.Fatalf("%s gather n=%d: got %d want %d", k.name, n, out[held-1], want)
		}
		k.rows(q, rows, n, out)
		if out[held-1] != want {
			t.Fatalf("%s rows n=%d: got %d want %d", k.name, n, out[held-1], want)
		}
		if k.pair != nil && k.pair(q, rows[(held-1)*n:]) != want {
			t.Fatalf("%s pair n=%d: want %d", k.name, n, want)
		}
	}
}

// TestGuardPagesScore lets rows of codes and results end at an unreadable page.
func TestGuardPagesScore(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(10, 10))
		for _, bits := range []int{1, 4, 8} {
			for _, count := range []int{1, 3, 4, 7, 8} {
				c := newScoreCase(r, 128, count, bits)
				rows, q, ids := pages[uint8](t, len(c.rows)), pages[int8](t, len(c.q)), pages[uint32](t, count)
				copy(rows, c.rows)
				copy(q, c.q)
				copy(ids, c.ids)
				out := pages[float32](t, count)
				switch bits {
				case 8:
					ScoreGatherU8(q, rows, ids, &c.s, out)
				case 4:
					ScoreGatherU4(q, rows, ids, &c.s, out)
				case 1:
					planes := pages[uint64](t, len(c.q)/16)
					copy(planes, c.planes())
					ScoreGatherU1(planes, rows, ids, &c.s, out)
				}
				c.check(t, out)
			}
		}
	})
}

// TestGuardPagesKeep lets the list, the rows and their distances end there.
func TestGuardPagesKeep(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 11))
		for range 60 {
			c := newKeepCase(r, 1+r.IntN(40), r.IntN(36))
			list := pages[Near](t, c.limit)
			copy(list, c.list)
			dist, ids := pages[float32](t, len(c.dist)), pages[uint32](t, len(c.ids))
			copy(dist, c.dist)
			copy(ids, c.ids)
			c.ids = ids
			c.check(t, list[:len(c.list)], dist)
		}
	})
}

// TestGuardPagesF16 does the same for half floats and the conversions.
func TestGuardPagesF16(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		const maxDim, held = 140, 7
		r := rand.New(rand.NewPCG(9, 9))
		qs, blocks := pages[float32](t, maxDim), pages[uint16](t, maxDim*held)
		wide := pages[float32](t, maxDim*held)
		copy(qs, randomF32(r, maxDim))
		F32ToF16(blocks, randomF32(r, len(blocks)))
		F16ToF32(wide, blocks)
		ids, out := pages[uint32](t, 3), pages[float32](t, 3)
		copy(ids, []uint32{0, 6, 6})
		for n := 1; n <= maxDim; n++ {
			q, rows := qs[maxDim-n:], blocks[len(blocks)-n*held:]
			DotGatherF16(q, rows, n, ids, out)
			want, abs := dot64(q, wide[len(wide)-n:])
			if !near(out[2], want, abs, tolF32(n)) {
				t.Fatalf("gather n=%d: got %v want %v", n, out[2], want)
			}
			L2RowsF16(q, rows[(held-3)*n:], n, out)
			if want, abs = l264(q, wide[len(wide)-n:]); !near(out[2], want, abs, tolF32(n)) {
				t.Fatalf("rows n=%d: got %v want %v", n, out[2], want)
			}
			F16ToF32(wide[len(wide)-n:], blocks[len(blocks)-n:])
			F32ToF16(blocks[len(blocks)-n:], wide[len(wide)-n:])
		}
	})
}
