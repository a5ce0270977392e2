//go:build cuda && linux && cgo

package gpu

import (
	"os"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/gpu/cuda"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// cudaDriver is the machine's, if VECTORIZER_GPU_CHECK asks for it, else the
// binding over the emulated libcuda. It says which.
func cudaDriver(t *testing.T) driver.Driver {
	t.Helper()
	if os.Getenv("VECTORIZER_GPU_CHECK") == "" { //nolint:forbidigo // a test's own switch
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
	} {
		t.Run(name, func(t *testing.T) {
			computetest.Run(t, func(t *testing.T) compute.Backend { return openCUDA(t, o) })
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
