package resident

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
)

// fakeDevice is the reference as a device: no host rows, faults on demand.
type fakeDevice struct {
	ref   computetest.Reference
	fail  atomic.Pointer[error] // of every call
	hang  atomic.Bool           // searches end with their context
	count atomic.Int64          // searches
}

func (d *fakeDevice) Info() compute.Info { return compute.Info{Name: "fake:0", BatchRows: 64} }
func (d *fakeDevice) Close() error       { return nil }

func (d *fakeDevice) broken() error {
	if e := d.fail.Load(); e != nil {
		return *e
	}
	return nil
}

func (d *fakeDevice) breakWith(err error) { d.fail.Store(&err) }
func (d *fakeDevice) heal()               { d.fail.Store(nil) }

func (d *fakeDevice) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) {
	if err := d.broken(); err != nil {
		return nil, err
	}
	return d.ref.NewMatrix(s)
}

func (d *fakeDevice) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	if err := d.broken(); err != nil {
		return err
	}
	if d.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	d.count.Add(1)
	return d.ref.Search(ctx, m, req)
}

const testDim = 6

// rows is a source in memory.
type rows struct {
	mu   sync.Mutex // guards: flat
	flat []float32
	held sync.WaitGroup
}

func (r *rows) Rows() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.flat) / testDim
}

func (r *rows) HostRows() compute.HostRows {
	r.mu.Lock()
	defer r.mu.Unlock()
	return compute.HostRows{Rows: r.flat, Dim: testDim, Stride: testDim, Metric: compute.L2}
}

func (r *rows) Retain() bool { r.held.Add(1); return true }
func (r *rows) Release()     { r.held.Done() }

// put writes a row as the engine does; the array moves, so readers keep a past.
func (r *rows) put(c *Copy, row int, v []float32) {
	c.Writing(uint32(row))
	r.mu.Lock()
	flat := slices.Clone(r.flat)
	if need := (row + 1) * testDim; need > len(flat) {
		flat = append(flat, make([]float32, need-len(flat))...)
	}
	copy(flat[row*testDim:], v)
	r.flat = flat
	r.mu.Unlock()
	c.Wrote(uint32(row))
}

func point(x float32) []float32 { return []float32{x, 0, 0, 0, 0, 0} }

// testPool is a pool whose device always looks faster.
func testPool(d *fakeDevice) *Pool {
	return &Pool{
		device: d, deviceName: "fake:0", hostName: "cpu", log: zerolog.Nop(),
		hostModel: Model{Fixed: 1}, inlineRowMax: 64,
		retryLost: time.Millisecond, retryNoRoom: time.Millisecond,
	}
}

// ask searches for the row nearest to x.
func ask(t *testing.T, c *Copy, x float32) (row uint32, note compute.Note, done bool) {
	t.Helper()
	req := compute.SearchRequest{Queries: point(x), K: 1, IDs: make([]uint32, 1), Dist: make([]float32, 1)}
	done, err := c.Search(context.Background(), &req)
	if err != nil {
		t.Fatal(err)
	}
	return req.IDs[0], req.Note, done
}

// eventually asks until the device answers.
func eventually(t *testing.T, c *Copy, x float32) uint32 {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		row, note, done := ask(t, c, x)
		if done {
			return row
		}
		if time.Now().After(end) {
			t.Fatalf("the device does not answer: %+v", note)
		}
	}
}

func TestLoadedOnDemandAndKeptCurrent(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	c := testPool(d).Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	for i := range 50 {
		src.put(c, i, point(float32(i)))
	}
	if _, note, done := ask(t, c, 7); done || note.Why != "loading" || note.Backend != "cpu" {
		t.Fatalf("first batch: done %v, %+v; want it on the host while the rows are loaded", done, note)
	}
	if row := eventually(t, c, 7); row != 7 {
		t.Errorf("row %d, want 7", row)
	}
	src.put(c, 3, point(1000)) // replaced
	src.put(c, 50, point(2000))
	src.put(c, 54, point(3000)) // beyond a gap
	for x, want := range map[float32]uint32{999: 3, 2001: 50, 2999: 54} {
		if row, note, done := ask(t, c, x); !done || row != want || note.Why != "device_faster" {
			t.Errorf("at %v: row %d, done %v, %+v; want %d", x, row, done, note, want)
		}
	}
	if n := c.p.syncedRows.Load(); n != 3 {
		t.Errorf("%d rows synced, want 3", n)
	}
	for i := range 2000 { // outgrows the matrix
		src.put(c, 55+i, point(float32(5000+i)))
	}
	if row := eventually(t, c, 6999); row != 2054 {
		t.Errorf("row %d, want 2054", row)
	}
}

func TestChoice(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	p := testPool(d)
	p.hostModel = Model{Op: 1e-9}
	p.deviceModel = Model{Fixed: 1e-3}
	c := p.Copy(src, testDim, compute.L2)
	src.put(c, 0, point(1))
	if _, note, done := ask(t, c, 1); done || note.Why != "host_faster" || note.Device <= note.Host {
		t.Errorf("a small search: done %v, %+v", done, note)
	}
	if s := p.Stats(); s.Batches["host_faster"] != 1 || s.Queries["host_faster"] != 1 {
		t.Errorf("%+v", s)
	}
}

