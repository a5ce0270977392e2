//go:build unix

package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/engine/resident"
	"github.com/vectorizer-go/vectorizer/gpu"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// emulatedEngine opens an engine over the kernels on an emulated device, beside a host
// that is slower still.
func emulatedEngine(t *testing.T, o gpu.Options, e emu.Options) *Engine {
	t.Helper()
	program, err := emu.Build("..")
	if err != nil {
		t.Fatal(err)
	}
	e.Program = program
	o.Driver, o.HangAfter, o.StageBytes = emu.New(e), time.Minute, 1<<20
	device, err := gpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return openTest(t, Options{
		Fsync: FsyncOff, LinkWorkers: 1, MaxPending: 1 << 12,
		Backends: []compute.Backend{device, computetest.Slow{PerComponent: 250 * time.Nanosecond}},
	})
}

// TestTiledOnEmulatedDevice: a collection that does not fit is searched exactly by the
// device tile by tile; the answers are the host's, also of what is written meanwhile.
func TestTiledOnEmulatedDevice(t *testing.T) {
	const n, dim = 300, 4096
	e := emulatedEngine(t, gpu.Options{
		Lanes: 2, Queries: 32, ListKeys: 1024, ReserveBytes: 52 << 20, HostBytes: 64 << 20, TileBytes: 1 << 20,
	}, emu.Options{MemoryBytes: 64 << 20})
	if _, err := e.CreateCollection(context.Background(), CollectionConfig{Name: "a",
		Dimension: dim, Metric: compute.L2, HNSW: HNSWConfig{M: 4, EfConstruction: 8}}); err != nil {
		t.Fatal(err)
	}
	bulk(t, e, "a", 0, n)
	var x *Explain
	eventually(t, func() bool { x = exactly(t, e, dim, 20); return strings.HasPrefix(x.Choice, "tiled") })
	if x.Backend != "emu:0" || x.Plan != planExact {
		t.Errorf("%+v", x)
	}
	upsert(t, e, "a", "near", probe(dim), "")
	dropSome(t, e, n)
	if x := exactly(t, e, dim, 40); !strings.HasPrefix(x.Choice, "tiled") {
		t.Errorf("after writes: %+v", x)
	}
	info := e.Collections()[0].Device
	if info == nil || info.State != resident.StateTiled || info.Bytes != 0 || info.HostBytes < n*dim*4 {
		t.Errorf("%+v", info)
	}
	st := e.Stats().Device
	if st.Batches["tiled"] < 2 || st.TiledBytes != int64(info.HostBytes) || st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
	writesBesideTiles(t, e, dim)
}

// writesBesideTiles writes rows at the probe, while others search: what was answered is
// found.
func writesBesideTiles(t *testing.T, e *Engine, dim int) {
	t.Helper()
	find := func(k int) ([]Hit, error) {
		res, err := e.Search(context.Background(), "a", &SearchRequest{Vector: probe(dim), K: k, Exact: true})
		return res.Hits, err
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 6 {
				if hits, err := find(5); err != nil || len(hits) != 5 || hits[0].Distance != 0 {
					t.Errorf("%+v, %v", hits, err)
				}
			}
		})
	}
	for i := range 8 {
		upsert(t, e, "a", fmt.Sprint("w", i%4), probe(dim), "")
		upsert(t, e, "a", fmt.Sprint("new", i), probe(dim), "")
		want := 1 + i + 1 + min(i+1, 4)
		if hits, err := find(20); err != nil || len(hits) != 20 || hits[want-1].Distance != 0 || hits[want].Distance == 0 {
			t.Errorf("%d rows were written at the probe: %+v, %v", want, hits, err)
		}
	}
	wg.Wait()
}
