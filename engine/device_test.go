package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/engine/resident"
)

// device is the CPU backend behind the face of a device: it searches only what was
// copied to it, and it can be lost.
type device struct {
	compute.Backend
	lost atomic.Bool
}

func (d *device) Info() compute.Info {
	return compute.Info{Name: "fake:0", BatchRows: 64, MemoryBytes: 1 << 30}
}

func (d *device) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) {
	if d.lost.Load() {
		return nil, fmt.Errorf("%w: unplugged", compute.ErrDeviceLost)
	}
	return d.Backend.NewMatrix(s)
}

func (d *device) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	if d.lost.Load() {
		return fmt.Errorf("%w: unplugged", compute.ErrDeviceLost)
	}
	return d.Backend.Search(ctx, m, req)
}

func (d *device) Status() compute.Status {
	return compute.Status{Device: "fake", Degraded: d.lost.Load()}
}

// deviceEngine opens an engine with a device that is faster than its host.
func deviceEngine(t *testing.T) (*Engine, *device) {
	t.Helper()
	d := &device{Backend: cpu.New(cpu.Options{})}
	t.Cleanup(func() { _ = d.Close() })
	return openTest(t, Options{
		Fsync: FsyncOff, Backends: []compute.Backend{d, computetest.Reference{}},
		MaxPending: 1 << 12, LinkWorkers: 1,
	}), d
}

// exactly searches k rows exactly and compares them with a sort.
func exactly(t *testing.T, e *Engine, dim, k int) *Explain {
	t.Helper()
	want := allByDistance(t, e, dim)
	res, err := e.Search(context.Background(), "a", &SearchRequest{
		Vector: probe(dim), K: k, Exact: true, Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Hits) != min(k, len(want)) {
		t.Fatalf("%d hits of %d", len(res.Hits), min(k, len(want)))
	}
	for i, h := range res.Hits {
		if !near(h.Distance, want[i].Distance) {
			t.Fatalf("hit %d at %v, want %v (%s, %s)", i, h.Distance, want[i].Distance,
				res.Explain.Backend, res.Explain.Choice)
		}
	}
	return res.Explain
}

// TestExactOnDevice: writes are seen by the search after them, wherever it runs; a
// lost device costs speed only.
func TestExactOnDevice(t *testing.T) {
	const n, dim = 2200, 512
	e, d := deviceEngine(t)
	if _, err := e.CreateCollection(context.Background(), CollectionConfig{Name: "a",
		Dimension: dim, Metric: compute.L2, HNSW: HNSWConfig{M: 4, EfConstruction: 8}}); err != nil {
		t.Fatal(err)
	}
	bulk(t, e, "a", 0, n)
	onDevice := func() bool { return exactly(t, e, dim, 20).Backend == "fake:0" }
	if x := exactly(t, e, dim, 20); x.Backend != "reference" || !strings.Contains(x.Choice, "loading") {
		t.Errorf("first search: %+v, want it on the host while the rows are copied", x)
	}
	eventually(t, onDevice)
	upsert(t, e, "a", "near", probe(dim), "")
	dropSome(t, e, n)
	if x := exactly(t, e, dim, 40); x.Backend != "fake:0" || !strings.Contains(x.Choice, "device_faster") {
		t.Errorf("after writes: %+v", x)
	}
	info := e.Collections()[0].Device
	if info == nil || info.State != resident.StateReady || info.Bytes == 0 {
		t.Errorf("%+v", info)
	}
	d.lost.Store(true)
	if x := exactly(t, e, dim, 20); x.Backend != "reference" || !strings.Contains(x.Choice, "device_lost") {
		t.Errorf("without the device: %+v", x)
	}
	if st := e.Stats(); !st.Backends[0].Status.Degraded || st.Device.Batches["device_lost"] == 0 {
		t.Errorf("%+v, %+v", st.Backends[0], st.Device)
	}
	upsert(t, e, "a", "nearer", probe(dim), "")
	d.lost.Store(false)
	eventually(t, onDevice)
}

// TestManyOnDevice searches from many goroutines beside a writer.
func TestManyOnDevice(t *testing.T) {
	const n, dim = 2200, 512
	e, _ := deviceEngine(t)
	create(t, e, "a", dim, compute.L2)
	bulk(t, e, "a", 0, n)
	eventually(t, func() bool { return exactly(t, e, dim, 1).Backend == "fake:0" })
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 15 {
				res, err := e.Search(context.Background(), "a", &SearchRequest{Vector: probe(dim), K: 5, Exact: true})
				if err != nil || len(res.Hits) != 5 {
					t.Errorf("%d hits, %v", len(res.Hits), err)
					return
				}
			}
		})
	}
	for i := range 30 {
		upsert(t, e, "a", fmt.Sprint("w", i%3), probe(dim), "")
	}
	wg.Wait()
	res, err := e.Search(context.Background(), "a", &SearchRequest{Vector: probe(dim), K: 3, Exact: true})
	if err != nil || len(res.Hits) != 3 || res.Hits[0].Distance != 0 || res.Hits[2].Distance != 0 {
		t.Errorf("the three rows that were written are the nearest: %+v, %v", res.Hits, err)
	}
}

