package hnsw

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

func TestGraphContract(t *testing.T) {
	for _, kind := range []codes.Kind{codes.None, codes.SQ8, codes.SQ4} {
		t.Run(kind.String(), func(t *testing.T) {
			indextest.Run(t, func(tb testing.TB, dim int, metric compute.Metric) index.Graph {
				x, err := New(Config{Dim: dim, Metric: metric, M: 8, EfConstruction: 64, LinkWorkers: 2,
					MaxPending: 64, Quantization: kind, TrainRows: 100})
				if err != nil {
					tb.Fatal(err)
				}
				tb.Cleanup(func() { x.Close() })
				return x
			})
		})
	}
}
