package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/slowdisk"
)

// BenchmarkGroupCommit measures durable single upserts by 1 and by 32 clients, on
// the disk of the machine and on one whose fsync takes 2 ms longer. The ids exist,
// so that the figure is of the commit path: what the index costs per row is the
// same for any number of clients and is measured elsewhere.
func BenchmarkGroupCommit(b *testing.B) {
	for _, slower := range []time.Duration{0, 2 * time.Millisecond} {
		for _, clients := range []int{1, 32} {
			b.Run(fmt.Sprintf("fsync=+%v/clients=%d", slower, clients), func(b *testing.B) {
				benchCommit(b, slowdisk.FS{FS: vfs.Default, Fsync: slower}, clients)
			})
		}
	}
}

func benchCommit(b *testing.B, fs vfs.FS, clients int) {
	e := openTest(b, Options{FS: fs})
	create(b, e, "a", 8, compute.L2)
	vec := make([]float32, 8)
	for i := range 1000 {
		vec[0] = float32(i)
		upsert(b, e, "a", fmt.Sprint(i), vec, "")
	}
	if err := e.WaitIndexed(context.Background(), "a"); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	b.ResetTimer()
	start := time.Now()
	var wg sync.WaitGroup
	for w := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for next.Add(1) <= int64(b.N) {
				res, err := e.Write(context.Background(), Mutation{Collection: "a", Ops: []Op{{
					Kind: OpUpdate, ID: fmt.Sprint(r.IntN(1000)), PayloadMode: PayloadReplace,
					Payload: []byte(`{"n":1}`)}}})
				if err != nil || res.Items[0].Err != nil {
					b.Error(err, res)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "writes/s")
	s := e.Stats().Writes
	b.ReportMetric(float64(s.Ops)/float64(s.Commits), "ops/commit")
	b.ReportMetric(float64(s.FsyncTime.Microseconds())/float64(s.Fsyncs), "µs/fsync")
}
