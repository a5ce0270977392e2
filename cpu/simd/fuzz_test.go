package simd

import (
	"math"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

// atEveryLevel runs f at each level of this machine.
func atEveryLevel(f func()) {
	old := cpulevel.Now
	defer func() { cpulevel.Now = old }()
	for _, l := range cpulevel.Available() {
		cpulevel.Now = l
		f()
	}
}

// FuzzF32 takes any bits as floats: the kernels agree with float64 within their
// proven bound, and with each other about what is NaN or infinite when no partial
// sum can overflow.
func FuzzF32(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 0, 64}, uint8(1))
	f.Add([]byte{1, 0, 0, 0, 255, 255, 127, 127, 0, 0, 128, 127, 0, 0, 192, 127}, uint8(0))
	f.Add(make([]byte, 4*67), uint8(3))
	f.Add(equalTerms(589, 0x3FD23E99, 0x3F89666F), uint8(0)) // every rounding errs the same way
	f.Add(equalTerms(600, 0x19812345, 0x19FEDCBA), uint8(0)) // each product is subnormal
	f.Fuzz(func(t *testing.T, raw []byte, skew uint8) {
		n := min(len(raw)/8, 600)
		a, b := make([]float32, n), make([]float32, n)
		for i := range n {
			a[i] = math.Float32frombits(little.Uint32(raw[4*i:]))
			b[i] = math.Float32frombits(little.Uint32(raw[4*(n+i):]))
		}
		a, b = misaligned(a, int(skew%8)), misaligned(b, int(skew/8%8))
		for _, k := range f32Kernels() {
			want, abs := k.oracle(a, b)
			if abs > math.MaxFloat32/4 { // a lane may overflow where the sum does not
				continue
			}
			atEveryLevel(func() {
				out := guarded(t, 5)
				ids := []uint32{0, 0, 0, 0, 0}
				k.gather(a, b, n, ids, out)
				for _, got := range append(out, k.pair(a, b)) {
					if !near(got, want, abs, worstF32(n)) {
						t.Fatalf("%s n=%d at %s: got %v want %v", k.name, n, cpulevel.Now, got, want)
					}
				}
			})
		}
	})
}

// equalTerms is the input of FuzzF32 with n times the same two floats, as bits.
func equalTerms(n int, a, b uint32) []byte {
	raw := make([]byte, 0, 8*n)
	for _, bits := range []uint32{a, b} {
		for range n {
			raw = little.AppendUint32(raw, bits)
		}
	}
	return raw
}

// FuzzI8 and FuzzHamming are exact.
func FuzzI8(f *testing.F) {
	f.Add([]byte{128, 127, 0, 1}, uint8(0))
	f.Add(make([]byte, 130), uint8(5))
	f.Fuzz(func(t *testing.T, raw []byte, skew uint8) {
		n := min(len(raw)/2, 5000)
		a, b := make([]int8, n+int(skew%16))[skew%16:], make([]int8, n)
		for i := range n {
			a[i], b[i] = int8(raw[i]), int8(raw[n+i])
		}
		dot, l2 := dotI8Kernel.oracle(a, b), l2I8Kernel.oracle(a, b)
		atEveryLevel(func() {
			out := guardedI32(t, 5)
			ids := []uint32{0, 0, 0, 0, 0}
			DotGatherI8(a, b, n, ids, out)
			if DotI8(a, b) != dot || out[0] != dot || out[4] != dot {
				t.Fatalf("dot n=%d at %s: got %d want %d", n, cpulevel.Now, out, dot)
			}
			L2GatherI8(a, b, n, ids, out)
			if L2I8(a, b) != l2 || out[0] != l2 || out[4] != l2 {
				t.Fatalf("l2 n=%d at %s: got %d want %d", n, cpulevel.Now, out, l2)
			}
		})
	})
}

func FuzzHamming(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := min(len(raw)/16, 700)
		a, b := make([]uint64, n), make([]uint64, n)
		for i := range n {
			a[i], b[i] = little.Uint64(raw[8*i:]), little.Uint64(raw[8*(n+i):])
		}
		want := hammingKernel.oracle(a, b)
		atEveryLevel(func() {
			out := guardedI32(t, 5)
			HammingGather(a, b, n, []uint32{0, 0, 0, 0, 0}, out)
			if Hamming(a, b) != want || out[0] != want || out[4] != want {
				t.Fatalf("n=%d at %s: got %d want %d", n, cpulevel.Now, out, want)
			}
		})
	})
}

// FuzzF16 converts any bits there and back.
func FuzzF16(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 1, 0, 0, 0, 0, 240, 127, 71})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := min(len(raw)/4, 200)
		src := make([]float32, n)
		for i := range src {
			src[i] = math.Float32frombits(little.Uint32(raw[4*i:]))
		}
		want := make([]uint16, n)
		narrowF16Generic(want, src)
		atEveryLevel(func() {
			half, wide := make([]uint16, n), make([]float32, n)
			F32ToF16(half, src)
			F16ToF32(wide, half)
			for i := range half {
				same := half[i] == want[i] && math.Float32bits(wide[i]) == math.Float32bits(f16ToF32(want[i]))
				if !same {
					t.Fatalf("%v at %s: %#04x, widened %v, want %#04x", src[i], cpulevel.Now, half[i], wide[i], want[i])
				}
			}
		})
	})
}
