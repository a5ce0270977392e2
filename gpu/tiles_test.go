//go:build unix

package gpu

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// tilesOptions make tiles of ten rows of 16 components.
func tilesOptions() Options {
	return Options{Lanes: 2, HostBytes: 1 << 20, TileBytes: 640, ListKeys: 256, SampleRows: 8}
}

func tilesSpec(rows int) compute.MatrixSpec {
	return compute.MatrixSpec{Rows: rows, Dim: 16, Elem: compute.F32, Metric: compute.L2}
}

// TestTilesAreAdmitted by what Options leave of the host's memory and the device has
// for tiles; what is closed makes room again.
func TestTilesAreAdmitted(t *testing.T) {
	free := uint64(1 << 30)
	o := tilesOptions()
	o.HostFree = func() (uint64, uint64) { return free, 1 << 30 }
	b := emulated(t, o, emu.Options{MemoryBytes: 32 << 20})
	defer b.Close()
	f := func(what string, rows int, fits bool) compute.Matrix {
		t.Helper()
		m, err := b.NewTiled(tilesSpec(rows))
		if fits != (err == nil) || !fits && !errors.Is(err, compute.ErrNoMemory) {
			t.Fatalf("%s: %v", what, err)
		}
		return m
	}
	m := f("half of what is allowed", 1<<13, true)
	f("more than the rest", 1<<13+1, false)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = f("what was closed is free again", 1<<14, true)
	if m.SizeBytes() != 1<<20 || b.stats.matrixBytes.Load() != 0 {
		t.Errorf("%d bytes of the host, %d of the device", m.SizeBytes(), b.stats.matrixBytes.Load())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	free = 1<<29 + 1<<19 - 1
	f("half of the host's memory stays free", 1<<13, false)
	packed := tilesSpec(10)
	packed.Elem = compute.I8
	if _, err := b.NewTiled(packed); !errors.Is(err, compute.ErrUnsupported) {
		t.Errorf("codes: %v", err)
	}
	big := tilesSpec(1 << 20)
	if b.Fits(big) || !b.Fits(tilesSpec(100)) {
		t.Error("Fits says otherwise than NewMatrix")
	}
	if _, err := b.NewMatrix(big); !errors.Is(err, compute.ErrNoMemory) {
		t.Errorf("a matrix beyond the device's memory: %v", err)
	}
}

// TestTilesOutOfMemory: whichever block of pinned memory cannot be had, nothing is
// left of the others.
func TestTilesOutOfMemory(t *testing.T) {
	f := new(emu.Faults)
	b := emulated(t, tilesOptions(), emu.Options{Faults: f})
	defer b.Close()
	for skip := range 4 {
		f.Fail(emu.AllocHost, skip, 1, driver.OutOfMemory)
		if _, err := b.NewTiled(tilesSpec(40)); !errors.Is(err, compute.ErrNoMemory) {
			t.Errorf("block %d: %v", skip, err)
		}
		f.Heal()
		if left := b.tiled.Load(); left != 0 {
			t.Errorf("block %d: %d bytes are left", skip, left)
		}
	}
}

// TestTilesBesideWrites: a write waits for the copy of a tile, not for the search; what
// it wrote is found by the next.
func TestTilesBesideWrites(t *testing.T) {
	const rows, dim = 400, 16
	b := emulated(t, tilesOptions(), emu.Options{})
	defer b.Close()
	m, err := b.NewTiled(tilesSpec(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := rand.New(rand.NewPCG(5, 5))
	if err := m.Write(0, clustered(r, rows, dim, 0, 1)); err != nil {
		t.Fatal(err)
	}
	far := make([]float32, dim)
	search := func() compute.SearchRequest {
		req := compute.SearchRequest{Queries: far, K: 1, IDs: make([]uint32, 1), Dist: make([]float32, 1)}
		if err := b.Search(context.Background(), m, &req); err != nil {
			t.Error(err)
		}
		return req
	}
	for i := range far {
		far[i] = 1000
	}
	ended := make(chan time.Time)
	go func() { search(); ended <- time.Now() }()
	eventually(t, "the search has begun", func() bool { return len(m.(*matrix).s.tiling) > 0 })
	if err := m.Write(3, far); err != nil {
		t.Fatal(err)
	}
	wrote := time.Now()
	if end := <-ended; !wrote.Before(end) {
		t.Errorf("the write ended %v after the search of %d tiles", wrote.Sub(end), rows/10)
	}
	if got := search(); got.IDs[0] != 3 || got.Dist[0] != 0 {
		t.Errorf("row %d at %v, want what was written", got.IDs[0], got.Dist[0])
	}
}

// TestTilesOfALostDevice: the memory goes with the context, and nothing touches it.
func TestTilesOfALostDevice(t *testing.T) {
	f := new(emu.Faults)
	o := tilesOptions()
	o.RetryAfter = time.Millisecond
	b := emulated(t, o, emu.Options{Faults: f})
	defer b.Close()
	m, err := b.NewTiled(tilesSpec(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(0, make([]float32, 100*16)); err != nil {
		t.Fatal(err)
	}
	f.Fail(emu.CopyIn, 3, 1, driver.Lost)
	req := compute.SearchRequest{Queries: make([]float32, 16), K: 1, IDs: make([]uint32, 1), Dist: make([]float32, 1)}
	if err := b.Search(context.Background(), m, &req); !errors.Is(err, compute.ErrDeviceLost) {
		t.Errorf("%v, want ErrDeviceLost", err)
	}
	eventually(t, "the device is back", func() bool { return !b.Health().Degraded })
	if err := m.Write(0, make([]float32, 16)); !errors.Is(err, compute.ErrDeviceLost) {
		t.Errorf("write after the loss: %v", err)
	}
	if err := m.Close(); err != nil || b.tiled.Load() != 0 {
		t.Errorf("%v, %d bytes are left", err, b.tiled.Load())
	}
}
