package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// copyInto puts the files of c into stage.
func copyInto(t testing.TB, c *Copy, stage string) {
	t.Helper()
	for _, f := range c.Files {
		if !StageFile(f.Name) {
			t.Fatalf("file %q", f.Name)
		}
		b, err := os.ReadFile(filepath.Join(c.Dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(b)) != f.Bytes {
			t.Fatalf("%s has %d bytes, not %d", f.Name, len(b), f.Bytes)
		}
		if err := os.WriteFile(filepath.Join(stage, f.Name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAdoptReplacesEverything: a full copy is a replacement. Collections that the
// source does not have go, every setting comes, readers of the old engine see the
// old state until they let go, and a restart finds the new one.
func TestAdoptReplacesEverything(t *testing.T) {
	ctx := context.Background()
	master := openTest(t, Options{})
	_, err := master.CreateCollection(ctx, CollectionConfig{Name: "a", Dimension: 3,
		Metric: compute.Dot, HNSW: HNSWConfig{M: 7, EfConstruction: 33, EfSearch: 21},
		UpdateMode: UpdateReinsert, PayloadIndex: []string{"k"}, Description: "d"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		upsert(t, master, "a", fmt.Sprint(i), []float32{1, 2, float32(i)}, `{"k":1}`)
	}
	dir := t.TempDir()
	old := openTest(t, Options{Dir: dir})
	create(t, old, "extra", 2, compute.L2)
	node := old.Identity().NodeID
	slot := NewSlot(old)
	reader := slot.Acquire()

	c, err := master.Freeze(ctx)
	if err != nil {
		t.Fatal(err)
	}
	upsert(t, master, "a", "later", []float32{1, 2, 3}, "")
	stage, err := old.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	copyInto(t, c, stage)
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	now, err := old.Adopt(ctx, stage)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	slot.Replace(now, func(err error) { gone <- err })
	if _, err := reader.Engine.Collection("extra"); err != nil {
		t.Errorf("a reader of the old state: %v", err)
	}
	if l := slot.Acquire(); len(l.Engine.Collections()) != 1 {
		t.Errorf("%v", l.Engine.Collections())
	} else {
		l.Release()
	}
	reader.Release()
	if err := <-gone; err != nil {
		t.Fatal(err)
	}
	if now.LogPosition() != c.Position {
		t.Fatalf("at %+v, copied at %+v", now.LogPosition(), c.Position)
	}
	ship(t, master, now, 1<<20)
	sameData(t, master, now)
	sameAnswers(t, master, now, "a", 3)
	if err := slot.Close(); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, Options{Dir: dir})
	sameData(t, master, again)
	if id := again.Identity(); id.NodeID != node || id.HistoryID != master.Identity().HistoryID {
		t.Errorf("identity %+v", id)
	}
	if info, err := again.Collection("a"); err != nil || info.Rebuilt != "" {
		t.Errorf("%v, rebuilt because %q", err, info.Rebuilt)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	generations := 0
	for _, n := range names {
		if strings.HasPrefix(n.Name(), generationPrefix) {
			generations++
		}
		if n.Name() == dbName || n.Name() == imagesName {
			t.Errorf("%s is still there", n.Name())
		}
	}
	if generations != 1 {
		t.Errorf("%d generations", generations)
	}
}

// TestAdoptRefusesDamage: a copy that cannot be opened leaves everything as it
// was.
func TestAdoptRefusesDamage(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{})
	create(t, e, "a", 2, compute.L2)
	stage, err := e.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Adopt(ctx, stage); err == nil {
		t.Fatal("an empty copy was adopted")
	}
	if _, err := os.Stat(stage); !os.IsNotExist(err) {
		t.Errorf("the stage is still there: %v", err)
	}
	upsert(t, e, "a", "x", []float32{1, 2}, "")
}

func TestGenerationNames(t *testing.T) {
	f := func(name string, want bool) {
		t.Helper()
		if goodGeneration(name) != want {
			t.Errorf("%q", name)
		}
	}
	f("", true)
	f("gen-3f2b8c9e-8a55-4b62-9d1f-0a3c5f7e1b2d", true)
	f("gen-", false)
	f("gen-../../etc", false)
	f("db", false)
}
