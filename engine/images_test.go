package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// recorder keeps the events.
type recorder struct {
	noObserver
	mu     sync.Mutex // guards: loads, images
	loads  []LoadEvent
	images []ImageEvent
}

func (r *recorder) Loaded(ev LoadEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads = append(r.loads, ev)
}

func (r *recorder) Image(ev ImageEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images = append(r.images, ev)
}

// filled returns a closed data directory with n rows in "a", all in the image.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	e := openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	create(t, e, "a", 8, compute.Cosine)
	create(t, e, "other", 2, compute.L2)
	upsert(t, e, "other", "x", []float32{1, 2}, "")
	bulk(t, e, "a", 0, n)
	if err := e.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// bulk upserts rows [from, to) with ids "0".. and payloads.
func bulk(t testing.TB, e *Engine, coll string, from, to int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(from), 5))
	info, err := e.Collection(coll)
	if err != nil {
		t.Fatal(err)
	}
	for from < to {
		var ops []Op
		for ; from < to && len(ops) < 500; from++ {
			v := make([]float32, info.Dimension)
			for i := range v {
				v[i] = r.Float32() - 0.5
			}
			ops = append(ops, Op{Kind: OpUpsert, ID: fmt.Sprint(from), Vector: v,
				Payload: fmt.Appendf(nil, `{"n":%d,"g":"g%d"}`, from, from%10)})
		}
		res, err := e.Write(context.Background(), Mutation{Collection: coll, Ops: ops})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range res.Items {
			if it.Err != nil {
				t.Fatal(it.Err)
			}
		}
	}
}

// openWatched opens dir and returns what loading reported about "a".
func openWatched(t *testing.T, dir string) (*Engine, LoadEvent) {
	t.Helper()
	rec := &recorder{}
	e := openTest(t, Options{Dir: dir, Fsync: FsyncOff, Observer: rec})
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, ev := range rec.loads {
		if ev.Collection == "a" {
			return e, ev
		}
	}
	t.Fatal("no load event")
	return nil, LoadEvent{}
}

func TestStartFromImage(t *testing.T) {
	dir := filled(t, 3000)
	e, ev := openWatched(t, dir)
	if !ev.FromImage || ev.Rows != 3000 || ev.TailOps != 0 || ev.Err != nil {
		t.Fatalf("%+v", ev)
	}
	bulk(t, e, "a", 2990, 3050) // a tail of 60, below what Close writes an image for
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, ev = openWatched(t, dir)
	if !ev.FromImage || ev.TailOps != 60 || ev.Rows != 3050 {
		t.Fatalf("%+v", ev)
	}
	f := mustFilter(t, `{"must":[{"key":"g","match":{"value":"g3"}}]}`)
	if n, err := e.Count(context.Background(), "a", f); n != 305 || err != nil {
		t.Fatal(n, err)
	}
	if info, _ := e.Collection("a"); info.Rebuilt != "" || info.VectorCount != 3050 {
		t.Fatalf("%+v", info)
	}
}

// largestImage is the image file of "a"; there is one more, of "other".
func largestImage(t *testing.T, dir string) (name string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "images", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("image files %v, %v", files, err)
	}
	size := int64(0)
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > size {
			name, size = f, st.Size()
		}
	}
	return name
}

