package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// TestConvertF16 goes through every half float, and through the floats around
// and halfway between neighbours.
func TestConvertF16(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		all := make([]uint16, 1<<16)
		for i := range all {
			all[i] = uint16(i)
		}
		wide, back := make([]float32, len(all)), make([]uint16, len(all))
		F16ToF32(wide, all)
		F32ToF16(back, wide)
		for h, f := range wide {
			if isNaN16(uint16(h)) {
				if !math.IsNaN(float64(f)) || !isNaN16(back[h]) {
					t.Fatalf("%#04x: NaN became %v, then %#04x", h, f, back[h])
				}
				continue
			}
			if want := exactF16(uint16(h)); float64(f) != want || int(back[h]) != h {
				t.Fatalf("%#04x: got %v, back %#04x, want %v", h, f, back[h], want)
			}
		}
		checkRounding(t)
	})
}

func isNaN16(h uint16) bool { return h&0x7fff > 0x7c00 }

// exactF16 is the definition of binary16.
func exactF16(h uint16) float64 {
	sign, exp, frac := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	switch {
	case exp == 31 && frac == 0:
		return math.Inf(int(sign))
	case exp == 0:
		return sign * math.Ldexp(frac, -24)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// checkRounding tries, between each half float and the next, a quarter, the
// middle and three quarters of the way, and the floats beside the middle.
func checkRounding(t *testing.T) {
	t.Helper()
	var in []float32
	var want []uint16
	for h := uint16(0); h < 0x7bff; h++ {
		lo, hi := exactF16(h), exactF16(h+1)
		mid := float32((lo + hi) / 2)
		even := h + h&1
		in = append(in, float32(lo+(hi-lo)/4), math.Nextafter32(mid, 0), mid,
			math.Nextafter32(mid, 1e9), float32(lo+(hi-lo)*3/4), -mid)
		want = append(want, h, h, even, h+1, h+1, even|0x8000)
	}
	in = append(in, 65519.996, 65520, 1e9, -65520, 1e-10, -1e-10)
	want = append(want, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 0x8000)
	got := make([]uint16, len(in))
	F32ToF16(got, in)
	for i := range in {
		if got[i] != want[i] {
			t.Fatalf("%v: got %#04x want %#04x", in[i], got[i], want[i])
		}
	}
}

func TestKernelsF16(t *testing.T) {
	kernels := []struct {
		name   string
		rows   func(q []float32, rows []uint16, stride int, out []float32)
		gather func(q []float32, rows []uint16, stride int, ids []uint32, out []float32)
		oracle func(a, b []float32) (sum, abs float64)
	}{{"dot", DotRowsF16, DotGatherF16, dot64}, {"l2", L2RowsF16, L2GatherF16, l264}}
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		for n := 1; n <= 257; n++ {
			count, stride := 1+n%9, n+n%4
			q, wide := randomF32(r, n), make([]float32, (count-1)*stride+n)
			rows := make([]uint16, len(wide))
			F32ToF16(rows, randomF32(r, len(rows)))
			F16ToF32(wide, rows)
			ids := make([]uint32, count)
			for i := range ids {
				ids[i] = uint32(count - 1 - i)
			}
			for _, k := range kernels {
				seq, gathered := guarded(t, count), guarded(t, count)
				k.rows(q, rows, stride, seq)
				k.gather(q, rows, stride, ids, gathered)
				for i := range seq {
					want, abs := k.oracle(q, wide[i*stride:i*stride+n])
					if !near(seq[i], want, abs, tolF32(n)) {
						t.Fatalf("%s rows n=%d [%d]: got %v want %v", k.name, n, i, seq[i], want)
					}
					if got := gathered[count-1-i]; !near(got, want, abs, tolF32(n)) {
						t.Fatalf("%s gather n=%d [%d]: got %v want %v", k.name, n, i, got, want)
					}
				}
			}
		}
	})
}
