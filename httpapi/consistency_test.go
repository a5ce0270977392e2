package httpapi

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// onDisk opens an engine in a directory of its own.
func onDisk(t *testing.T) *engine.Engine {
	t.Helper()
	backend := cpu.New(cpu.Options{})
	e, err := engine.Open(context.Background(), engine.Options{Dir: t.TempDir(), Fsync: engine.FsyncOff,
		Backends: []compute.Backend{backend}, MinFreeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestMinOffsetAcrossAFullCopy: a read that waits for a write goes on with the data
// that a full copy brings while it waits.
func TestMinOffsetAcrossAFullCopy(t *testing.T) {
	master, replica := onDisk(t), onDisk(t)
	ctx := context.Background()
	if _, err := master.CreateCollection(ctx, engine.CollectionConfig{Name: "c", Dimension: 2}); err != nil {
		t.Fatal(err)
	}
	e := start(t, func(o *Options) { o.Engine = replica })
	offset := strconv.FormatUint(master.LogPosition().Offset, 10)
	read := make(chan int)
	go func() { read <- e.send("GET", "/collections?min_offset="+offset, nil).status }()

	c, err := master.Freeze(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stage, err := replica.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"db", "images"} {
		if err := os.RemoveAll(stage + "/" + dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(stage, os.DirFS(c.Dir)); err != nil {
		t.Fatal(err)
	}
	now, err := replica.Adopt(ctx, stage)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	e.server.slot.Replace(now, func(err error) { gone <- err })
	if status := <-read; status != 200 {
		t.Errorf("the read was answered %d", status)
	}
	if err := <-gone; err != nil {
		t.Error(err)
	}
	if err := now.Close(); err != nil {
		t.Error(err)
	}
}
