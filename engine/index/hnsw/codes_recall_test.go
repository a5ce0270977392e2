package hnsw

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// TestCodesLoseNothing compares recall by codes with recall by vectors at equal
// effort, on the real rows that the tests carry. The set is small, so that a few
// queries make a difference of 0.002; twice as much is allowed.
func TestCodesLoseNothing(t *testing.T) {
	set := indextest.LoadSmall(t)
	recall := func(kind codes.Kind, ef int) (recall float64, bits int) {
		x := build(t, set, Config{EfConstruction: 100, Quantization: kind, TrainRows: 2000})
		return indextest.Recall(set, 10, func(q []float32, dst []index.Hit) []index.Hit {
			return x.Search(q, index.Params{K: 10, Ef: ef}, dst)
		}), x.Memory().Bits
	}
	for _, ef := range []int{16, 64} {
		want, _ := recall(codes.None, ef)
		for _, kind := range []codes.Kind{codes.SQ8, codes.SQ4, codes.Binary, codes.Auto} {
			got, bits := recall(kind, ef)
			t.Logf("ef %d: %s (%d bits) %.4f, by vectors %.4f", ef, kind, bits, got, want)
			if bits == 0 || got < want-0.004 {
				t.Errorf("ef %d: %s (%d bits) finds %.4f, vectors %.4f", ef, kind, bits, got, want)
			}
		}
	}
}
