package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
	"github.com/vectorizer-go/vectorizer/engine/store"
	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/netfault"
)

// fullFS is the operating system's file system with a disk that can be said to be
// full.
type fullFS struct {
	vfs.FS
	full atomic.Bool
}

func (f *fullFS) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if f.full.Load() {
		return vfs.DiskUsage{AvailBytes: 0, TotalBytes: 1 << 30}, nil
	}
	return f.FS.GetDiskUsage(path)
}

// seams is one run of TestSeams.
type seams struct {
	t    *testing.T
	rng  *rand.Rand
	m, r *member
	p    *netfault.Proxy
	disk *fullFS
	done map[string]int // what happened how often
}

const seamDim = 6

// TestSeams lets a master write all the time while something happens to the replica
// or its engine at a random moment: it is loading, follows a reindex, writes an
// image, gets a full copy, finds damage, has a full disk. Then both must hold the
// same, and the replica's index must find what its records say. (Once an entry that
// was applied to a collection that was still loading was in the records and not in
// the index.)
// Defect: poison-entry.
func TestSeams(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	images := engine.Options{ImageMinRows: 30, ImageFraction: 0.01, MemtableBytes: 256 << 10}
	o := fast()
	o.Role, o.LogEntries = replication.Master, 4000
	m := open(t, o, images)
	p := newProxy(t, m.peer())
	disk := &fullFS{FS: vfs.Default}
	o = fast()
	o.Role, o.Master = replication.Replica, p.Addr()
	images.FS = disk
	s := &seams{t: t, rng: rand.New(rand.NewPCG(seed, 1)), m: m, p: p, disk: disk,
		r: open(t, o, images), done: map[string]int{}}
	for _, name := range []string{"a", "b", "c"} {
		s.createOne(name)
	}
	for round := range seamRounds {
		if what := s.round(); t.Failed() {
			t.Fatalf("round %d of seed %d: %s", round, seed, what)
		}
	}
	t.Logf("%d rounds: %v; full copies %v", seamRounds, s.done, s.r.status().Stats.FullSyncs)
}

func (s *seams) createOne(name string) {
	cfg := engine.CollectionConfig{Name: name, Dimension: seamDim, Metric: compute.L2}
	if name == "b" {
		cfg.UpdateMode = engine.UpdateReinsert
	}
	if name == "c" {
		cfg.Metric = compute.Cosine
	}
	if _, err := s.m.engine().CreateCollection(context.Background(), cfg); err != nil {
		s.t.Fatal(err)
	}
}

// round writes while one thing happens, and compares.
func (s *seams) round() string {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	seed := s.rng.Uint64()
	wg.Go(func() { s.write(rand.New(rand.NewPCG(seed, 2)), stop) })
	events := []struct {
		name string
		run  func()
	}{
		{"restart", s.restart}, {"cut", s.p.Cut}, {"resync", s.resync}, {"reindex", s.reindex},
		{"reindex in a copy", func() { s.resync(); s.reindex() }},
		{"restart in a reindex", func() { s.reindex(); s.restart() }},
		{"flush", s.flush}, {"drop", s.drop}, {"rename", s.rename}, {"full disk", s.fullDisk},
		{"full disk in a copy", func() { s.resync(); s.fullDisk() }}, {"damage", s.damage},
		{"cut in a copy", func() { s.resync(); s.p.ResetAt.Store(1 + s.rng.Int64N(200_000)) }},
	}
	ev := events[s.rng.IntN(len(events))]
	s.done[ev.name]++
	ev.run()
	close(stop)
	wg.Wait()
	s.compare()
	return ev.name
}

// write makes random changes until stop, at least some.
func (s *seams) write(rng *rand.Rand, stop chan struct{}) {
	for i := 0; ; i++ {
		if i > 150 {
			select {
			case <-stop:
				return
			default:
			}
		}
		id := fmt.Sprint(rng.IntN(80))
		op := engine.Op{Kind: engine.OpUpsert, ID: id, Vector: seamVector(rng)}
		switch rng.IntN(6) {
		case 0:
			op = engine.Op{Kind: engine.OpDelete, ID: id}
		case 1:
			op = engine.Op{Kind: engine.OpUpdate, ID: id, PayloadMode: engine.PayloadMerge,
				Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, rng.IntN(5)))}
		case 2:
			op = engine.Op{Kind: engine.OpUpdate, ID: id, Vector: seamVector(rng)}
		case 3:
			op.Payload = json.RawMessage(fmt.Sprintf(`{"n":%d}`, rng.IntN(5)))
		}
		_, err := s.m.engine().Write(context.Background(), engine.Mutation{
			Collection: []string{"a", "b", "c"}[rng.IntN(3)], Ops: []engine.Op{op}})
		if k := errs.KindOf(err); err != nil && k != errs.CollectionNotFound && k != errs.QueueFull {
			s.t.Errorf("write: %v", err)
			return
		}
	}
}

