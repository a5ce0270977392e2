package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestExactAcrossBackends compares exact searches, alone and many at once, of
// few and of more results than one pass gives, on the CPU backend and in plain
// Go, with a sort.
func TestExactAcrossBackends(t *testing.T) {
	const n, dim = 2200, 512 // above scanBatchFloats
	dev := cpu.New(cpu.Options{})
	t.Cleanup(func() { _ = dev.Close() })
	for name, backends := range map[string][]compute.Backend{"cpu": {dev}, "plain": nil} {
		t.Run(name, func(t *testing.T) {
			e := openTest(t, Options{Fsync: FsyncOff, Backends: backends, MaxPending: 1 << 12, LinkWorkers: 1})
			if _, err := e.CreateCollection(context.Background(), CollectionConfig{Name: "a",
				Dimension: dim, Metric: compute.L2, HNSW: HNSWConfig{M: 4, EfConstruction: 8}}); err != nil {
				t.Fatal(err)
			}
			bulk(t, e, "a", 0, n)
			dropSome(t, e, n)
			want := allByDistance(t, e, dim)
			var wg sync.WaitGroup
			for _, k := range []int{1, 10, 10, 10, 100, 1500, 10000} {
				wg.Go(func() {
					res, err := e.Search(context.Background(), "a", &SearchRequest{
						Vector: probe(dim), K: k, Exact: true, Explain: true})
					if err != nil {
						t.Error(err)
						return
					}
					if len(res.Hits) != min(k, len(want)) {
						t.Errorf("k=%d: %d hits", k, len(res.Hits))
						return
					}
					for i, h := range res.Hits {
						if !near(h.Distance, want[i].Distance) {
							t.Errorf("k=%d: hit %d at %v, want %v", k, i, h.Distance, want[i].Distance)
							return
						}
					}
					if !res.Explain.Exhaustive || res.Explain.Plan != planExact {
						t.Errorf("%+v", res.Explain)
					}
				})
			}
			wg.Wait()
		})
	}
}

func probe(dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(i%7)/10 - 0.3
	}
	return v
}

func dropSome(t *testing.T, e *Engine, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	var ops []Op
	for range n / 10 {
		ops = append(ops, Op{Kind: OpDelete, ID: fmt.Sprint(r.IntN(n))})
	}
	if _, err := e.Write(context.Background(), Mutation{Collection: "a", Ops: ops}); err != nil {
		t.Fatal(err)
	}
}

// allByDistance reads every record and sorts by the scalar distance to probe.
func allByDistance(t *testing.T, e *Engine, dim int) []Hit {
	t.Helper()
	var all []Hit
	for cursor := ""; ; {
		page, err := e.Scroll(context.Background(), "a", ScrollRequest{
			Limit: MaxLimit, Cursor: cursor, Fields: Fields{Vector: true}})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			h := Hit{Record: Record{ID: r.ID}}
			h.Score, h.Distance = score(compute.L2, distance(compute.L2, probe(dim), r.Vector))
			all = append(all, h)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b Hit) int {
		if a.Distance < b.Distance {
			return -1
		}
		return 1
	})
	return all
}

// TestTiesBreakByID asks for part of many equal vectors: the smallest ids come.
func TestTiesBreakByID(t *testing.T) {
	dev := cpu.New(cpu.Options{})
	t.Cleanup(func() { _ = dev.Close() })
	e := openTest(t, Options{Fsync: FsyncOff, Backends: []compute.Backend{dev}})
	create(t, e, "a", 4, compute.L2)
	var ops []Op
	for i := range 300 {
		ops = append(ops, Op{Kind: OpUpsert, ID: fmt.Sprintf("%03d", (i*7)%300), Vector: []float32{1, 2, 3, 4}})
	}
	if _, err := e.Write(context.Background(), Mutation{Collection: "a", Ops: ops}); err != nil {
		t.Fatal(err)
	}
	res, err := e.Search(context.Background(), "a", &SearchRequest{
		Vector: []float32{1, 2, 3, 4}, K: 5, Offset: 3, Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range res.Hits {
		if h.ID != fmt.Sprintf("%03d", i+3) {
			t.Fatalf("hit %d is %s", i, h.ID)
		}
	}
}
