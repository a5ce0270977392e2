package simd

import (
	"math"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

func TestSelfTest(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		if err := SelfTest(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSelfTestCanFail: the comparisons see a wrong last component.
func TestSelfTestCanFail(t *testing.T) {
	for _, wrong := range []float32{1.5, float32(math.NaN()), float32(math.Inf(1))} {
		if closeF32("x", []float32{1, wrong}, []float32{1, 1}, 100) == nil {
			t.Errorf("%v passed for 1", wrong)
		}
	}
	if equalI32("x", []int32{1, 2}, []int32{1, 3}) == nil {
		t.Error("2 passed for 3")
	}
}
