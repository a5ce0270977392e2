//go:build unix

package gpu

import (
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
		return emulated(t, Options{ListKeys: 1280, SampleRows: 32, Lanes: 2}, emu.Options{})
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

// TestConformanceTiled keeps every matrix in host memory, in tiles of a few rows.
func TestConformanceTiled(t *testing.T) {
	computetest.Run(t, func(t *testing.T) compute.Backend {
		o := Options{
			ReserveBytes: 1 << 40, HostBytes: 64 << 20, TileBytes: 40 << 10,
			ListKeys: 1280, SampleRows: 100, Lanes: 2, StageBytes: 1 << 20,
		}
		b := emulated(t, o, emu.Options{})
		t.Cleanup(func() {
			if left := b.tiled.Load(); left != 0 {
				t.Errorf("%d bytes of host memory left after every matrix was closed", left)
			}
		})
		return b
	})
}
