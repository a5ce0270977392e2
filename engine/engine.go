package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine/batch"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/resident"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// FsyncMode says when a commit is durable.
type FsyncMode string

const (
	// FsyncAlways replies after the commit is on the disk. The default.
	FsyncAlways FsyncMode = "always"
	// FsyncInterval replies at once and syncs every Options.FsyncInterval: a
	// crash of the machine loses at most that much.
	FsyncInterval FsyncMode = "interval"
	// FsyncOff leaves syncing to the operating system.
	FsyncOff FsyncMode = "off"
)

// Options are the knobs of one process. They may differ from start to start and
// node to node; what belongs to the data is in CollectionConfig.
type Options struct {
	Dir string
	FS  vfs.FS // nil = the operating system's
	// Backends in order of preference: the first that can run an operation does.
	Backends []compute.Backend
	// RequireDevice makes Open fail with ErrDevice when a device among Backends cannot
	// be measured; else such a device is not used.
	RequireDevice bool

	Fsync         FsyncMode     // "" = FsyncAlways
	FsyncInterval time.Duration // 0 = 100 ms

	CacheBytes    int64      // block cache, 0 = 64 MiB
	MemtableBytes uint64     // one memtable, 0 = 16 MiB
	Processors    int        // of the machine, that work is divided among; 0 = GOMAXPROCS
	LinkWorkers   int        // goroutines that link rows, per collection; 0 = Processors
	LinkShare     int        // percent of the time that each works while searches run, 0 = 50
	Fetch         hnsw.Fetch // how far ahead rows are fetched; zero = a table
	MaxPending    int        // rows per collection that may wait for links, 0 = 1,024
	LoadWorkers   int        // collections loaded at once, 0 = Processors

	QueueOps   int // ops waiting to be committed before errs.QueueFull, 0 = 65,536
	QueueBytes int // the same in bytes, 0 = 256 MiB

	// ImageMinRows and ImageFraction say when an image is written: after more
	// than max(ImageMinRows, ImageFraction × rows) ops since the last one.
	ImageMinRows  int     // 0 = 10,000; negative = only at Close and Flush
	ImageFraction float64 // 0 = 0.2

	MinFreeBytes int64 // disk reserve below which writes are refused, 0 = 256 MiB

	// RetainLog, when not nil, is asked before the log is trimmed: entries at
	// and above the returned offset are kept. Called from a background goroutine.
	RetainLog func(upTo uint64) uint64

	Logger   zerolog.Logger
	Observer Observer // nil = nobody; SetObserver installs one later
	Version  string   // of the product, written into the data directory

	courtesy *hnsw.Courtesy // of the graphs of all collections
}

