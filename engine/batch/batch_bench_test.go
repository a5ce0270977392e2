package batch

import (
	"context"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// quiet is a searcher that costs nothing.
type quiet struct{}

func (quiet) Search(context.Context, *compute.SearchRequest) error { return nil }

// BenchmarkSubmit is what the batcher adds to a search: one caller alone, then
// as many as there are processors, times eight.
func BenchmarkSubmit(b *testing.B) {
	batcher := New(quiet{}, 256, Limits{BatchRows: 64, QueueRows: 1024, Inflight: 2})
	defer batcher.Close()
	one := func() {
		var q [256]float32
		var ids [10]uint32
		var dist [10]float32
		if _, err := batcher.Submit(context.Background(), q[:], ids[:], dist[:]); err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			one()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one()
			}
		})
	})
}
