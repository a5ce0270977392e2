package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

// clustered returns n vectors around n/100 centres.
func clustered(n, dim int) []float32 {
	r := rand.New(rand.NewPCG(1, 7))
	centres := make([]float32, max(n/100, 1)*dim)
	for i := range centres {
		centres[i] = float32(r.NormFloat64())
	}
	out := make([]float32, n*dim)
	for i := range n {
		c := r.IntN(len(centres)/dim) * dim
		for j := range dim {
			out[i*dim+j] = centres[c+j] + 0.3*float32(r.NormFloat64())
		}
	}
	return out
}

// BenchmarkBulkImport measures, on the same rows in the same run, the index
// alone and durable batches of 500 through the engine, until everything is
// linked. share is the engine's rate over the index's.
func BenchmarkBulkImport(b *testing.B) {
	const n, dim = 20000, 128
	data := clustered(n, dim)
	for b.Loop() {
		alone := buildAlone(b, data, n, dim)
		whole := importAll(b, data, n, dim)
		b.ReportMetric(n/alone.Seconds(), "index-rows/s")
		b.ReportMetric(n/whole.Seconds(), "rows/s")
		b.ReportMetric(alone.Seconds()/whole.Seconds(), "share")
	}
}

func buildAlone(b *testing.B, data []float32, n, dim int) time.Duration {
	x, err := hnsw.New(hnsw.Config{Dim: dim, Metric: compute.L2, LinkWorkers: runtime.GOMAXPROCS(0)})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	start := time.Now()
	for row := range n {
		if err := x.Put(uint32(row), data[row*dim:(row+1)*dim]); err != nil {
			b.Fatal(err)
		}
	}
	x.Wait()
	return time.Since(start)
}

func importAll(b *testing.B, data []float32, n, dim int) time.Duration {
	e := openTest(b, Options{})
	create(b, e, "a", dim, compute.L2)
	start := time.Now()
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for at := w * 500; at < n; at += 1000 {
				ops := make([]Op, 0, 500)
				for i := at; i < min(at+500, n); i++ {
					ops = append(ops, Op{Kind: OpUpsert, ID: fmt.Sprintf("doc-%07d", i),
						Vector: data[i*dim : (i+1)*dim], Payload: fmt.Appendf(nil, `{"n":%d}`, i)})
				}
				if _, err := e.Write(context.Background(), Mutation{Collection: "a", Ops: ops}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := e.WaitIndexed(context.Background(), "a"); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
