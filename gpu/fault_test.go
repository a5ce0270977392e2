//go:build unix

package gpu

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// faulty opens a backend whose driver can be made to fail.
func faulty(t *testing.T, o Options) (*Backend, *emu.Faults) {
	t.Helper()
	f := new(emu.Faults)
	o.Lanes, o.RetryAfter = 2, time.Millisecond
	b := emulated(t, o, emu.Options{Faults: f})
	t.Cleanup(func() {
		if err := b.Close(); err != nil && !errors.As(err, new(*driver.Error)) {
			t.Errorf("Close: %v", err)
		}
	})
	return b, f
}

// trial makes a matrix, fills it and searches it.
func trial(b *Backend) error {
	r := rand.New(rand.NewPCG(3, 3))
	const rows, dim, queries, k = 700, 16, 12, 4
	m, err := b.NewMatrix(compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.L2})
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Write(0, clustered(r, rows, dim, 0, 1)); err != nil {
		return err
	}
	req := compute.SearchRequest{
		Queries: clustered(r, queries, dim, 0, 1), K: k,
		IDs: make([]uint32, queries*k), Dist: make([]float32, queries*k),
	}
	return b.Search(context.Background(), m, &req)
}

// eventually polls a condition until the deadline.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// TestFatalFaults: every call that can meet a fatal error meets one, and one call
// meets each. The caller gets ErrDeviceLost, the health says why, and the device comes back.
func TestFatalFaults(t *testing.T) {
	for _, code := range []driver.Code{driver.Sticky, driver.Lost, driver.Broken} {
		for _, call := range []emu.Call{emu.Launching, emu.Alloc, emu.CopyIn, emu.CopyOut, emu.Waiting} {
			if code != driver.Sticky && call != emu.Launching {
				break
			}
			t.Run(string(call)+" "+code.String(), func(t *testing.T) {
				var logged atomic.Int64
				b, f := faulty(t, Options{Log: func(string, error) { logged.Add(1) }})
				f.Fail(call, 0, 1, code)
				if err := trial(b); !errors.Is(err, compute.ErrDeviceLost) {
					t.Fatalf("%v, want ErrDeviceLost", err)
				}
				eventually(t, "the device is back", func() bool { return !b.Health().Degraded })
				if err := trial(b); err != nil {
					t.Fatalf("after the device came back: %v", err)
				}
				if h := b.Health(); h.Rebuilds != 1 || b.stats.lost.Load() != 1 || logged.Load() != 2 {
					t.Errorf("%d rebuilds, %d losses, %d log lines; want 1, 1, 2",
						h.Rebuilds, b.stats.lost.Load(), logged.Load())
				}
			})
		}
	}
}

// TestOutOfMemory: every allocation of a search fails once. The caller gets
// ErrNoMemory, nothing leaks, and the next search works.
func TestOutOfMemory(t *testing.T) {
	b, f := faulty(t, Options{})
	before := f.Seen(emu.Alloc)
	if err := trial(b); err != nil {
		t.Fatal(err)
	}
	allocs := f.Seen(emu.Alloc) - before
	if allocs < 5 {
		t.Fatalf("only %d allocations", allocs)
	}
	for skip := range allocs {
		b, f := faulty(t, Options{})
		f.Fail(emu.Alloc, skip, 1, driver.OutOfMemory)
		if err := trial(b); !errors.Is(err, compute.ErrNoMemory) && err != nil {
			t.Errorf("allocation %d: %v, want ErrNoMemory", skip, err)
		}
		f.Heal()
		if err := trial(b); err != nil {
			t.Errorf("after allocation %d failed: %v", skip, err)
		}
		if b.Health().Degraded || b.stats.matrices.Load() != 0 {
			t.Errorf("allocation %d: degraded %v, %d matrices left", skip, b.Health().Degraded, b.stats.matrices.Load())
		}
	}
}

// TestLaunchFailure: a refused launch costs its batch, not the device.
func TestLaunchFailure(t *testing.T) {
	b, f := faulty(t, Options{})
	for skip := range 4 {
		f.Fail(emu.Launching, skip, 1, driver.LaunchFailed)
		if err := trial(b); !errors.Is(err, compute.ErrUnsupported) {
			t.Errorf("launch %d: %v, want ErrUnsupported", skip, err)
		}
		f.Heal()
	}
	if err := trial(b); err != nil || b.Health().Degraded {
		t.Errorf("%v, degraded %v", err, b.Health().Degraded)
	}
}

// TestHungDevice: a device that does not answer is given up within the limit.
func TestHungDevice(t *testing.T) {
	f := new(emu.Faults)
	b, err := Open(Options{
		Driver: emu.New(emu.Options{Program: program(t), Faults: f}),
		Lanes:  2, HangAfter: 2 * time.Second, RetryAfter: time.Millisecond, StageBytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	f.Fail(emu.Waiting, 0, 1, driver.Hung)
	begin := time.Now()
	if err := trial(b); !errors.Is(err, compute.ErrDeviceLost) {
		t.Fatalf("%v, want ErrDeviceLost", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("given up after %v", took)
	}
	eventually(t, "the device is back", func() bool { return !b.Health().Degraded })
	if err := trial(b); err != nil {
		t.Error(err)
	}
}

// TestStaysAway: while the device cannot be opened, every call says so at once.
func TestStaysAway(t *testing.T) {
	b, f := faulty(t, Options{})
	f.Fail(emu.Open, 0, 5, driver.NoDevice)
	f.Fail(emu.Launching, 0, 1, driver.Lost)
	if err := trial(b); !errors.Is(err, compute.ErrDeviceLost) {
		t.Fatalf("%v, want ErrDeviceLost", err)
	}
	eventually(t, "it was tried again", func() bool { return f.Seen(emu.Open) >= 4 })
	eventually(t, "the device is back", func() bool { return !b.Health().Degraded })
	if n := f.Seen(emu.Open); n != 7 { // the first, five refused, one accepted
		t.Errorf("opened %d times, want 7", n)
	}
}

// TestOpenFailures: what stands in the way is said, for each class.
func TestOpenFailures(t *testing.T) {
	for _, c := range []struct {
		call emu.Call
		code driver.Code
	}{
		{emu.Open, driver.NoDriver}, {emu.Open, driver.OldDriver}, {emu.Open, driver.NoDevice},
		{emu.Open, driver.NoImage}, {emu.AllocHost, driver.OutOfMemory}, {emu.NewStream, driver.OutOfMemory},
		{emu.Launching, driver.Sticky},
	} {
		f := new(emu.Faults)
		f.Fail(c.call, 0, 1, c.code)
		_, err := Open(Options{Driver: emu.New(emu.Options{Program: program(t), Faults: f}), HangAfter: time.Minute})
		if e := (*driver.Error)(nil); !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s failing with %v: %v", c.call, c.code, err)
		}
	}
}
