//go:build cuda && linux && cgo

package gpu

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/gpu/cuda"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// cudaDriver is the machine's, if GPU_CHECK asks for it, else the
// binding over the emulated libcuda. It says which.
func cudaDriver(t *testing.T) driver.Driver {
	t.Helper()
	if os.Getenv("GPU_CHECK") == "" {
		lib, err := emu.BuildLibrary("..")
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("VECTORIZER_LIBCUDA", lib)
	}
	d, err := cuda.New()
	if err != nil {
		t.Fatal(err)
	}
	all, err := d.Devices()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("device: %+v", all[0])
	return d
}

func openCUDA(t *testing.T, o Options) *Backend {
	t.Helper()
	o.Driver, o.HangAfter = cudaDriver(t), time.Minute
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCUDAConformance runs the suite of every backend through gorgonia.org/cu.
func TestCUDAConformance(t *testing.T) {
	for name, o := range map[string]Options{
		"plain":   {},
		"sampled": {ListKeys: 1280, SampleRows: 32, HalfQueries: -1, Lanes: 2},
		"half":    {ListKeys: 2048, SampleRows: 300, HalfQueries: 1, HalfRows: 32, Lanes: 2},
		"tiles":   {ListKeys: 1280, SampleRows: 100, HostBytes: 64 << 20, TileBytes: 40 << 10, Lanes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			computetest.Run(t, func(t *testing.T) compute.Backend {
				b := openCUDA(t, o)
				if name == "tiles" {
					return onlyTiled{b}
				}
				return b
			})
		})
	}
}

// TestCUDADevice checks what the driver says of itself, and that a second life of
// the device works.
func TestCUDADevice(t *testing.T) {
	for range 2 {
		b := openCUDA(t, Options{Lanes: 2})
		h := b.Health()
		if h.Device.Name == "" || h.Device.Processors < 1 || h.Device.MemoryBytes < 1<<20 ||
			h.Device.Major < 8 || h.Image == "" || h.Device.SharedBytes < 64<<10 {
			t.Errorf("%+v", h)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCUDAAgainstCPU compares random searches with the CPU backend's: distances by
// rank, within what the order of summation may change.
func TestCUDAAgainstCPU(t *testing.T) {
	b := openCUDA(t, Options{HalfRows: 1000, SampleRows: 1000})
	defer b.Close()
	host := cpu.New(cpu.Options{})
	defer host.Close()
	r := rand.New(rand.NewPCG(7, 7))
	for range 12 {
		spec := compute.MatrixSpec{
			Rows: 500 + r.IntN(3000), Dim: 1 + r.IntN(96), Elem: compute.F32,
			Metric: compute.L2 + compute.Metric(r.IntN(3)),
		}
		queries, k := 1+r.IntN(40), 1+r.IntN(50)
		rows := clustered(r, spec.Rows, spec.Dim, r.Float64(), 0.2+r.Float64())
		skip := make([]uint64, r.IntN(spec.Rows/64+1))
		for i := range skip {
			skip[i] = r.Uint64() & r.Uint64()
		}
		req := compute.SearchRequest{Queries: clustered(r, queries, spec.Dim, 0, 1), K: k, Skip: skip}
		compareBackends(t, b, host, spec, rows, req)
	}
}

func compareBackends(
	t *testing.T, a, b compute.Backend, spec compute.MatrixSpec, rows []float32, req compute.SearchRequest,
) {
	t.Helper()
	var out [2]compute.SearchRequest
	for i, backend := range []compute.Backend{a, b} {
		m, err := backend.NewMatrix(spec)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = req
		n := len(req.Queries) / spec.Dim * req.K
		out[i].IDs, out[i].Dist = make([]uint32, n), make([]float32, n)
		err = errors.Join(m.Write(0, rows), backend.Search(context.Background(), m, &out[i]), m.Close())
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, d := range out[0].Dist {
		want := float64(out[1].Dist[i])
		if math.Abs(float64(d)-want) > 1e-4*(1+math.Abs(want)) && !(math.IsInf(want, 1) && math.IsInf(float64(d), 1)) {
			t.Fatalf("%+v, %d results: slot %d at %v, the CPU has %v", spec, req.K, i, d, want)
		}
	}
}

// TestCUDAFaults injects each class of fault around the driver: the context is
// really destroyed and made again.
func TestCUDAFaults(t *testing.T) {
	for _, code := range []driver.Code{driver.Sticky, driver.Lost, driver.Hung} {
		for _, call := range []emu.Call{emu.Alloc, emu.CopyIn, emu.Launching, emu.Waiting} {
			f := new(emu.Faults)
			b, err := Open(Options{
				Driver: faultyDriver{cudaDriver(t), f}, Lanes: 2, HangAfter: time.Minute, RetryAfter: time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			f.Fail(call, 0, 1, code)
			if err := trial(b); !errors.Is(err, compute.ErrDeviceLost) {
				t.Errorf("%s %v: %v, want ErrDeviceLost", call, code, err)
			}
			eventually(t, "the device is back", func() bool { return !b.Health().Degraded })
			if err := errors.Join(trial(b), b.Close()); err != nil {
				t.Errorf("%s %v: after the device came back: %v", call, code, err)
			}
		}
	}
}
