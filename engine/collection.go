package engine

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/batch"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/resident"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// collMeta is a catalogue entry: what is stored under store.CollKey. It is
// immutable; a change stores a new one.
type collMeta struct {
	Config    CollectionConfig `json:"config"`
	CreatedUs int64            `json:"created_us"`
}

// collection is one collection in memory. Its fields are atomics or belong to
// one goroutine; there is no lock on the read path.
type collection struct {
	id uint32
	e  *Engine

	meta   atomic.Pointer[collMeta]
	status atomic.Pointer[collStatus]
	view   atomic.Pointer[view] // nil unless ready
	loaded chan struct{}        // closed when loading ended, well or badly
	ended  sync.Once            // closes loaded
	cancel context.CancelFunc   // ends loading
	ctx    context.Context

	progress   atomic.Uint64 // float64 bits, 0..1
	updatedUs  atomic.Int64  // last committed mutation
	lastOffset atomic.Uint64 // last log entry that changed it
	image      atomic.Pointer[imageManifest]
	imageRetry atomic.Int64           // no image before this time, nanoseconds since 1970
	rebuilt    atomic.Pointer[string] // why the image was not used at start
	tailOps    atomic.Int64           // ops since the image
	shadow     atomic.Pointer[shadow] // graph of a running reindex

	imaging   sync.Mutex    // guards: writing of the image file, one at a time
	swaps     atomic.Uint32 // graphs that a reindex put in place: images of different graphs differ in name
	following turn          // of a replica, to reindex as its master did

	flights flights // portions under way

	// The committer's own.
	nextRow uint32 // rows ever allocated
	dropped bool   // a drop is staged or done
}

// turn lets one at a time.
type turn struct {
	mu sync.Mutex // guards: what is done in turn
}

// collStatus is the state with its reason.
type collStatus struct {
	state  State
	reason string
}

// view is what a ready collection serves from. Searches hold a reference, so
// that a drop or a reindex frees the graph only after the last of them.
type view struct {
	graph graph
	ids   *idTable
	index *payload.Index
	// matches keeps rows that pass filters.
	matches *matchCache
	refs    atomic.Int64 // 1 for the collection, 1 per running request
	free    func()       // called once, when refs reaches 0
	// moves changes when an id begins and ends to move between rows: a search
	// during it may have met neither.
	moves atomic.Uint64

	copy      *resident.Copy // on the device; nil without one
	graphCost resident.GraphCost
	searching atomic.Int64 // searches that graph and device are weighed for, under way
	// Under a filter: what walks took, by distance, and scans of codes, by row.
	walkCost, codeCost resident.GraphCost
	filtering          atomic.Int64 // filtered searches that the device is weighed for, under way

	batchOnce sync.Once      // makes batch
	batch     *batch.Batcher // of exact searches; nil until one needs it
}

// retain takes a reference; false if the view is already gone.
func (v *view) retain() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a reference back.
func (v *view) release() {
	if v.refs.Add(-1) == 0 {
		v.free()
	}
}

