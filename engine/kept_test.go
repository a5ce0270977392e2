package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// adoptOf replaces e, whose data is to be kept, by a copy of from.
func adoptOf(t *testing.T, e, from *Engine) *Engine {
	t.Helper()
	c, err := from.Freeze(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	stage, err := e.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	copyInto(t, c, stage)
	if err := e.KeepData("other_history"); err != nil {
		t.Fatal(err)
	}
	n, err := e.Adopt(context.Background(), stage)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeptData: what a copy replaces is a data directory of its own afterwards, also
// if a crash comes before it was moved there; two are kept.
func TestKeptData(t *testing.T) {
	for name, crash := range map[string]bool{"closed": false, "crash before the move": true} {
		t.Run(name, func(t *testing.T) {
			master := openTest(t, Options{})
			create(t, master, "new", 2, compute.L2)
			dir := t.TempDir()
			e := openTest(t, Options{Dir: dir})
			create(t, e, "old", 2, compute.L2)
			upsert(t, e, "old", "x", []float32{1, 2}, `{"a":1}`)
			history, last := e.Identity().HistoryID, e.LogPosition().Offset
			n := adoptOf(t, e, master)
			if crash {
				closeAll(t, n.Close, e.Close)
				n = openTest(t, Options{Dir: dir})
			} else {
				closeAll(t, e.CloseReplaced)
			}
			kept, err := n.Kept()
			if err != nil || len(kept) != 1 || kept[0].HistoryID != history || kept[0].Offset != last ||
				kept[0].Bytes == 0 || kept[0].Reason != "other_history" {
				t.Fatalf("%+v %v", kept, err)
			}
			names, err := filepath.Glob(filepath.Join(dir, "gen-*"))
			if _, dbErr := os.Stat(filepath.Join(dir, dbName)); err != nil || len(names) != 1 || dbErr == nil {
				t.Errorf("%v is left beside what is kept", names)
			}
			look := openTest(t, Options{Dir: filepath.Join(dir, kept[0].Name)})
			rec, err := look.Get(context.Background(), "old", "x", Fields{Payload: true})
			if err != nil || string(rec.Payload) != `{"a":1}` {
				t.Errorf("%+v %v", rec, err)
			}
			closeAll(t, look.Close)
			for range 3 {
				next := adoptOf(t, n, master)
				closeAll(t, n.CloseReplaced)
				n = next
			}
			if kept, err = n.Kept(); err != nil || len(kept) != maxKept || kept[0].HistoryID == history {
				t.Errorf("%+v %v", kept, err)
			}
			if err := n.DropKept(); err != nil {
				t.Error(err)
			}
			if kept, err = n.Kept(); err != nil || len(kept) != 0 {
				t.Errorf("%+v %v", kept, err)
			}
			closeAll(t, n.Close)
		})
	}
}

// TestKeptPromiseIsDropped: a copy that was not put in place moves nothing.
func TestKeptPromiseIsDropped(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, Options{Dir: dir})
	create(t, e, "old", 2, compute.L2)
	if err := e.KeepData("other_history"); err != nil {
		t.Fatal(err)
	}
	closeAll(t, e.Close)
	e = openTest(t, Options{Dir: dir})
	if names, err := filepath.Glob(filepath.Join(dir, keptPrefix+"*")); err != nil || len(names) != 0 {
		t.Errorf("%v %v", names, err)
	}
	if _, err := e.Collection("old"); err != nil {
		t.Error(err)
	}
	closeAll(t, e.Close)
}

func closeAll(t *testing.T, closers ...func() error) {
	t.Helper()
	for _, c := range closers {
		if err := c(); err != nil {
			t.Fatal(err)
		}
	}
}
