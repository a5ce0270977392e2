package resident

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// tilingDevice is a device without room for a matrix, until there is; the host has some
// unless it is full.
type tilingDevice struct {
	fakeDevice
	room, full atomic.Bool
	asked      atomic.Int64 // for tiles
}

func (d *tilingDevice) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) {
	if !d.room.Load() {
		return nil, fmt.Errorf("%w: the device is full", compute.ErrNoMemory)
	}
	return d.fakeDevice.NewMatrix(s)
}

func (d *tilingDevice) NewTiled(s compute.MatrixSpec) (compute.Matrix, error) {
	d.asked.Add(1)
	if d.full.Load() {
		return nil, fmt.Errorf("%w: the host is full", compute.ErrNoMemory)
	}
	return d.fakeDevice.NewMatrix(s)
}

func (d *tilingDevice) Fits(compute.MatrixSpec) bool { return d.room.Load() }

// tilingPool is a pool in which tiles pay for batches of five and more, and the device's
// own memory always.
func tilingPool(d *tilingDevice) *Pool {
	p := testPool(&d.fakeDevice)
	p.device, p.tiler = d, d
	p.hostModel, p.tiledModel = Model{Op: 1}, Model{Fixed: 4.5 * testDim}
	p.retryNoRoom = time.Hour
	return p
}

// askMany searches for as many queries at once and returns the note.
func askMany(t *testing.T, c *Copy, queries int) compute.Note {
	t.Helper()
	req := compute.SearchRequest{
		Queries: make([]float32, queries*testDim), K: 1, IDs: make([]uint32, queries), Dist: make([]float32, queries),
	}
	if _, err := c.Search(context.Background(), &req); err != nil {
		t.Fatal(err)
	}
	return req.Note
}

// TestTiles: what does not fit goes to tiles with the first batch that they pay for, and
// only such batches do; changes are seen; when there is room, the rows move in.
func TestTiles(t *testing.T) {
	d, src := new(tilingDevice), new(rows)
	p := tilingPool(d)
	c := p.Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	src.put(c, 0, point(1))
	f := func(queries int, why string) {
		t.Helper()
		n := askMany(t, c, queries)
		device := why == "tiled" || why == "device_faster"
		if n.Why != why || (n.Backend == "fake:0") != device {
			t.Fatalf("%d queries: %+v, want %s", queries, n, why)
		}
	}
	f(2, "loading")
	src.held.Wait()
	f(2, "no_room")
	if n := d.asked.Load(); n != 0 {
		t.Fatalf("%d tries at tiles that no batch is faster in", n)
	}
	f(5, "no_room")
	src.held.Wait()
	f(5, "tiled")
	f(4, "host_faster")
	if s, _, bytes := c.Info(); s != StateTiled || bytes == 0 || p.tiledBytes.Load() == 0 || p.bytes.Load() != 0 {
		t.Errorf("%s, %d bytes; of the host %d, of the device %d", s, bytes, p.tiledBytes.Load(), p.bytes.Load())
	}
	src.put(c, 7, point(100)) // of eight rows now, for which tiles pay sooner
	if row, n, _ := ask(t, c, 99); row != 7 || n.Why != "tiled" {
		t.Errorf("row %d, %+v, want the one that was written", row, n)
	}
	if st := p.Stats(); st.Batches["tiled"] != 2 || !st.Tiles || st.TiledBytes == 0 {
		t.Errorf("%+v", st)
	}
	d.room.Store(true)
	f(5, "tiled") // nobody looks for room yet
	c.mu.Lock()
	c.retryAt = time.Time{}
	c.mu.Unlock()
	eventuallyWhy(t, c, "device_faster")
	if s, _, _ := c.Info(); s != StateReady || p.tiledBytes.Load() != 0 || p.bytes.Load() == 0 {
		t.Errorf("%s; of the host %d, of the device %d", s, p.tiledBytes.Load(), p.bytes.Load())
	}
}

func eventuallyWhy(t *testing.T, c *Copy, why string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		n := askMany(t, c, 9)
		if n.Why == why {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, want %s", n, why)
		}
	}
}

// TestTilesWithoutRoom: a host that is full is not asked for each batch.
func TestTilesWithoutRoom(t *testing.T) {
	d, src := new(tilingDevice), new(rows)
	d.full.Store(true)
	c := tilingPool(d).Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	src.put(c, 0, point(1))
	for range 4 {
		askMany(t, c, 9)
		src.held.Wait()
	}
	if s, reason, _ := c.Info(); s != StateNoRoom || d.asked.Load() != 1 {
		t.Errorf("%s, %q, asked %d times", s, reason, d.asked.Load())
	}
	if n := askMany(t, c, 9); n.Why != "no_room" {
		t.Errorf("%+v", n)
	}
}

// TestTilesAreMeasured, and are not used where that cannot be done.
func TestTilesAreMeasured(t *testing.T) {
	f := func(full, want bool) {
		t.Helper()
		d := new(tilingDevice)
		d.room.Store(true)
		d.full.Store(full)
		p := testPool(&d.fakeDevice)
		p.device = d
		if err := p.measureTiled(); err != nil {
			t.Fatal(err)
		}
		if (p.tiler != nil) != want || (p.tiledModel != Model{}) != want {
			t.Errorf("full %v: %+v", full, p.tiledModel)
		}
	}
	f(false, true)
	f(true, false)
}
