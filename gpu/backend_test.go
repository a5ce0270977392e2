//go:build unix

package gpu

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// program builds the emulated device, once for all tests.
func program(t testing.TB) string {
	t.Helper()
	path, err := emu.Build("..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// emulated opens a backend on an emulated device.
func emulated(t testing.TB, o Options, e emu.Options) *Backend {
	t.Helper()
	e.Program = program(t)
	o.Driver = emu.New(e)
	o.HangAfter = max(o.HangAfter, time.Minute)
	if o.StageBytes == 0 {
		o.StageBytes = 1 << 20
	}
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestConformance runs the suite of every backend on the kernels themselves.
func TestConformance(t *testing.T) {
	computetest.Run(t, func(t *testing.T) compute.Backend { return emulated(t, Options{}, emu.Options{}) })
}

// TestConformanceSampled makes every search sample and every list overflow now
// and then.
func TestConformanceSampled(t *testing.T) {
	computetest.Run(t, func(t *testing.T) compute.Backend {
		return emulated(t, Options{ListKeys: 1280, SampleRows: 32, MaskBytes: 300, Lanes: 2}, emu.Options{})
	})
}

// TestConformanceHalf sends searches of more than a few rows and queries through
// bf16.
func TestConformanceHalf(t *testing.T) {
	var answered int64
	computetest.Run(t, func(t *testing.T) compute.Backend {
		o := Options{ListKeys: 2048, SampleRows: 300, HalfQueries: 3, HalfRows: 32, Lanes: 2}
		b := emulated(t, o, emu.Options{})
		t.Cleanup(func() { answered += b.stats.halfQueries.Load() })
		return b
	})
	if answered < 1000 {
		t.Errorf("%d queries answered in bf16: want most", answered)
	}
}

// onlyTiled is a backend whose every matrix is in host memory.
type onlyTiled struct{ *Backend }

func (b onlyTiled) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) { return b.NewTiled(s) }

// TestConformanceTiled keeps every matrix in host memory, in tiles of a few rows.
func TestConformanceTiled(t *testing.T) {
	computetest.Run(t, func(t *testing.T) compute.Backend {
		o := Options{
			HostBytes: 64 << 20, TileBytes: 40 << 10,
			ListKeys: 1280, SampleRows: 100, Lanes: 2, StageBytes: 1 << 20,
		}
		b := emulated(t, o, emu.Options{})
		t.Cleanup(func() {
			if left := b.tiled.Load(); left != 0 {
				t.Errorf("%d bytes of host memory left after every matrix was closed", left)
			}
		})
		return onlyTiled{b}
	})
}

// TestSearchAllocs: what a batch allocates does not grow with its queries. The
// emulated device allocates a little for each call, so the limit is not 0.
func TestSearchAllocs(t *testing.T) {
	b := emulated(t, Options{Lanes: 1}, emu.Options{})
	defer b.Close()
	const rows, dim, k = 200, 8, 3
	m, err := b.NewMatrix(compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.Dot})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Write(0, make([]float32, rows*dim)); err != nil {
		t.Fatal(err)
	}
	allocs := func(queries int) float64 {
		req := compute.SearchRequest{
			Queries: make([]float32, queries*dim), K: k,
			IDs: make([]uint32, queries*k), Dist: make([]float32, queries*k),
		}
		return testing.AllocsPerRun(5, func() {
			if err := b.Search(context.Background(), m, &req); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocs(2), allocs(64)
	if many > few+4 || few > 100 {
		t.Errorf("%v allocations for 2 queries, %v for 64", few, many)
	}
}

// BenchmarkSearchEmulated measures the lane and the emulation, not a device: it is
// here to be compared with itself.
func BenchmarkSearchEmulated(b *testing.B) {
	gpu := emulated(b, Options{Lanes: 1}, emu.Options{})
	defer gpu.Close()
	const rows, dim, k = 1000, 16, 10
	m, err := gpu.NewMatrix(compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.L2})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	req := compute.SearchRequest{
		Queries: make([]float32, 8*dim), K: k, IDs: make([]uint32, 8*k), Dist: make([]float32, 8*k),
	}
	if err := m.Write(0, make([]float32, rows*dim)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := gpu.Search(context.Background(), m, &req); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTimes: the stages of a search are told apart, in every way through the kernels.
func TestTimes(t *testing.T) {
	const dim, rows, k = 8, 2000, 3
	b := emulated(t, Options{Lanes: 1, HalfQueries: 9, HalfRows: 100, SampleRows: 100}, emu.Options{})
	defer b.Close()
	m, err := b.NewMatrix(compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.L2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Write(0, clustered(rand.New(rand.NewPCG(1, 1)), rows, dim, 0, 1)); err != nil {
		t.Fatal(err)
	}
	for _, queries := range []int{1, 12} {
		req := compute.SearchRequest{Queries: make([]float32, queries*dim), K: k, Skip: []uint64{3},
			IDs: make([]uint32, queries*k), Dist: make([]float32, queries*k)}
		begin := time.Now()
		if err := b.Search(context.Background(), m, &req); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		x := req.Times
		if x.Upload <= 0 || x.Kernels <= 0 || x.Download <= 0 || x.Upload+x.Kernels+x.Download > took {
			t.Errorf("%d queries: %+v of %v", queries, x, took)
		}
	}
}
