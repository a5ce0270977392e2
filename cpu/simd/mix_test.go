package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// TestTakeOffF32 compares sums with arithmetic in float64, with an untouched value behind.
func TestTakeOffF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 31))
		for _, n := range []int{0, 1, 8, 24, 32, 40, 100, 240} {
			for _, count := range []int{0, 1, 2, 16, 17} {
				v, by := randomF32(r, n), randomF32(r, count)
				rows := randomF32(r, n*count)
				dst := append(make([]float32, n), 77)
				TakeOffF32(dst[:n], v, rows, by)
				for d, x := range v {
					want, size := float64(x), 1.0
					for i, b := range by {
						want -= float64(b) * float64(rows[i*n+d])
						size += math.Abs(float64(b) * float64(rows[i*n+d]))
					}
					if math.Abs(float64(dst[d])-want) > 1e-6*size {
						t.Fatalf("%d of %d, %d rows: %g, want %g", d, n, count, dst[d], want)
					}
				}
				if dst[n] != 77 {
					t.Fatalf("%d components, %d rows: wrote behind", n, count)
				}
				TakeOffF32(v, v, rows, by)
				if !slices.Equal(v, dst[:n]) {
					t.Fatalf("%d components, %d rows: another result in place", n, count)
				}
			}
		}
	})
}

// mixed is MixF32 by its definition, in float64.
func mixed(v []float64, factors []float32) {
	n := len(v)
	window, half := 32, 0
	for 2*window <= n {
		window *= 2
	}
	if window < n {
		half = n / 2 / 8 * 8
	}
	rounds := len(factors)/n - 1
	for round := range rounds + 1 {
		for i := range v {
			v[i] *= float64(factors[round*n+i])
		}
		if round == rounds {
			return
		}
		part := v[round%2*(n-window):][:window]
		out := make([]float64, window)
		for i := range out {
			for j, x := range part {
				if parity(i&j) == 1 {
					x = -x
				}
				out[i] += x
			}
		}
		copy(part, out)
		for i := range half {
			v[i], v[n-half+i] = v[i]+v[n-half+i], v[i]-v[n-half+i]
		}
	}
}

func parity(x int) (p int) {
	for ; x != 0; x &= x - 1 {
		p ^= 1
	}
	return p
}

func TestMixF32(t *testing.T) {
	got := map[int][]float32{}
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(32, 32))
		for _, n := range []int{32, 40, 56, 64, 112, 120, 128, 240, 248, 256, 368, 512, 1000, 1024} {
			for rounds := range 5 {
				v, factors := randomF32(r, n), randomF32(r, n*(rounds+1))
				want := make([]float64, n)
				for i, x := range v {
					want[i] = float64(x)
				}
				mixed(want, factors)
				size := 0.0
				for _, x := range want {
					size = max(size, math.Abs(x))
				}
				v = append(v, 77)
				largest := MixF32(v[:n], factors)
				top := float32(0)
				for i, x := range want {
					if math.Abs(float64(v[i])-x) > 1e-5*size {
						t.Fatalf("%d components, %d rounds: component %d is %g, want %g", n, rounds, i, v[i], x)
					}
					top = max(top, v[i], -v[i])
				}
				if largest != top || v[n] != 77 {
					t.Fatalf("%d components, %d rounds: largest %g of %g, behind %g", n, rounds, largest, top, v[n])
				}
				key := n*8 + rounds
				if before := got[key]; before != nil && !slices.Equal(before, v) {
					t.Fatalf("%d components, %d rounds: levels differ", n, rounds)
				}
				got[key] = v
			}
		}
	})
}

func TestMixRefuses(t *testing.T) {
	floats := func(n int) []float32 { return make([]float32, n) }
	for name, call := range map[string]func(){
		"too short":       func() { MixF32(floats(24), floats(48)) },
		"no multiple":     func() { MixF32(floats(60), floats(120)) },
		"half a row":      func() { MixF32(floats(64), floats(96)) },
		"no factors":      func() { MixF32(floats(64), nil) },
		"rows missing":    func() { TakeOffF32(floats(8), floats(8), floats(8), floats(2)) },
		"another length":  func() { TakeOffF32(floats(8), floats(9), nil, nil) },
		"nothing at all":  func() { MixF32(nil, nil) },
		"a row too short": func() { TakeOffF32(floats(8), floats(8), floats(7), floats(1)) },
	} {
		if message := recovered(call); message == nil {
			t.Errorf("%s: no panic", name)
		}
	}
}

func BenchmarkMixF32(b *testing.B) {
	r := rand.New(rand.NewPCG(33, 33))
	v, factors := randomF32(r, 240), make([]float32, 5*240)
	for i := range factors {
		factors[i] = 0.1
	}
	for b.Loop() {
		MixF32(v, factors)
	}
}

func BenchmarkTakeOffF32(b *testing.B) {
	r := rand.New(rand.NewPCG(34, 34))
	v, rows, by := randomF32(r, 240), randomF32(r, 16*240), randomF32(r, 16)
	dst := make([]float32, 240)
	for b.Loop() {
		TakeOffF32(dst, v, rows, by)
	}
}