// TestDamagedImage flips a byte at many places of an image, and cuts and removes
// it: the index is rebuilt from records and says so.
func TestDamagedImage(t *testing.T) {
	dir := filled(t, 600)
	name := largestImage(t, dir)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func() error{
		"cut":     func() error { return os.Truncate(name, int64(len(whole)/2)) },
		"removed": func() error { return os.Remove(name) },
	}
	for i := 1; i < 8; i++ {
		at := len(whole) * i / 8
		damage[fmt.Sprintf("byte %d", at)] = func() error {
			b := append([]byte(nil), whole...)
			for j := range 4096 { // more than any padding
				b[at+j] ^= 0x40
			}
			return os.WriteFile(name, b, 0o644)
		}
	}
	for what, fn := range damage {
		if err := errors.Join(os.WriteFile(name, whole, 0o644), fn()); err != nil {
			t.Fatal(err)
		}
		rep, err := Verify(context.Background(), dir, Options{})
		if err != nil || rep.OK() || rep.Problems[0].Where != "image" {
			t.Fatalf("%s: verify: %+v %v", what, rep.Problems, err)
		}
		e, ev := openWatched(t, dir)
		if ev.FromImage || ev.Reason == "" || ev.Err != nil || ev.Rows != 600 {
			t.Fatalf("%s: %+v", what, ev)
		}
		if info, _ := e.Collection("a"); info.Rebuilt == "" || info.VectorCount != 600 {
			t.Fatalf("%s: %+v", what, info)
		}
		if err := e.Close(); err != nil { // writes a new image, over the damaged one
			t.Fatal(err)
		}
		e, ev = openWatched(t, dir)
		if !ev.FromImage {
			t.Fatalf("%s, after a restart: %+v", what, ev)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		name = largestImage(t, dir)
		if whole, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedRecord writes damaged bytes under a record's key: its collection is
// quarantined with a reason, the other serves, and verify names the record.
func TestDamagedRecord(t *testing.T) {
	ctx, dir := context.Background(), filled(t, 300)
	s, err := store.Open(store.Options{FS: vfs.Default, Dir: filepath.Join(dir, dbName)})
	if err != nil {
		t.Fatal(err)
	}
	var coll uint32
	err = s.Catalogue(func(id uint32, key, val []byte) error {
		var m collMeta
		if err := store.DecodeJSON(key, val, &m); err == nil && m.Config.Name == "a" {
			coll = id
		}
		return nil
	})
	key := store.AppendRecordKey(nil, coll, "123")
	val, closer, gerr := s.Get(key)
	if err = errors.Join(err, gerr); err != nil {
		t.Fatal(err)
	}
	bad := append([]byte(nil), val...)
	bad[len(bad)/2] ^= 1
	b := s.NewBatch()
	if err := errors.Join(closer.Close(), b.Set(key, bad, nil), s.Commit(b, true), s.Close()); err != nil {
		t.Fatal(err)
	}

	rep, err := Verify(ctx, dir, Options{})
	if err != nil || len(rep.Problems) != 1 || rep.Problems[0].What != "a/123" {
		t.Fatal(rep.Problems, err)
	}
	e, _ := openWatched(t, dir)
	if _, err := e.Get(ctx, "a", "122", Fields{Vector: true}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Get(ctx, "a", "123", Fields{Vector: true})
	wantKind(t, err, errs.Quarantined)
	_, err = e.Search(ctx, "a", &SearchRequest{Vector: make([]float32, 8), K: 1})
	if err == nil {
		t.Fatal("a quarantined collection answers")
	}
	info, err := e.Collection("a")
	if err != nil || info.State != StateQuarantined || !strings.Contains(info.Reason, "123") {
		t.Fatalf("%+v %v", info, err)
	}
	if _, err := e.Get(ctx, "other", "x", Fields{}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Write(ctx, Mutation{Collection: "a", Ops: []Op{{Kind: OpDelete, ID: "1"}}})
	wantKind(t, err, errs.Quarantined)
	if err := e.DeleteCollection(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if len(e.Collections()) != 1 {
		t.Fatal("the quarantined collection is still there")
	}
}

// TestLogIsTrimmed writes images until the log forgets what they hold.
func TestLogIsTrimmed(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff, ImageMinRows: -1})
	create(t, e, "a", 2, compute.L2)
	create(t, e, "idle", 2, compute.L2)
	for i := range 3000 {
		upsert(t, e, "a", fmt.Sprint(i%50), []float32{1, float32(i)}, "")
	}
	if err := e.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	s := e.Stats().Storage
	if s.LogFirst < 2900 {
		t.Fatalf("log starts at %d of %d", s.LogFirst, s.LogLast)
	}
	dir := e.opts.Dir
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(ctx, dir, Options{})
	if err != nil || !rep.OK() || rep.LogEntries > 200 {
		t.Fatal(rep, err)
	}
	e = openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	if n, err := e.Count(ctx, "a", nil); n != 50 || err != nil {
		t.Fatal(n, err)
	}
}