func newCollection(e *Engine, id uint32, m *collMeta) *collection {
	c := &collection{id: id, e: e, loaded: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(e.ctx)
	c.meta.Store(m)
	c.status.Store(&collStatus{state: StateLoading})
	c.updatedUs.Store(m.CreatedUs)
	return c
}

func (c *collection) config() *CollectionConfig { return &c.meta.Load().Config }
func (c *collection) name() string              { return c.config().Name }
func (c *collection) stateNow() State           { return c.status.Load().state }
func (c *collection) progressNow() float64      { return math.Float64frombits(c.progress.Load()) }
func (c *collection) setProgress(p float64)     { c.progress.Store(math.Float64bits(p)) }

// acquire returns the view with a reference that the caller releases.
// Errors: errs.NotReady, errs.Quarantined.
func (c *collection) acquire() (*view, error) {
	for {
		v := c.view.Load()
		if v == nil {
			return nil, c.refusal()
		}
		if v.retain() {
			return v, nil
		}
	}
}

// refusal says why the collection does not serve.
func (c *collection) refusal() error {
	s := c.status.Load()
	switch {
	case s.state == StateQuarantined:
		return errQuarantined(c, s.reason)
	case c.e.closing.Load():
		return errShuttingDown()
	default:
		return errNotReady(c)
	}
}

// install makes v the view and the collection ready.
func (c *collection) install(v *view) {
	c.view.Store(v)
	c.setProgress(1)
	c.status.Store(&collStatus{state: StateReady})
	c.endLoading()
}

// newView wraps a graph; closing it happens in the background, because the last
// reference may be a search's.
func (c *collection) newView(g graph, ids *idTable, ix *payload.Index) *view {
	e := c.e
	e.views.Add(1)
	v := &view{graph: g, ids: ids, index: ix, matches: newMatchCache()}
	v.refs.Store(1)
	if e.devices != nil {
		v.copy = e.devices.Copy(viewRows{v}, c.config().Dimension, c.config().Metric)
	}
	v.free = func() {
		go func() { // Close waits for it: e.views
			defer e.views.Done()
			if v.batch != nil {
				_ = v.batch.Close() // nobody waits in it: this was the last user
			}
			if v.copy != nil {
				v.copy.Close()
			}
			if err := g.Close(); err != nil {
				e.log.Warn().Err(err).Str("collection", c.name()).Msg("closing the index failed")
			}
		}()
	}
	return v
}

// quarantine takes the collection out of service for reason. The data stays.
func (c *collection) quarantine(reason string) {
	reason, _, _ = strings.Cut(reason, "\n") // the rest is Pebble's stack trace
	c.status.Store(&collStatus{state: StateQuarantined, reason: reason})
	c.e.log.Error().Str("collection", c.name()).Str("reason", reason).
		Msg("collection is quarantined; run 'vectorizer verify' for a report")
	if v := c.view.Swap(nil); v != nil {
		v.release()
	}
	c.endLoading()
}

// endLoading closes loaded once.
// awaitLoaded returns when c is not loading, or with ctx's error.
func (c *collection) awaitLoaded(ctx context.Context) error {
	select {
	case <-c.loaded:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.e.ctx.Done():
		return errShuttingDown()
	}
}

func (c *collection) endLoading() { c.ended.Do(func() { close(c.loaded) }) }

// unload frees the memory without touching the data.
func (c *collection) unload() {
	c.cancel()
	if v := c.view.Swap(nil); v != nil {
		v.release()
	}
}

// info describes the collection.
func (c *collection) info() CollectionInfo {
	m, s := c.meta.Load(), c.status.Load()
	i := CollectionInfo{
		CollectionConfig: m.Config,
		CreatedAt:        time.UnixMicro(m.CreatedUs).UTC(),
		UpdatedAt:        time.UnixMicro(c.updatedUs.Load()).UTC(),
		State:            s.state,
		Reason:           s.reason,
		Progress:         c.progressNow(),
	}
	lo, hi := store.RecordBounds(c.id)
	i.Memory.DiskRecs = int64(c.e.store.DiskUsage(lo, hi))
	if im := c.image.Load(); im != nil {
		i.Memory.DiskRecs += im.Bytes
	}
	if why := c.rebuilt.Load(); why != nil {
		i.Rebuilt = *why
	}
	v, err := c.acquire()
	if err != nil {
		return i
	}
	defer v.release()
	i.VectorCount = v.ids.Len()
	i.Pending = v.graph.Pending()
	i.Deleted = v.graph.Repair(false)
	mem := v.graph.Memory()
	i.Memory.Vectors, i.Memory.Links, i.Memory.Codes = mem.Vectors, mem.Links, mem.Codes
	i.Memory.Other, i.Memory.Mapped = mem.Other, mem.Mapped
	i.CodeBits = mem.Bits
	i.Memory.IDs = v.ids.Bytes()
	i.Memory.Payload = v.index.MemoryBytes() + v.matches.bytes()
	i.Memory.Resident = mem.Vectors + mem.Links + mem.Codes + mem.Other - mem.Mapped + i.Memory.IDs + i.Memory.Payload
	i.Device = v.deviceInfo()
	return i
}

// score turns an internal distance (smaller is better) into what users see.
func score(m compute.Metric, d float32) (score, distance float32) {
	switch m {
	case compute.L2:
		e := float32(math.Sqrt(float64(max(d, 0))))
		return 1 / (1 + e), e
	case compute.Dot:
		return -d, d
	default:
		return 1 - d, d
	}
}
