//go:build unix

package engine

import (
	"context"
	"fmt"
	"strconv"
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

// gated is a device whose searches wait while the gate is locked.
type gated struct {
	*gpu.Backend
	gate sync.RWMutex
}

func (g *gated) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	g.gate.RLock()
	defer g.gate.RUnlock()
	return g.Backend.Search(ctx, m, req)
}

// emulatedEngine opens an engine over the kernels on an emulated device, beside a host
// that is slower still.
func emulatedEngine(t *testing.T, o gpu.Options, e emu.Options) (*Engine, *gated) {
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
	g := &gated{Backend: device}
	return openTest(t, Options{
		Fsync: FsyncOff, LinkWorkers: 1, MaxPending: 1 << 12,
		Backends: []compute.Backend{g, computetest.Slow{PerComponent: 250 * time.Nanosecond}},
	}), g
}

// TestTiledOnEmulatedDevice: a collection that does not fit is searched exactly by the
// device tile by tile; the answers are the host's, also of what is written meanwhile.
func TestTiledOnEmulatedDevice(t *testing.T) {
	const n, dim = 300, 4096
	e, _ := emulatedEngine(t, gpu.Options{
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
		hits, err := find(20)
		if err != nil || len(hits) != 20 || hits[want-1].Distance != 0 || hits[want].Distance == 0 {
			t.Errorf("%d rows were written at the probe: %+v, %v", want, hits, err)
		}
	}
	wg.Wait()
}

// TestFiltersShareLaunches: searches with different filters that wait together are
// batches on the device, and the answers are those of a sort.
func TestFiltersShareLaunches(t *testing.T) {
	const n, dim, searches, span, k = 600, 2048, 24, 300, 7
	faults := new(emu.Faults)
	e, g := emulatedEngine(t, gpu.Options{Lanes: 2, ListKeys: 1024}, emu.Options{Faults: faults})
	if _, err := e.CreateCollection(context.Background(), CollectionConfig{Name: "a",
		Dimension: dim, Metric: compute.L2, HNSW: HNSWConfig{M: 4, EfConstruction: 8}}); err != nil {
		t.Fatal(err)
	}
	bulk(t, e, "a", 0, n)
	dropSome(t, e, n)
	all := allByDistance(t, e, dim)
	search := func(from int) *Explain {
		t.Helper()
		res, err := e.Search(context.Background(), "a", &SearchRequest{
			Vector: probe(dim), K: k, Exact: true, Explain: true,
			Filter: mustFilterErr(fmt.Sprintf(`{"must":[{"key":"n","range":{"gte":%d,"lt":%d}}]}`, from, from+span))})
		if err != nil {
			t.Error(err)
			return &Explain{}
		}
		got := res.Hits
		for _, want := range all {
			number, err := strconv.Atoi(want.ID)
			if err != nil {
				t.Fatal(err)
			}
			if number < from || number >= from+span {
				continue
			}
			if len(got) == 0 {
				break
			}
			if got[0].ID != want.ID {
				t.Errorf("from %d: %s at %v, want %s at %v", from, got[0].ID, got[0].Distance, want.ID, want.Distance)
			}
			got = got[1:]
		}
		if len(res.Hits) != k || len(got) != 0 {
			t.Errorf("from %d: %d hits, %d too many", from, len(res.Hits), len(got))
		}
		return res.Explain
	}
	eventually(t, func() bool { return search(9).Backend == "emu:0" })
	v, err := e.cat.find("a")
	if err != nil {
		t.Fatal(err)
	}
	launched := faults.Seen(emu.Launching)
	if x := search(10); x.Plan != planFilteredExact || x.Backend != "emu:0" {
		t.Fatalf("%+v", x)
	}
	one := faults.Seen(emu.Launching) - launched
	batcher := v.view.Load().batch
	before := batcher.Stats()
	launched = faults.Seen(emu.Launching)
	g.gate.Lock()
	var wg sync.WaitGroup
	for i := range searches {
		wg.Go(func() { search(i * (n - span) / searches) })
	}
	eventually(t, func() bool {
		now := batcher.Stats()
		return int(now.Queries-before.Queries)+now.Waiting == searches
	})
	g.gate.Unlock()
	wg.Wait()
	batches := int(batcher.Stats().Flushes - before.Flushes)
	if got := faults.Seen(emu.Launching) - launched; batches > deviceInflight+1 || got > batches*one {
		t.Errorf("%d batches, %d launches for %d searches; one takes %d", batches, got, searches, one)
	}
}
