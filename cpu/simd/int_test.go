package simd

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// intKernel is one integer kernel in its forms over rows of R and queries of Q;
// pair may be nil. The oracle is exact, and so must be the kernel.
type intKernel[Q, R any] struct {
	name   string
	pair   func(a []Q, b []R) int32
	rows   func(q []Q, rows []R, stride int, out []int32)
	gather func(q []Q, rows []R, stride int, ids []uint32, out []int32)
	oracle func(a []Q, b []R) int32
	fillQ  func(r *rand.Rand) Q
	fillR  func(r *rand.Rand) R
}

// anyI8 favours the ends of the range, where a product or a sum saturates first.
func anyI8(r *rand.Rand) int8 {
	switch r.IntN(4) {
	case 0:
		return -128
	case 1:
		return 127
	}
	return int8(r.Uint32())
}

func anyU8(r *rand.Rand) uint8 { return uint8(int(anyI8(r)) + 128) }

var dotI8Kernel = intKernel[int8, int8]{
	"dotI8", DotI8, DotRowsI8, DotGatherI8, func(a, b []int8) (s int32) {
		for i := range a {
			s += int32(a[i]) * int32(b[i])
		}
		return s
	}, anyI8, anyI8,
}

var l2I8Kernel = intKernel[int8, int8]{
	"l2I8", L2I8, L2RowsI8, L2GatherI8, func(a, b []int8) (s int32) {
		for i := range a {
			d := int32(a[i]) - int32(b[i])
			s += d * d
		}
		return s
	}, anyI8, anyI8,
}

var dotU8I8Kernel = intKernel[int8, uint8]{
	"dotU8I8", nil, DotRowsU8I8, DotGatherU8I8, func(a []int8, b []uint8) (s int32) {
		for i := range a {
			s += int32(a[i]) * int32(b[i])
		}
		return s
	}, anyI8, anyU8,
}

var hammingKernel = intKernel[uint64, uint64]{
	"hamming", Hamming, HammingRows, HammingGather, func(a, b []uint64) (s int32) {
		for i := range a {
			s += int32(bits.OnesCount64(a[i] ^ b[i]))
		}
		return s
	}, (*rand.Rand).Uint64, (*rand.Rand).Uint64,
}

func TestIntKernels(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 6))
		for n := 1; n <= 257; n++ {
			checkInt(t, dotI8Kernel, r, n, 1+n%9)
			checkInt(t, l2I8Kernel, r, n, 1+n%9)
			checkInt(t, dotU8I8Kernel, r, n, 1+n%9)
			checkInt(t, hammingKernel, r, n, 1+n%9)
		}
		for _, n := range []int{4096, 33025, 65536} {
			checkInt(t, dotI8Kernel, r, n, 40)
			checkInt(t, l2I8Kernel, r, n, 40)
			checkInt(t, dotU8I8Kernel, r, n, 40)
		}
		checkInt(t, hammingKernel, r, 1024, 300)
	})
}

// checkInt runs every form of k over count rows of n components, with all
// slices cut to length so that the bounds of the Go side are tight too.
func checkInt[Q, R any](t *testing.T, k intKernel[Q, R], r *rand.Rand, n, count int) {
	t.Helper()
	stride, off := n+n%4, n%5
	q := make([]Q, off+n)[off:]
	rows := make([]R, off+(count-1)*stride+n)[off:]
	for i := range q {
		q[i] = k.fillQ(r)
	}
	for i := range rows {
		rows[i] = k.fillR(r)
	}
	want := make([]int32, count)
	ids := make([]uint32, count)
	for i := range want {
		want[i] = k.oracle(q, rows[i*stride:i*stride+n])
		ids[count-1-i] = uint32(i)
	}
	got := guardedI32(t, count)
	k.rows(q, rows, stride, got)
	if !slices.Equal(got, want) {
		t.Fatalf("%s rows n=%d count=%d: got %v want %v", k.name, n, count, got, want)
	}
	k.gather(q, rows, stride, ids, got)
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s gather n=%d count=%d: got %v want %v", k.name, n, count, got, want)
	}
	if k.pair == nil {
		return
	}
	if one := k.pair(q, rows[(count-1)*stride:]); one != want[0] {
		t.Fatalf("%s pair n=%d: got %v want %v", k.name, n, one, want[0])
	}
}

// guardedI32 is guarded for integer results.
func guardedI32(t testing.TB, n int) []int32 {
	const pad, mark = 16, int32(-1234567)
	buf := slices.Repeat([]int32{mark}, n+2*pad)
	t.Cleanup(func() {
		for i, v := range buf {
			if (i < pad || i >= pad+n) && v != mark {
				t.Errorf("wrote outside of out, at %d of %d", i-pad, n)
			}
		}
	})
	return buf[pad : pad+n : pad+n]
}

// TestExtremesI8 is the worst case of every lane: no step may saturate.
func TestExtremesI8(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{1, 15, 16, 63, 64, 65, 300} {
			low, high := slices.Repeat([]int8{-128}, n), slices.Repeat([]int8{127}, n)
			full := slices.Repeat([]uint8{255}, n)
			out := make([]int32, 1)
			if got, want := DotI8(low, low), int32(n*128*128); got != want {
				t.Fatalf("dot n=%d: got %d want %d", n, got, want)
			}
			if got, want := L2I8(low, high), int32(n*255*255); got != want {
				t.Fatalf("l2 n=%d: got %d want %d", n, got, want)
			}
			if DotRowsU8I8(low, full, n, out); out[0] != int32(-n*128*255) {
				t.Fatalf("u8i8 n=%d: got %d want %d", n, out[0], -n*128*255)
			}
		}
	})
}