// TestGraphOrDevice: a search that need not be exact goes to the device when the
// graph is known to take longer, and says why.
func TestGraphOrDevice(t *testing.T) {
	const n, dim = 2200, 512
	e, _ := deviceEngine(t)
	create(t, e, "a", dim, compute.L2)
	bulk(t, e, "a", 0, n)
	search := func() *Explain {
		t.Helper()
		res, err := e.Search(context.Background(), "a", &SearchRequest{Vector: probe(dim), K: 5, Explain: true})
		if err != nil || len(res.Hits) != 5 {
			t.Fatalf("%d hits, %v", len(res.Hits), err)
		}
		return res.Explain
	}
	if x := search(); x.Plan != planGraph || x.Choice != "" {
		t.Errorf("before anything is known of the graph: %+v", x)
	}
	v, err := e.cat.find("a")
	if err != nil {
		t.Fatal(err)
	}
	cost := &v.view.Load().graphCost
	for range 100 {
		cost.Took(1, 0)
	}
	if x := search(); x.Plan != planGraph || !strings.Contains(x.Choice, "graph_faster: 1 searches at once") {
		t.Errorf("with a fast graph: %+v", x)
	}
	for range 1000 {
		cost.Took(1, time.Hour)
	}
	eventually(t, func() bool { return search().Plan == planExact })
	x := search()
	if x.Backend != "fake:0" || !x.Exhaustive || !strings.Contains(x.Reason, "device") ||
		!strings.Contains(x.Choice, "device_faster") {
		t.Errorf("with a slow graph: %+v", x)
	}
	if st := e.Stats().Device; st.Planned["device_faster"] == 0 || st.Planned["graph_faster"] == 0 {
		t.Errorf("%+v", st.Planned)
	}
}

// TestFilteredGraphOrDevice: a filter that lets many rows through sends a search to the
// device when a walk, or a scan of codes, is known to take longer.
func TestFilteredGraphOrDevice(t *testing.T) {
	const n, dim, k = 4500, 256, 7
	e, _ := deviceEngine(t)
	if _, err := e.CreateCollection(context.Background(), CollectionConfig{Name: "a", Dimension: dim,
		Metric: compute.L2, Quantization: QuantizeSQ8, HNSW: HNSWConfig{M: 4, EfConstruction: 8}}); err != nil {
		t.Fatal(err)
	}
	bulk(t, e, "a", 0, n)
	c, err := e.cat.find("a")
	if err != nil {
		t.Fatal(err)
	}
	v := c.view.Load()
	eventually(t, func() bool { return v.graph.Pending() == 0 && coded(v.graph) })
	dropSome(t, e, n)
	all := allByDistance(t, e, dim)
	search := func(ignore bool) (*Explain, []Hit) {
		t.Helper()
		res, err := e.Search(context.Background(), "a", &SearchRequest{
			Vector: probe(dim), K: k, Explain: true, Codes: CodeUse{Ignore: ignore}, Ef: 80,
			Filter: mustFilterErr(`{"must":[{"key":"n","range":{"lt":4000}}]}`),
		})
		if err != nil || len(res.Hits) != k {
			t.Fatalf("%d hits, %v", len(res.Hits), err)
		}
		return res.Explain, res.Hits
	}
	for _, ignore := range []bool{false, true} {
		cost := &v.codeCost
		if ignore {
			cost = &v.walkCost
		}
		if x, _ := search(ignore); x.Plan != planFilteredGraph || x.Choice != "" {
			t.Errorf("ignore %v, before anything is known of the graph: %+v", ignore, x)
		}
		for range 100 {
			cost.Took(1, 0)
		}
		if x, _ := search(ignore); x.Plan != planFilteredGraph ||
			!strings.Contains(x.Choice, "graph_faster: 1 searches at once") {
			t.Errorf("ignore %v, with a fast graph: %+v", ignore, x)
		}
		for range 1000 {
			cost.Took(1, time.Hour)
		}
		eventually(t, func() bool { x, _ := search(ignore); return x.Plan == planFilteredExact })
		x, hits := search(ignore)
		if x.Backend != "fake:0" || !x.Exhaustive || !strings.Contains(x.Reason, "faster on the device") ||
			!strings.Contains(x.Choice, "device_faster") || x.Matching < smallRows {
			t.Errorf("ignore %v, with a slow graph: %+v", ignore, x)
		}
		allowed := all[:0:0]
		for _, h := range all {
			if number, err := strconv.Atoi(h.ID); err == nil && number < 4000 {
				allowed = append(allowed, h)
			}
		}
		for i, h := range hits {
			if h.ID != allowed[i].ID {
				t.Errorf("hit %d is %s, want %s", i, h.ID, allowed[i].ID)
			}
		}
	}
	if st := e.Stats().Device; st.PlannedFiltered["device_faster"] == 0 || st.PlannedFiltered["graph_faster"] == 0 ||
		st.Planned["device_faster"] != 0 {
		t.Errorf("%+v, %+v", st.PlannedFiltered, st.Planned)
	}
}

// broken is a device that takes rows and fails at every search.
type broken struct{ device }

func (d *broken) Search(context.Context, compute.Matrix, *compute.SearchRequest) error {
	return fmt.Errorf("%w: it computes nothing", compute.ErrUnsupported)
}

// TestDeviceThatCannotBeMeasured is not used, or is an error where one is required.
func TestDeviceThatCannotBeMeasured(t *testing.T) {
	d := &broken{device{Backend: cpu.New(cpu.Options{})}}
	t.Cleanup(func() { _ = d.Close() })
	o := Options{Fsync: FsyncOff, Backends: []compute.Backend{d, computetest.Reference{}}}
	if st := openTest(t, o).Stats(); st.Device != nil {
		t.Errorf("%+v", st.Device)
	}
	o.Dir, o.RequireDevice = t.TempDir(), true
	if e, err := Open(context.Background(), o); !errors.Is(err, ErrDevice) || !errors.Is(err, compute.ErrUnsupported) {
		t.Errorf("%v, %v", e, err)
	}
}
