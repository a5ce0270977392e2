package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// openTest opens an engine in dir and closes it at the end of the test.
func openTest(t testing.TB, o Options) *Engine {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Logger = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = 1
	}
	e, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := e.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return e
}

func create(t testing.TB, e *Engine, name string, dim int, m compute.Metric) {
	t.Helper()
	_, err := e.CreateCollection(context.Background(),
		CollectionConfig{Name: name, Dimension: dim, Metric: m})
	if err != nil {
		t.Fatal(err)
	}
}

func upsert(t testing.TB, e *Engine, coll, id string, vec []float32, payload string) {
	t.Helper()
	var p []byte
	if payload != "" {
		p = []byte(payload)
	}
	r, err := e.Write(context.Background(), Mutation{Collection: coll, Ops: []Op{
		{Kind: OpUpsert, ID: id, Vector: vec, Payload: p}}})
	if err == nil {
		err = r.Items[0].Err
	}
	if err != nil {
		t.Fatal(err)
	}
}

func mustFilter(t testing.TB, s string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// mustFilterErr is mustFilter where there is no test at hand.
func mustFilterErr(s string) *filter.Filter {
	f, err := filter.Parse([]byte(s))
	if err != nil {
		panic(err)
	}
	return f
}

func wantKind(t testing.TB, err error, k errs.Kind) {
	t.Helper()
	if !errors.Is(err, errs.Of(k)) {
		t.Fatalf("got %v, want kind %s", err, k)
	}
}

func TestRoundTrip(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := openTest(t, Options{Dir: dir})
	create(t, e, "a", 2, compute.L2)
	for i := range 100 {
		upsert(t, e, "a", fmt.Sprintf("id-%03d", i), []float32{float32(i), 0}, fmt.Sprintf(`{"n":%d}`, i))
	}
	check := func(e *Engine) {
		t.Helper()
		res, err := e.Search(ctx, "a", &SearchRequest{Vector: []float32{41.2, 0}, K: 3,
			Fields: Fields{Vector: true, Payload: true}, Explain: true})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(res.Hits[0].ID, res.Hits[1].ID, res.Hits[2].ID, string(res.Hits[0].Payload))
		if got != `id-041id-042id-040{"n":41}` {
			t.Fatal(got)
		}
		res, err = e.Search(ctx, "a", &SearchRequest{Vector: []float32{41.2, 0}, K: 3,
			Filter: mustFilter(t, `{"must":[{"key":"n","range":{"gte":90}}]}`)})
		if err != nil || len(res.Hits) != 3 || res.Hits[0].ID != "id-090" {
			t.Fatal(res, err)
		}
		n, err := e.Count(ctx, "a", nil)
		if err != nil || n != 100 {
			t.Fatal(n, err)
		}
		page, err := e.Scroll(ctx, "a", ScrollRequest{Limit: 60})
		if err != nil || len(page.Records) != 60 || page.Next == "" {
			t.Fatal(len(page.Records), page.Next, err)
		}
		page, err = e.Scroll(ctx, "a", ScrollRequest{Limit: 60, Cursor: page.Next})
		if err != nil || len(page.Records) != 40 || page.Next != "" || page.Records[0].ID != "id-060" {
			t.Fatal(page, err)
		}
	}
	check(e)
	var buf bytes.Buffer
	if _, err := e.Snapshot(ctx, &buf); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(ctx, dir, Options{})
	if err != nil || !report.OK() || report.Records != 100 || report.LogEntries == 0 {
		t.Fatal(report, err)
	}
	check(openTest(t, Options{Dir: dir}))
	copyDir := filepath.Join(t.TempDir(), "copy")
	if _, err := Restore(ctx, copyDir, &buf); err != nil {
		t.Fatal(err)
	}
	check(openTest(t, Options{Dir: copyDir}))
}

func TestMoveAndFilterOps(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{})
	create(t, e, "a", 2, compute.Cosine)
	create(t, e, "b", 2, compute.Cosine)
	for i := range 10 {
		upsert(t, e, "a", fmt.Sprint(i), []float32{1, float32(i)}, fmt.Sprintf(`{"n":%d,"s":"x"}`, i))
	}
	items, err := e.Move(ctx, "a", "b", []string{"1", "2", "none"})
	if err != nil || items[0].Status != CopyOK || items[2].Status != CopyMissingInSrc {
		t.Fatal(items, err)
	}
	if _, err := e.Get(ctx, "a", "1", Fields{}); err == nil {
		t.Fatal("1 is still in a")
	}
	if r, err := e.Get(ctx, "b", "1", Fields{Vector: true}); err != nil || r.Vector[1] != 1 {
		t.Fatal(r, err)
	}
	f := mustFilter(t, `{"must":[{"key":"n","range":{"lt":5}}]}`)
	up, err := e.UpdateByFilter(ctx, "a", f, []byte(`{"s":null,"t":1.50}`))
	if err != nil || up.Matched != 3 || len(up.Items) != 3 || up.Scanned != 8 {
		t.Fatal(up, err)
	}
	if r, err := e.Get(ctx, "a", "3", Fields{Payload: true}); err != nil || string(r.Payload) != `{"n":3,"t":1.50}` {
		t.Fatal(string(r.Payload), err)
	}
	del, err := e.DeleteByFilter(ctx, "a", f)
	if err != nil || len(del.Items) != 3 {
		t.Fatal(del, err)
	}
	if n, _ := e.Count(ctx, "a", nil); n != 5 {
		t.Fatal(n)
	}
}

func TestCollectionsLifeCycle(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := openTest(t, Options{Dir: dir})
	create(t, e, "a", 3, compute.Dot)
	_, err := e.CreateCollection(ctx, CollectionConfig{Name: "a", Dimension: 3})
	wantKind(t, err, errs.CollectionExists)
	upsert(t, e, "a", "x", []float32{1, 2, 3}, "")
	if err := e.RenameCollection(ctx, "a", "b"); err != nil {
		t.Fatal(err)
	}
	_, err = e.Collection("a")
	wantKind(t, err, errs.CollectionNotFound)
	create(t, e, "a", 4, compute.L2)
	ef, desc := 99, "text"
	if _, err := e.UpdateCollection(ctx, "b", CollectionPatch{EfSearch: &ef, Description: &desc}); err != nil {
		t.Fatal(err)
	}
	if err := e.Reindex(ctx, "b", HNSWConfig{M: 8}); err != nil {
		t.Fatal(err)
	}
	if err := e.DeleteCollection(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openTest(t, Options{Dir: dir})
	all := e.Collections()
	if len(all) != 1 || all[0].Name != "b" || all[0].VectorCount != 1 || all[0].HNSW.M != 8 ||
		all[0].Description != "text" || all[0].State != StateReady {
		t.Fatalf("%+v", all)
	}
}

// eventually polls cond until it holds.
func eventually(t testing.TB, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not come true")
		}
		tick := time.NewTimer(2 * time.Millisecond)
		<-tick.C
	}
}
