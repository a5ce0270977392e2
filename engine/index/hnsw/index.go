package hnsw

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// Index is an index.Graph.
type Index struct {
	cfg   Config
	shape shape
	lv    levels

	mem   atomic.Pointer[memory]
	live  atomic.Int64  // rows that are alive
	epoch atomic.Uint64 // grows by two with every Put and Delete
	entry atomic.Uint64 // level<<32 | row where searches start; noEntry without one

	// kind is what codes are wanted, recode that those there are of another kind.
	kind   atomic.Uint32
	recode atomic.Bool

	early   atomic.Uint32 // share by which walks end early, as float32 bits; 0 = never
	learned earlyStats

	exported    atomic.Bool  // somebody outside may hold slices over mem
	retired     []*memory    // old ones of which that is true; the writer's
	upperBlocks int          // upper blocks in use; the writer's
	near        atomic.Int64 // rows that were linked again from where they were

	work    work
	jobs    sync.RWMutex // held for reading by everybody who changes links
	lists   [listLocks]sync.Mutex
	top     sync.Mutex // guards changes of entry
	scratch sync.Pool  // of *scratch
	wg      sync.WaitGroup
}

// listLocks is how many locks the link lists share.
const listLocks = 512

// noEntry is the entry of an empty graph.
const noEntry = ^uint64(0)

var _ index.Graph = (*Index)(nil)

// New makes an empty index.
// Errors: errs.Validation.
func New(cfg Config) (*Index, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	x := newIndex(cfg)
	m, err := newMemory(x.shape, 0)
	if err != nil {
		return nil, full(err)
	}
	x.mem.Store(m)
	return x, nil
}

// newIndex makes an index without memory from a checked Config.
func newIndex(cfg Config) *Index {
	x := &Index{cfg: cfg, shape: shapeOf(cfg), lv: newLevels(cfg.Seed, cfg.M)}
	x.entry.Store(noEntry)
	x.kind.Store(uint32(cfg.Quantization))
	x.work.init(cfg.MaxPending)
	x.scratch.New = x.newScratch
	return x
}

// Config returns what the index was made with, defaults filled in, and the kind of
// codes that is wanted now.
func (x *Index) Config() Config {
	cfg := x.cfg
	cfg.Quantization = x.wanted()
	return cfg
}

// listLock returns the lock of row's lists.
func (x *Index) listLock(row uint32) *sync.Mutex { return &x.lists[row%listLocks] }

// Epoch implements index.Graph.
func (x *Index) Epoch() uint64 { return x.epoch.Load() }

// ChangedSince implements index.Graph.
func (x *Index) ChangedSince(row uint32, epoch uint64) bool {
	m := x.mem.Load()
	return row < m.rows.Load() && newer(atomic.LoadUint32(m.stamp(row)), epoch)
}

// newer reports whether stamp was set after epoch. Stamps are the low half of
// an epoch; Put keeps them within 2^30 of the present.
func newer(stamp uint32, epoch uint64) bool { return int32(stamp-uint32(epoch)) > 0 }

// Rows implements index.Graph.
func (x *Index) Rows() int { return int(x.mem.Load().rows.Load()) }

// Live implements index.Graph.
func (x *Index) Live() int { return int(x.live.Load()) }

// Pending implements index.Graph.
func (x *Index) Pending() int { return int(x.work.count.Load()) }

// Free is the number of rows that TakeFree may hand out.
func (x *Index) Free() int {
	x.work.mu.Lock()
	defer x.work.mu.Unlock()
	return x.work.free
}

// TakeFree hands out a row that was deleted and repaired, the lowest first. The
// caller Puts it, or gives it back with ReturnFree. Only the writer calls it.
func (x *Index) TakeFree() (row uint32, ok bool) { return x.work.takeFree() }

// ReturnFree takes back a row from TakeFree that was not Put.
func (x *Index) ReturnFree(row uint32) {
	x.work.mu.Lock()
	defer x.work.mu.Unlock()
	x.work.release(row)
}

// Alive reports whether row would be returned by a search.
func (x *Index) Alive(row uint32) bool {
	m := x.mem.Load()
	return row < m.rows.Load() && m.isAlive(row)
}

// AliveWords implements index.Graph.
func (x *Index) AliveWords(dst []uint64) []uint64 {
	m := x.mem.Load()
	dst = dst[:0]
	for i := range groupsFor(int(m.rows.Load())) {
		dst = append(dst, atomic.LoadUint64(&m.groups[i].alive))
	}
	return dst
}

// Vector implements index.Graph.
func (x *Index) Vector(row uint32) []float32 {
	x.exported.Store(true)
	return x.mem.Load().vector(row)[:x.cfg.Dim]
}

// HostRows implements index.Graph. The block stays readable until Close even
// when the index moves; it then keeps showing the state before the move.
func (x *Index) HostRows() compute.HostRows {
	x.exported.Store(true)
	m := x.mem.Load()
	return compute.HostRows{
		Rows:   m.vec[:int(m.rows.Load())*m.stride],
		Dim:    x.cfg.Dim,
		Stride: m.stride,
		Metric: x.cfg.Metric,
	}
}

// CodeBits is how many bits of a component the codes have that searches go by, 0
// without codes.
func (x *Index) CodeBits() int {
	if c := x.mem.Load().codes.Load(); c != nil {
		return c.model.Kind().Bits()
	}
	return 0
}

// Memory implements index.Graph.
func (x *Index) Memory() index.Memory {
	m := x.mem.Load()
	rows := int64(m.rows.Load())
	other := int64(groupsFor(int(rows)))*int64(unsafe.Sizeof(group{})) + int64(unsafe.Sizeof(*x)) +
		int64(x.cfg.MaxPending)*16
	coded, width := int64(0), 0
	if c := m.codes.Load(); c != nil {
		coded = rows*int64(c.stride) + c.model.MemoryBytes()
		width = c.model.Kind().Bits()
	}
	return index.Memory{
		Codes:   coded,
		Bits:    width,
		Vectors: rows * int64(m.stride) * 4,
		Links:   (rows*int64(m.m0) + int64(m.upperUsed(&x.lv, int(rows)))*int64(m.m)) * 4,
		Other:   other,
		Mapped:  int64(m.blocks[0].Mapped()),
	}
}

// Close implements index.Graph.
func (x *Index) Close() error {
	x.work.mu.Lock()
	x.work.closed = true
	x.work.change.Broadcast()
	x.work.mu.Unlock()
	x.wg.Wait()
	x.mem.Load().release()
	for _, m := range x.retired {
		m.release()
	}
	return nil
}
