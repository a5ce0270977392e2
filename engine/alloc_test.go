package engine

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestSearchAllocs bounds what a search that wants ids and scores allocates: the
// hits and one block for their ids. It reads nothing from the store.
func TestSearchAllocs(t *testing.T) {
	var reads atomic.Int64
	watch := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileRead || op.Kind == errorfs.OpFileReadAt {
			reads.Add(1)
		}
		return nil
	}))
	o := crashOptions(watch)
	o.ImageMinRows = -1
	o.MemtableBytes = 64 << 20 // nothing is flushed or compacted: what reads is the search
	e := openTest(t, o)
	create(t, e, "a", 16, compute.Cosine)
	bulk(t, e, "a", 0, 5000)
	if err := e.WaitIndexed(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	req := &SearchRequest{Vector: numbered16(), K: 10}
	res, err := e.Search(context.Background(), "a", req)
	if err != nil || len(res.Hits) != 10 {
		t.Fatal(res, err)
	}
	before := reads.Load()
	got := testing.AllocsPerRun(200, func() {
		if _, err := e.Search(context.Background(), "a", req); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 && !raceEnabled { // with -race a sync.Pool forgets at random
		t.Errorf("%v allocations per search, want at most 2", got)
	}
	if n := reads.Load() - before; n != 0 {
		t.Errorf("%d reads of files during searches", n)
	}
}

// TestFilteredSearchAllocs bounds the same with a filter that is asked again: which
// rows match is kept, and only the filter's text is made each time.
func TestFilteredSearchAllocs(t *testing.T) {
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 16, compute.Cosine)
	bulk(t, e, "a", 0, 5000)
	if err := e.WaitIndexed(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	req := &SearchRequest{Vector: numbered16(), K: 10,
		Filter: mustFilter(t, `{"must":[{"key":"n","range":{"lt":3000}}]}`)}
	got := testing.AllocsPerRun(200, func() {
		if _, err := e.Search(context.Background(), "a", req); err != nil {
			t.Fatal(err)
		}
	})
	if got > 3 && !raceEnabled {
		t.Errorf("%v allocations per search, want at most 3", got)
	}
}

func numbered16() []float32 {
	v := make([]float32, 16)
	for i := range v {
		v[i] = float32(i%5) - 1.5
	}
	return v
}

// BenchmarkSearch is a search for ids and scores, the index included.
func BenchmarkSearch(b *testing.B) {
	e := openTest(b, Options{Fsync: FsyncOff})
	create(b, e, "a", 16, compute.Cosine)
	bulk(b, e, "a", 0, 20000)
	if err := e.WaitIndexed(context.Background(), "a"); err != nil {
		b.Fatal(err)
	}
	req := &SearchRequest{Vector: numbered16(), K: 10}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Search(context.Background(), "a", req); err != nil {
			b.Fatal(err)
		}
	}
}