func TestLostAndBack(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	c := testPool(d).Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	for i := range 20 {
		src.put(c, i, point(float32(i)))
	}
	eventually(t, c, 1)
	d.breakWith(fmt.Errorf("%w: unplugged", compute.ErrDeviceLost))
	if _, note, done := ask(t, c, 1); done || note.Why != "device_lost" {
		t.Errorf("done %v, %+v; want the host, because the device is lost", done, note)
	}
	if s, reason, bytes := c.Info(); s != StateLost || bytes != 0 || reason == "" {
		t.Errorf("state %s, %q, %d bytes", s, reason, bytes)
	}
	src.put(c, 4, point(400))
	d.heal()
	if row := eventually(t, c, 399); row != 4 {
		t.Errorf("row %d after the device came back, want 4", row)
	}
	d.breakWith(fmt.Errorf("%w: overflow", compute.ErrUnsupported))
	if _, note, done := ask(t, c, 1); done || note.Why != "device_failed" {
		t.Errorf("done %v, %+v; want the host for this batch", done, note)
	}
	d.heal()
	if _, _, done := ask(t, c, 1); !done {
		t.Error("one failed batch costs the copy")
	}
}

// TestHungDevice: a batch that the device does not answer goes to the host in time,
// and the next ones at once.
func TestHungDevice(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	c := testPool(d).Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	src.put(c, 0, point(1))
	eventually(t, c, 1)
	d.hang.Store(true)
	begin := time.Now()
	if _, note, done := ask(t, c, 1); done || note.Why != "device_failed" {
		t.Errorf("done %v, %+v; want the host", done, note)
	}
	first := time.Since(begin)
	if first < 200*time.Millisecond || first > 10*time.Second {
		t.Errorf("given up after %v, want about %v", first, patience(0))
	}
	begin = time.Now()
	if _, note, done := ask(t, c, 1); done || note.Why != "device_failed" || time.Since(begin) > first/2 {
		t.Errorf("the next batch: done %v, %+v after %v; want the host at once", done, note, time.Since(begin))
	}
	d.hang.Store(false)
	eventually(t, c, 1)
}

func TestNoRoom(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	c := testPool(d).Copy(src, testDim, compute.L2)
	c.p.retryNoRoom = time.Hour
	src.put(c, 0, point(1))
	d.breakWith(fmt.Errorf("%w: full", compute.ErrNoMemory))
	ask(t, c, 1)
	src.held.Wait()
	if _, note, done := ask(t, c, 1); done || note.Why != "no_room" {
		t.Errorf("done %v, %+v", done, note)
	}
	if s, reason, _ := c.Info(); s != StateNoRoom || reason == "" {
		t.Errorf("state %s, %q", s, reason)
	}
	c.Close()
}

// TestWritesBesideSearches: what was written before a search is found by it, while
// another goroutine writes on.
func TestWritesBesideSearches(t *testing.T) {
	const last = 400
	d, src := new(fakeDevice), new(rows)
	c := testPool(d).Copy(src, testDim, compute.L2)
	src.put(c, 0, point(0))
	eventually(t, c, 0)
	var written atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; i <= last; i++ {
			src.put(c, i%16, point(float32(i)))
			written.Store(int64(i))
		}
	})
	for r := rand.New(rand.NewPCG(1, 2)); written.Load() < last; {
		lo := written.Load()
		x := max(0, lo-int64(r.IntN(4)))
		req := compute.SearchRequest{
			Queries: point(float32(x)), K: 1, IDs: make([]uint32, 1), Dist: make([]float32, 1),
		}
		done, err := c.Search(context.Background(), &req)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		// The value x is there unless 16 more were written since.
		if hi := written.Load(); done && hi < x+14 && req.Dist[0] != 0 {
			t.Fatalf("%d was written when the search began, the nearest is %v away (now at %d)", x, req.Dist[0], hi)
		}
	}
	wg.Wait()
	src.held.Wait()
	c.Close()
}

func TestMeasure(t *testing.T) {
	m, err := Measure(computetest.Reference{}, 8, 10*time.Millisecond, true)
	if err != nil {
		t.Fatal(err)
	}
	if m.Scan+m.Op <= 0 || m.Predict(1e6, 128, 8) <= m.Predict(1e6, 128, 1) {
		t.Errorf("%+v", m)
	}
	d := new(fakeDevice)
	if p, err := New([]compute.Backend{d, computetest.Reference{}}, zerolog.Nop()); err != nil || p.Device() != d {
		t.Errorf("New = %v, %v, want a pool of the device", p, err)
	}
	if p, err := New([]compute.Backend{computetest.Reference{}}, zerolog.Nop()); p != nil || err != nil {
		t.Error("a pool without a device", err)
	}
	d.breakWith(compute.ErrDeviceLost)
	if p, err := New([]compute.Backend{d, computetest.Reference{}}, zerolog.Nop()); p != nil ||
		!errors.Is(err, compute.ErrDeviceLost) {
		t.Errorf("of a device that cannot be measured: %v, %v", p, err)
	}
}
