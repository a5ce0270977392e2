// Package gpu is the compute backend on a graphics processor: exact search over
// rows that are resident on the device, by the kernels of package kernels,
// through a driver.Driver.
//
// How a search runs. A lane (a goroutine that owns its thread, a stream and its
// buffers) takes a whole batch: it uploads the queries and the bitmap of rows to
// leave out, launches sample, limit, scan and selection, and copies the results
// back. There are several lanes, so one batch is uploaded while another computes;
// the hand-over to a lane is the only hop a batch makes.
//
// Invariants:
//
//	G1: nothing of a caller is read or written after its Search has returned.
//	    Lanes work on copies in pinned memory, and a caller that gives up takes
//	    its slices back under the job's lock.
//	G2: results are ordered by (distance, row) and do not depend on the order in
//	    which blocks ran; distances are computed in f32, directly (see cpu.C1).
//	G3: a fatal error of the driver ends the session: every matrix of it answers
//	    ErrDeviceLost at once, the context is opened again in the background, and
//	    nothing is answered from it before its self-test has passed.
//	G4: no wait is unbounded.
package gpu

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// Options configure a Backend. Zero fields take their defaults.
type Options struct {
	Driver  driver.Driver
	Ordinal int
	Images  []driver.Image // default: the images that are built in

	Lanes        int           // batches on the device at once; default 3
	Queries      int           // queries of one pass; default 1024
	ListKeys     int           // candidates of one query in a pass; default 4096
	SampleRows   int           // rows up to which nothing is sampled; default ListKeys
	HalfQueries  int           // queries of a batch from which bf16 is used; default 9, < 0 never
	HalfRows     int           // rows from which bf16 is used; default 4 * ListKeys
	StageBytes   int           // pinned memory of a lane; default 8 MiB
	MaskBytes    int           // of bitmaps of single queries in a pass; default 64 MiB
	HostBytes    uint64        // pinned memory of rows that are searched in tiles; default 0
	TileBytes    int           // of such a tile, two of which a lane holds; default 64 MiB
	ReserveBytes uint64        // device memory that matrices leave free; default a sixteenth
	HangAfter    time.Duration // longest wait, beside what the work may take; default 1 s
	RetryAfter   time.Duration // first pause before a lost device is opened again; default 100 ms

	// HostFree says how much memory the host has free and in all; of it NewTiled leaves
	// half free. Default: it is not asked.
	HostFree func() (free, total uint64)
	// Log receives one line for each change of state.
	Log func(message string, err error)
}

func (o *Options) defaults() {
	if len(o.Images) == 0 {
		o.Images = builtin()
	}
	o.Lanes = positive(o.Lanes, 3)
	o.Queries = positive(o.Queries, 1024)
	o.ListKeys = positive(o.ListKeys, 4096)
	o.SampleRows = positive(o.SampleRows, o.ListKeys)
	if o.HalfQueries == 0 {
		o.HalfQueries = 9 // up to 8, one f32 scan serves them all
	}
	o.HalfRows = positive(o.HalfRows, 4*o.ListKeys)
	o.MaskBytes = positive(o.MaskBytes, 64<<20)
	o.TileBytes = positive(o.TileBytes, 64<<20)
	o.StageBytes = positive(o.StageBytes, 8<<20)
	if o.HangAfter <= 0 {
		o.HangAfter = time.Second
	}
	if o.RetryAfter <= 0 {
		o.RetryAfter = 100 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = func(string, error) {}
	}
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// Backend is a compute.Backend on one device. Its methods may be called
// concurrently.
type Backend struct {
	o     Options
	info  compute.Info
	stats counters
	tiled atomic.Int64 // bytes of rows in host memory

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   sync.WaitGroup // rebuilds

	mu      sync.Mutex // guards: everything below
	session *session   // nil while the device is lost
	health  Health
	closed  bool
}

var (
	_ compute.Backend   = (*Backend)(nil)
	_ compute.Monitored = (*Backend)(nil)
	_ compute.Tiler     = (*Backend)(nil)
)

// Open opens the device and tests every kernel. Errors: *driver.Error, which
// says why the device cannot be used.
func Open(o Options) (*Backend, error) {
	o.defaults()
	b := &Backend{o: o}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	s, err := openSession(b)
	if err != nil {
		b.cancel()
		return nil, err
	}
	b.session = s
	b.health = Health{Image: s.device.Image(), Device: s.device.Info()}
	b.info = compute.Info{
		Name:        fmt.Sprintf("%s:%d", o.Driver.Name(), o.Ordinal),
		MemoryBytes: s.device.Info().MemoryBytes,
		BatchRows:   o.Queries,
	}
	return b, nil
}

// Info describes the device as it was when it was opened first.
func (b *Backend) Info() compute.Info { return b.info }

// current returns the session, or ErrDeviceLost with the reason.
func (b *Backend) current() (*session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session == nil {
		return nil, fmt.Errorf("%w: %s", compute.ErrDeviceLost, b.health.Reason)
	}
	return b.session, nil
}

// Close ends the device. Matrices must be closed first.
func (b *Backend) Close() error {
	b.mu.Lock()
	s := b.session
	b.session, b.closed = nil, true
	b.health.Degraded, b.health.Reason = true, "closed"
	b.mu.Unlock()
	b.cancel()
	var err error
	if s != nil {
		err = s.close(nil)
	}
	b.done.Wait()
	return err
}

// typed turns a driver's error into one of package compute's.
func typed(err error) error {
	e := (*driver.Error)(nil)
	switch {
	case err == nil || !errors.As(err, &e):
		return err
	case e.Code == driver.OutOfMemory:
		return fmt.Errorf("%w: %w", compute.ErrNoMemory, err)
	case e.Fatal():
		return fmt.Errorf("%w: %w", compute.ErrDeviceLost, err)
	}
	return fmt.Errorf("%w: %w", compute.ErrUnsupported, err)
}