func (o *Options) setDefaults() error {
	if o.Dir == "" {
		return errs.New(errs.Configuration, "data directory is not set")
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	switch o.Fsync {
	case "":
		o.Fsync = FsyncAlways
	case FsyncAlways, FsyncInterval, FsyncOff:
	default:
		return errs.New(errs.Configuration, "fsync %q is not one of always, interval, off", o.Fsync)
	}
	setDefault(&o.FsyncInterval, 100*time.Millisecond)
	setDefault(&o.CacheBytes, 64<<20)
	setDefault(&o.MemtableBytes, 16<<20)
	setDefault(&o.Processors, runtime.GOMAXPROCS(0))
	setDefault(&o.LinkWorkers, o.Processors)
	setDefault(&o.LinkShare, hnsw.DefaultLinkShare)
	setDefault(&o.MaxPending, 1024)
	setDefault(&o.LoadWorkers, o.Processors)
	setDefault(&o.QueueOps, 65536)
	setDefault(&o.QueueBytes, 256<<20)
	setDefault(&o.ImageMinRows, 10000)
	setDefault(&o.ImageFraction, 0.2)
	setDefault(&o.MinFreeBytes, 256<<20)
	o.courtesy = hnsw.NewCourtesy(o.LinkShare, o.Processors)
	return nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Engine owns the collections of one data directory. Every method may be called
// from any goroutine.
type Engine struct {
	opts     Options
	log      zerolog.Logger
	store    *store.Store
	dir      *dataDir
	identity store.Identity
	space    *spaceWatch
	scan     *scanner
	devices  *resident.Pool // nil without a device
	started  time.Time
	observer atomic.Pointer[Observer]

	cat       catalogue
	startPos  store.Position // end of the log at start
	queue     *commitQueue
	applied   atomic.Uint64 // log offset of the last durable commit
	tail      logTail       // the same with epoch and checksum, and who waits for more
	lineage   atomic.Pointer[[]Branch]
	refusing  atomic.Pointer[error] // why clients may not write; nil = they may
	logFirst  atomic.Uint64         // first log entry kept
	trimmedAt uint64                // bytes committed when the log was last trimmed; committer only
	stats     counters
	tails     logTails

	imageGate sync.RWMutex   // guards: image files against removal; a snapshot holds it for reading
	views     sync.WaitGroup // views that are not freed yet

	searchers searchers
	masks     batch.Masks

	closing atomic.Bool
	stop    context.CancelFunc // ends background work
	ctx     context.Context
	bg      sync.WaitGroup

	closeOnce sync.Once
	closeErr  error
}

// Open opens or creates the data directory and returns at once: collections load
// in the background (WaitReady). Errors name what is wrong with the directory.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e := &Engine{opts: o, log: o.Logger, started: time.Now()}
	e.SetObserver(noObserver{})
	if o.Observer != nil {
		e.SetObserver(o.Observer)
	}
	e.ctx, e.stop = context.WithCancel(context.Background())
	if err := e.open(); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

// open acquires the directory, opens the store and starts the goroutines.
func (e *Engine) open() (err error) {
	e.dir, err = openDataDir(e.opts.FS, e.opts.Dir, e.opts.Version)
	if err != nil {
		return err
	}
	if err = e.openStore(); err != nil {
		return errors.Join(err, e.dir.close())
	}
	return nil
}

// openStore opens what the directory holds and starts the goroutines.
func (e *Engine) openStore() (err error) {
	e.scan = newScanner(e.opts.Backends)
	if e.devices, err = resident.New(e.opts.Backends, e.log); err != nil {
		if e.opts.RequireDevice {
			return fmt.Errorf("%w: %w", ErrDevice, err)
		}
		e.log.Warn().Err(err).Msg("the device is not used")
	}
	e.space = newSpaceWatch(e.opts.FS, e.opts.Dir, e.opts.MinFreeBytes, e.log)
	e.store, err = store.Open(store.Options{
		FS: e.space.wrap(e.opts.FS), Dir: e.dir.dbDir(), CacheBytes: e.opts.CacheBytes,
		MemtableBytes: e.opts.MemtableBytes, Logger: e.log,
	})
	if err != nil {
		return err
	}
	if err = e.recover(); err != nil {
		return errors.Join(err, e.store.Close())
	}
	e.startBackground()
	return nil
}

// startBackground starts every goroutine that Close waits for.
func (e *Engine) startBackground() {
	e.queue = newCommitQueue(e.opts.QueueOps, e.opts.QueueBytes)
	e.queue.start(e.startPos)
	e.tail.moved(e.queue.pos)
	e.bg.Go(func() { e.space.run(e.ctx) })
	atStart := e.cat.all()
	e.bg.Go(func() { e.loadLoop(atStart) })
	e.bg.Go(e.commitLoop)
	e.bg.Go(e.imageLoop)
	e.bg.Go(e.tidyLoop)
	if e.opts.Fsync == FsyncInterval {
		e.bg.Go(e.syncLoop)
	}
}

// syncLoop makes commits durable every FsyncInterval.
func (e *Engine) syncLoop() {
	t := time.NewTicker(e.opts.FsyncInterval)
	defer t.Stop()
	last := uint64(0)
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-t.C:
			if at := e.applied.Load(); at != last && e.store.Sync() == nil {
				last = at
				e.stats.fsyncs.Add(1)
			}
		}
	}
}

// Close refuses new work, finishes what was accepted, writes the images of
// collections that changed, and releases the directory. It is idempotent.
func (e *Engine) Close() error {
	e.closeOnce.Do(func() { e.closeErr = e.close() })
	return e.closeErr
}

func (e *Engine) close() error {
	e.closing.Store(true)
	var err error
	if e.store.Failed() == nil && e.space.stalled() == nil && !e.dir.handedOver {
		e.closeImages()
	}
	e.queue.close()
	e.drain()
	if e.store.Failed() == nil {
		err = e.store.Sync()
	}
	e.stop()
	e.space.stop()
	e.bg.Wait()
	// From here on nothing makes a view; the last reader of each closes it.
	for _, c := range e.cat.all() {
		c.unload()
	}
	e.views.Wait()
	if cerr := e.store.Close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	if cerr := e.dir.close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	if err != nil {
		return fmt.Errorf("close engine: %w", err)
	}
	return nil
}

// Ready reports whether no collection is loading.
func (e *Engine) Ready() bool {
	for _, c := range e.cat.all() {
		if c.stateNow() == StateLoading {
			return false
		}
	}
	return !e.closing.Load()
}

// WaitReady returns when no collection is loading, or with ctx's error.
func (e *Engine) WaitReady(ctx context.Context) error {
	for _, c := range e.cat.all() {
		if err := c.awaitLoaded(ctx); err != nil {
			return err
		}
	}
	return nil
}

// SetObserver installs o; events before go to the one before.
func (e *Engine) SetObserver(o Observer) { e.observer.Store(&o) }

func (e *Engine) observe() Observer { return *e.observer.Load() }

// Identity returns the node's and history's ids.
func (e *Engine) Identity() store.Identity { return e.identity }

// Position is the place of the last durable commit.
func (e *Engine) Position() Position {
	return Position{Epoch: e.queue.epoch(), Offset: e.applied.Load()}
}
