package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

func TestPairF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, k := range f32Kernels() {
			for n := 0; n <= 257; n++ {
				a := misaligned(randomF32(r, n), n%7)
				b := misaligned(randomF32(r, n), n%5)
				want, abs := k.oracle(a, b)
				if got := k.pair(a, b); !near(got, want, abs, tolF32(n)) {
					t.Fatalf("%s n=%d: got %v want %v", k.name, n, got, want)
				}
			}
		}
	})
}

func TestRowsF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 2))
		for _, k := range f32Kernels() {
			for n := 1; n <= 257; n++ {
				count, stride := n%11, n+n%4
				q := misaligned(randomF32(r, n), n%3)
				rows := misaligned(randomF32(r, max(0, (count-1)*stride+n)), n%9)
				out := guarded(t, count)
				k.rows(q, rows, stride, out)
				for i, got := range out {
					want, abs := k.oracle(q, rows[i*stride:i*stride+n])
					if !near(got, want, abs, tolF32(n)) {
						t.Fatalf("%s n=%d row %d of %d: got %v want %v", k.name, n, i, count, got, want)
					}
				}
			}
		}
	})
}

func TestGatherF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		for _, k := range f32Kernels() {
			for n := 1; n <= 257; n++ {
				checkGatherF32(t, k, r, n)
			}
		}
	})
}

func checkGatherF32(t *testing.T, k f32Kernel, r *rand.Rand, n int) {
	t.Helper()
	held, stride := 1+r.IntN(30), n+n%3
	q := misaligned(randomF32(r, n), n%4)
	rows := misaligned(randomF32(r, (held-1)*stride+n), n%6)
	ids := make([]uint32, r.IntN(20))
	for i := range ids {
		ids[i] = uint32(r.IntN(held))
	}
	out := guarded(t, len(ids))
	k.gather(q, rows, stride, ids, out)
	for i, got := range out {
		at := int(ids[i]) * stride
		want, abs := k.oracle(q, rows[at:at+n])
		if !near(got, want, abs, tolF32(n)) {
			t.Fatalf("%s n=%d row %d (%d of %d): got %v want %v", k.name, n, ids[i], i, len(ids), got, want)
		}
	}
}

// TestLargeF32 covers what is cut into several assembly calls, and the longest
// vectors.
func TestLargeF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for _, shape := range []struct{ n, count int }{{65536, 9}, {33, 9000}, {1, 3}, {4097, 130}} {
			q := randomF32(r, shape.n)
			rows := randomF32(r, shape.n*shape.count)
			ids := make([]uint32, shape.count)
			for i := range ids {
				ids[i] = uint32(shape.count - 1 - i)
			}
			for _, k := range f32Kernels() {
				seq, gathered := guarded(t, shape.count), guarded(t, shape.count)
				k.rows(q, rows, shape.n, seq)
				k.gather(q, rows, shape.n, ids, gathered)
				for i := range seq {
					want, abs := k.oracle(q, rows[i*shape.n:(i+1)*shape.n])
					if !near(seq[i], want, abs, tolF32(shape.n)) {
						t.Fatalf("%s n=%d rows[%d]: got %v want %v", k.name, shape.n, i, seq[i], want)
					}
					if got := gathered[shape.count-1-i]; !near(got, want, abs, tolF32(shape.n)) {
						t.Fatalf("%s n=%d gather[%d]: got %v want %v", k.name, shape.n, i, got, want)
					}
				}
			}
		}
	})
}

// TestSpecialValuesF32 puts one special value at every place of a vector: it
// must reach the sum from the main loop as from the tail.
func TestSpecialValuesF32(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{inf, -inf, nan, 1e-45, 1e-39, math.MaxFloat32, 0, float32(math.Copysign(0, -1))}
	simdtest.EachLevel(t, func(t *testing.T) {
		for _, k := range f32Kernels() {
			for _, n := range []int{1, 3, 8, 15, 16, 31, 33, 70} {
				for at := range n {
					for _, v := range special {
						a, b := make([]float32, n), make([]float32, n)
						for i := range a {
							a[i], b[i] = 1e-20, 0.5
						}
						a[at] = v
						want, abs := k.oracle(a, b)
						if got := k.pair(a, b); !near(got, want, abs, tolF32(n)) {
							t.Fatalf("%s n=%d a[%d]=%v: got %v want %v", k.name, n, at, v, got, want)
						}
					}
				}
			}
		}
	})
}

func TestNormalizeF32(t *testing.T) {
	f := func(want float32, v ...float32) {
		t.Helper()
		dst := make([]float32, len(v))
		got := NormalizeF32(dst, v)
		if !near(got, float64(want), float64(want), 1e-6) {
			t.Fatalf("%v: norm %v want %v", v, got, want)
		}
		sum, _ := dot64(dst, dst)
		if want != 0 && math.Abs(sum-1) > 1e-6 {
			t.Fatalf("%v: length %v", v, math.Sqrt(sum))
		}
	}
	f(5, 3, 4)
	f(0, 0, 0, 0)
	f(0)
	f(3e38, 3e38)
	f(1e-40, 0, 1e-40)
	f(2, 1, 1, 1, 1)
	f(3, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	f(0, float32(math.NaN()), 1)
	in := []float32{3, 4}
	if NormalizeF32(in, in); in[0] != 0.6 || in[1] != 0.8 {
		t.Fatalf("in place: %v", in)
	}
}

func TestBadLengthsPanic(t *testing.T) {
	f := func(name string, call func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Fatalf("%s did not panic", name)
			}
		}()
		call()
	}
	v := make([]float32, 16)
	f("pair", func() { DotF32(v[:3], v[:4]) })
	f("stride", func() { DotRowsF32(v[:8], v, 7, v[:2]) })
	f("block", func() { L2RowsF32(v[:8], v, 8, make([]float32, 3)) })
	f("ids", func() { L2GatherF32(v[:8], v, 8, []uint32{0}, make([]float32, 2)) })
	f("gather stride", func() { DotGatherF32(v[:8], v, 4, []uint32{0}, v[:1]) })
	if checkIDs {
		f("row", func() { DotGatherF32(v[:8], v, 8, []uint32{2}, make([]float32, 1)) })
	}
}

func TestAllocsF32(t *testing.T) {
	rows, ids := make([]float32, 64*32), []uint32{1, 5, 9, 11, 31, 2}
	allocs := testing.AllocsPerRun(100, func() {
		var q [64]float32
		var out [6]float32
		DotGatherF32(q[:], rows, 64, ids, out[:])
		L2RowsF32(q[:], rows, 64, out[:])
		out[0] = DotF32(q[:], q[:])
		NormalizeF32(q[:], q[:])
	})
	if allocs != 0 {
		t.Fatalf("%v allocations a call, want 0: the slices must stay on the stack", allocs)
	}
}
