package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestChurnDoesNotGrow replaces the content of a collection twenty times, half by
// updates, half by deletion and insertion under other ids: after the second cycle
// neither memory nor disk grows.
func TestChurnDoesNotGrow(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff, ImageMinRows: -1, MemtableBytes: 1 << 20})
	if _, err := e.CreateCollection(ctx, CollectionConfig{Name: "a", Dimension: 16, Metric: compute.L2,
		HNSW: HNSWConfig{M: 4, EfConstruction: 16}}); err != nil {
		t.Fatal(err)
	}
	const n = 2000
	// The log is cut from time to time: how much of it is there when it is measured
	// varies by some hundred KB. Twenty cycles of it would take 5 MB.
	const logSlack = 512 << 10
	type size struct{ memory, disk int64 }
	measure := func() size {
		s := e.Stats()
		m := s.Memory
		return size{m.Vectors + m.Links + m.IDs + m.Payload + m.Other,
			int64(s.Storage.DiskBytes) - int64(s.Storage.WALBytes) + s.Storage.ImageBytes}
	}
	var second, last size
	for cycle := range 20 {
		var ops []Op
		for i := range n {
			v := numbered16()
			v[0], v[1] = float32(i), float32(cycle)
			id := fmt.Sprintf("same-%d", i)
			if i%2 == 0 {
				id = fmt.Sprintf("cycle-%d-%d", cycle, i)
				if cycle > 0 {
					ops = append(ops, Op{Kind: OpDelete, ID: fmt.Sprintf("cycle-%d-%d", cycle-1, i)})
				}
			}
			ops = append(ops, Op{Kind: OpUpsert, ID: id, Vector: v,
				Payload: fmt.Appendf(nil, `{"c":%d,"i":%d}`, cycle, i)})
		}
		for len(ops) > 0 {
			k := min(len(ops), 300)
			if _, err := e.Write(ctx, Mutation{Collection: "a", Ops: ops[:k]}); err != nil {
				t.Fatal(err)
			}
			ops = ops[k:]
			// Freed rows are given out again once they are repaired around.
			if err := e.WaitIndexed(ctx, "a"); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := e.store.Compact(); err != nil {
			t.Fatal(err)
		}
		if cycle == 1 {
			second = measure()
		}
		if count, err := e.Count(ctx, "a", nil); count != n || err != nil {
			t.Fatal(count, err)
		}
	}
	// The store deletes the files that a compaction replaced in the background.
	eventually(t, func() bool {
		last = measure()
		return last.memory <= second.memory*11/10 && last.disk <= second.disk*12/10+logSlack
	})
	t.Logf("after 20 cycles %+v, after the second %+v", last, second)
}
