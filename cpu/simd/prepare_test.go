package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// TestPrepare compares the three with arithmetic in float64, at lengths on and off
// the lanes, with an untouched value behind each result.
func TestPrepare(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 21))
		for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 33, 64, 100, 257} {
			v, mean := randomF32(r, n), randomF32(r, n)
			dst := append(make([]float32, n), 77)
			largest, squares := CentreF32(dst[:n], v, mean)
			checkMeasured(t, dst, largest, squares, func(i int) float64 { return float64(v[i] - mean[i]) })
			sums := make([]int32, n)
			for i := range sums {
				sums[i] = int32(r.IntN(200000) - 100000)
			}
			dst[n] = 77
			largest, squares = ScaleI32(dst[:n], sums, -300, 0.01)
			checkMeasured(t, dst, largest, squares, func(i int) float64 { return 0.01 * float64(sums[i]+300) })
			checkRound(t, v, r.Float32()*200)
		}
		half := []float32{0.5, 1.5, -0.5, -1.5, 2.5, 127.4, 127.6, 1000, -1000, -127.6}
		got := make([]int8, len(half)+32)
		RoundI8(got, append(half, make([]float32, 32)...), 1)
		for i, want := range []int8{0, 2, 0, -2, 2, 127, 127, 127, -127, -127, 0} {
			if got[i] != want {
				t.Fatalf("%g became %d", half[i], got[i])
			}
		}
	})
}

func checkMeasured(t *testing.T, dst []float32, largest, squares float32, want func(i int) float64) {
	t.Helper()
	n := len(dst) - 1
	top, sum := 0.0, 0.0
	for i := range n {
		w := want(i)
		top, sum = max(top, math.Abs(w)), sum+w*w
		if math.Abs(float64(dst[i])-w) > 1e-5*(1+math.Abs(w)) {
			t.Fatalf("n %d, %d: %g, want %g", n, i, dst[i], w)
		}
	}
	if dst[n] != 77 || math.Abs(float64(largest)-top) > 1e-5*(1+top) ||
		math.Abs(float64(squares)-sum) > 1e-4*(1+sum) {
		t.Fatalf("n %d: largest %g of %g, squares %g of %g, behind %g", n, largest, top, squares, sum, dst[n])
	}
}

func checkRound(t *testing.T, v []float32, by float32) {
	t.Helper()
	got, sum := append(make([]int8, len(v)), 77), int32(0)
	total := RoundI8(got[:len(v)], v, by)
	for i, x := range v {
		want := min(max(math.RoundToEven(float64(x*by)), -127), 127)
		if float64(got[i]) != want {
			t.Fatalf("%d of %d: %g became %d", i, len(v), x*by, got[i])
		}
		sum += int32(got[i])
	}
	if total != sum || got[len(v)] != 77 {
		t.Fatalf("n %d: sum %d, want %d; behind %d", len(v), total, sum, got[len(v)])
	}
}

// TestWidenU4 compares rows with the codes taken one by one; what follows the result
// stays as it is.
func TestWidenU4(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(22, 22))
		for _, n := range []int{64, 128, 192, 512} {
			row := make([]uint8, n)
			for i := range row {
				row[i] = uint8(r.Uint32())
			}
			got, sum := append(make([]int8, 2*n), 77), int32(0)
			total := WidenU4(got[:2*n], row)
			for i, c := range got[:2*n] {
				at, want := i/128*64+i%64, int8(0)
				if at < n-CodeTrailerBytes {
					want = int8(row[at]>>(i%128/64*4)&15)*2 - 15
				}
				if c != want {
					t.Fatalf("%d bytes, code %d of byte %#x: %d, want %d", n, i, row[at], c, want)
				}
				sum += int32(want)
			}
			if total != sum || got[2*n] != 77 {
				t.Fatalf("%d bytes: sum %d, want %d; behind %d", n, total, sum, got[2*n])
			}
		}
	})
}
