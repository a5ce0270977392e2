package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// TestConcurrentUse runs every kind of call beside every other. Each record's
// vector, payload and id carry the same number, so a torn or misattributed read
// shows. Run with -race.
func TestConcurrentUse(t *testing.T) {
	e := openTest(t, Options{Fsync: FsyncOff, ImageMinRows: 50, ImageFraction: 0.01, LinkWorkers: 2})
	create(t, e, "a", 8, compute.L2)
	create(t, e, "b", 8, compute.L2)
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	c := &concurrentUse{t: t, e: e}
	for i := range 10 {
		upsert(t, e, "a", fmt.Sprint(i), numbered(i), fmt.Sprintf(`{"n":%d,"id":"%d","g":%d}`, i, i, i%5))
	}
	var wg, readers sync.WaitGroup
	for w := range 4 {
		wg.Go(func() { c.writer(uint64(w), rounds) })
	}
	for w := range 2 {
		readers.Go(func() { c.reader(uint64(w)) })
	}
	wg.Go(func() { c.keeper(rounds / 20) })
	wg.Wait()
	c.done.Store(true)
	readers.Wait()
	if c.searched.Load() == 0 || c.hits.Load() == 0 {
		t.Fatal("no search found anything")
	}
}

type concurrentUse struct {
	t              *testing.T
	e              *Engine
	searched, hits atomic.Int64
	done           atomic.Bool // the writers have ended
}

// numbered is the vector of number n: its first component is n.
func numbered(n int) []float32 { return []float32{float32(n), 1, 0, 0, 0, 0, 0, float32(n % 7)} }

func (c *concurrentUse) writer(seed uint64, rounds int) {
	r := rand.New(rand.NewPCG(seed, 1))
	ctx := context.Background()
	for range rounds {
		var ops []Op
		for range 1 + r.IntN(8) {
			id, n := fmt.Sprint(r.IntN(300)), r.IntN(100000)
			op := Op{Kind: OpUpsert, ID: id, Vector: numbered(n),
				Payload: fmt.Appendf(nil, `{"n":%d,"id":%q,"g":%d}`, n, id, n%5)}
			if r.IntN(4) == 0 {
				op = Op{Kind: OpDelete, ID: id}
			}
			ops = append(ops, op)
		}
		coll := []string{"a", "b"}[r.IntN(2)]
		if _, err := c.e.Write(ctx, Mutation{Collection: coll, Ops: ops}); err != nil {
			c.t.Errorf("write: %v", err)
			return
		}
		if r.IntN(30) == 0 {
			if _, err := c.e.Move(ctx, "a", "b", []string{fmt.Sprint(r.IntN(300))}); err != nil {
				c.t.Errorf("move: %v", err)
			}
		}
		if r.IntN(60) == 0 {
			f := mustFilterErr(`{"must":[{"key":"g","match":{"value":3}}]}`)
			if _, err := c.e.DeleteByFilter(ctx, "a", f); err != nil {
				c.t.Errorf("delete by filter: %v", err)
			}
		}
	}
}

func (c *concurrentUse) reader(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	ctx := context.Background()
	f := mustFilterErr(`{"must":[{"key":"g","match":{"value":2}}]}`)
	for i := 0; i < 20 || !c.done.Load(); i++ {
		req := &SearchRequest{Vector: numbered(r.IntN(100000)), K: 5,
			Fields: Fields{Vector: true, Payload: true}, Exact: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			req.Filter = f
		}
		res, err := c.e.Search(ctx, []string{"a", "b"}[i%2], req)
		if err != nil {
			c.t.Errorf("search: %v", err)
			return
		}
		c.searched.Add(1)
		for _, h := range res.Hits {
			c.hits.Add(1)
			c.check(h, req)
		}
		if _, err := c.e.Scroll(ctx, "b", ScrollRequest{Limit: 20, Filter: f}); err != nil {
			c.t.Errorf("scroll: %v", err)
		}
		if _, err := c.e.Count(ctx, "a", f); err != nil {
			c.t.Errorf("count: %v", err)
		}
		_ = c.e.Collections()
	}
}

// check demands that the parts of a hit belong together.
func (c *concurrentUse) check(h Hit, req *SearchRequest) {
	var p struct {
		N, G int
		ID   string
	}
	if err := json.Unmarshal(h.Payload, &p); err != nil {
		c.t.Errorf("payload %q: %v", h.Payload, err)
		return
	}
	_, d := score(compute.L2, distance(compute.L2, req.Vector, h.Vector))
	if p.ID != h.ID || int(h.Vector[0]) != p.N || !near(d, h.Distance) ||
		(req.Filter != nil && p.G != 2) {
		c.t.Errorf("hit %s at %v: vector %v, payload %s, its distance %v",
			h.ID, h.Distance, h.Vector, h.Payload, d)
	}
}

// keeper reindexes, flushes, snapshots, and makes and drops collections.
func (c *concurrentUse) keeper(rounds int) {
	ctx := context.Background()
	for i := range rounds {
		name := fmt.Sprintf("temp%d", i)
		_, err := c.e.CreateCollection(ctx, CollectionConfig{Name: name, Dimension: 2})
		if err == nil {
			_, err = c.e.Write(ctx, Mutation{Collection: name, Ops: []Op{
				{Kind: OpUpsert, ID: "x", Vector: []float32{1, 2}}}})
		}
		if err == nil {
			err = c.e.Reindex(ctx, []string{"a", "b"}[i%2], HNSWConfig{M: 4 + i%8})
		}
		if err == nil {
			err = c.e.Flush(ctx)
		}
		if err == nil {
			_, err = c.e.Snapshot(ctx, discard{})
		}
		if err == nil {
			err = c.e.DeleteCollection(ctx, name)
		}
		if err != nil && !errors.Is(err, errs.Of(errs.IndexError)) {
			c.t.Errorf("keeper: %v", err)
			return
		}
		_ = c.e.Stats()
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// TestCloseUnderLoad closes while calls run: each either works or says that the
// server is shutting down.
func TestCloseUnderLoad(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 8, compute.L2)
	bulk(t, e, "a", 0, 1000)
	var wg sync.WaitGroup
	var after atomic.Int64
	for w := range 6 {
		wg.Go(func() {
			for i := 0; ; i++ {
				var err error
				switch w % 3 {
				case 0:
					_, err = e.Write(ctx, Mutation{Collection: "a", Ops: []Op{
						{Kind: OpUpsert, ID: fmt.Sprint(i), Vector: numbered(i)}}})
				case 1:
					_, err = e.Search(ctx, "a", &SearchRequest{Vector: numbered(i), K: 3,
						Fields: Fields{Payload: true}})
				default:
					_, err = e.Scroll(ctx, "a", ScrollRequest{Limit: 10})
				}
				if err == nil {
					continue
				}
				if !errors.Is(err, errs.Of(errs.ShuttingDown)) {
					t.Errorf("worker %d: %v", w, err)
				}
				after.Add(1)
				return
			}
		})
	}
	eventually(t, func() bool { return e.Position().Offset > 20 })
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if after.Load() != 6 {
		t.Fatal(after.Load())
	}
	_ = e.Stats()
	_ = e.Collections()
}