func seamVector(rng *rand.Rand) []float32 {
	v := make([]float32, seamDim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func (s *seams) restart() {
	s.r.stop()
	s.r.begin()
}

func (s *seams) resync() {
	if err := s.r.node.Resync(context.Background()); err != nil {
		s.t.Error(err)
	}
}

// reindex rebuilds a graph twice in a row.
func (s *seams) reindex() {
	for range 2 {
		h := engine.HNSWConfig{M: 6 + 2*s.rng.IntN(5), EfConstruction: 40 + s.rng.IntN(40)}
		if err := s.m.engine().Reindex(context.Background(), "a", h); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *seams) flush() {
	for range 3 {
		ctx := context.Background()
		if err := errors.Join(s.m.engine().Flush(ctx), s.r.engine().Flush(ctx)); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *seams) drop() {
	if err := s.m.engine().DeleteCollection(context.Background(), "b"); err != nil {
		s.t.Error(err)
	}
	s.createOne("b")
}

func (s *seams) rename() {
	for _, names := range [][2]string{{"c", "d"}, {"d", "c"}} {
		if err := s.m.engine().RenameCollection(context.Background(), names[0], names[1]); err != nil {
			s.t.Error(err)
		}
	}
}

// fullDisk lets the replica's disk be full until an entry could not be applied, or
// a copy could not be made.
func (s *seams) fullDisk() {
	s.disk.full.Store(true)
	defer s.disk.full.Store(false)
	before := s.r.node.stats.applyErrors.Load()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for s.r.node.stats.applyErrors.Load() == before && ctx.Err() == nil {
		s.m.node.pause(time.Millisecond)
	}
}

// damage stops the replica and spoils records of one of its collections; it must
// notice, and fetch what its master has whole.
func (s *seams) damage() {
	s.r.stop()
	defer s.r.begin()
	dir := filepath.Join(s.r.dir, "db")
	if gens, _ := filepath.Glob(filepath.Join(s.r.dir, "gen-*")); len(gens) > 0 {
		dir = filepath.Join(gens[0], "db")
	}
	if _, err := os.Stat(dir); err != nil {
		s.t.Error(err)
		return
	}
	st, err := store.Open(store.Options{FS: vfs.Default, Dir: dir, Logger: zerolog.Nop()})
	if err != nil {
		s.t.Error(err)
		return
	}
	b := st.NewBatch()
	lo, hi := store.AllRecordBounds()
	it, err := st.Iter(lo, hi)
	if err != nil {
		s.t.Error(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if s.rng.IntN(4) == 0 {
			err = errors.Join(err, b.Set(it.Key(), append([]byte("x"), it.Value()...), nil))
		}
	}
	if err := errors.Join(err, it.Close(), st.Commit(b, true), b.Close(), st.Close()); err != nil {
		s.t.Error(err)
	}
}

// compare waits until the replica has everything, and compares records and index.
func (s *seams) compare() {
	s.t.Helper()
	until(s.t, "level and whole", func() bool {
		return s.r.engine().LogPosition() == s.m.engine().LogPosition() && s.r.engine().Ready() && s.whole()
	})
	if a, b := s.m.sum(), s.r.sum(); a != b {
		s.t.Fatalf("the data differs: %s and %s", a, b)
	}
	for _, c := range s.m.engine().Collections() {
		sameIndex(s.t, s.m, s.r, c.Name)
	}
}

// whole reports whether every record of the replica can be read; what cannot is
// noticed by that.
func (s *seams) whole() bool {
	l := s.r.slot.Acquire()
	defer l.Release()
	for _, c := range l.Engine.Collections() {
		cursor := ""
		for {
			page, err := l.Engine.Scroll(context.Background(), c.Name, engine.ScrollRequest{
				Limit: 1000, Cursor: cursor, Fields: engine.Fields{Vector: true, Payload: true}})
			if err != nil {
				return false
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	return true
}

// sameIndex compares what the indexes of both nodes answer: counts, with and
// without a filter, and every record by its own vector, exactly and by the graph.
func sameIndex(t *testing.T, m, r *member, coll string) {
	t.Helper()
	ctx := context.Background()
	for n := range 6 {
		var f *filter.Filter
		if n < 5 {
			var err error
			if f, err = filter.Parse(fmt.Appendf(nil, `{"n":%d}`, n)); err != nil {
				t.Fatal(err)
			}
		}
		a, err := m.engine().Count(ctx, coll, f)
		b, err2 := r.engine().Count(ctx, coll, f)
		if err := errors.Join(err, err2); err != nil || a != b {
			t.Fatalf("%s: counts %d and %d (filter %d), %v", coll, a, b, n, err)
		}
	}
	if err := r.engine().WaitIndexed(ctx, coll); err != nil {
		t.Fatal(err)
	}
	page, err := r.engine().Scroll(ctx, coll, engine.ScrollRequest{Limit: 1000, Fields: engine.Fields{Vector: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range page.Records {
		for _, exact := range []bool{true, false} {
			res, err := r.engine().Search(ctx, coll, &engine.SearchRequest{Vector: rec.Vector, K: 1, Exact: exact})
			if err != nil || len(res.Hits) != 1 || res.Hits[0].ID != rec.ID {
				t.Fatalf("%s: record %s is not found by its vector (exact %v): %+v %v", coll, rec.ID, exact, res, err)
			}
		}
	}
}
