package hnsw

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/slab"
)

// NoRow ends a link list and marks an empty pending slot.
const NoRow = compute.NoRow

// group is the state of 64 consecutive rows.
type group struct {
	alive  uint64 // atomic; bit set: the row is returned by searches
	linked uint64 // atomic; bit set: the row is part of the graph
	upper  uint64 // bit set: the row's level is above 0; fixed once the row exists
	base   uint32 // atomic; first upper block of the group; fixed once the group exists
	_      uint32
	in     [16]uint32 // atomic; links to each row on layer 0, a byte each: see indegree.go
	stamp  [64]uint32 // atomic; see H4
}

// shape is what the sizes of memory follow from.
type shape struct {
	stride int // floats from one vector to the next, a multiple of 16
	m      int // links of an upper block
	m0     int // links of a layer 0 block
}

func shapeOf(c Config) shape {
	return shape{stride: (c.Dim + 15) &^ 15, m: c.M, m0: 2 * c.M}
}

// memory is everything that readers follow: see H5. The slices cover the whole
// reservations; only what exists below the index's row count may be touched.
type memory struct {
	shape
	capRows  int
	rows     atomic.Uint32 // rows that exist; only the writer changes it
	capUpper int           // upper blocks

	vec    []float32                // stride per row, zero padded
	link   []uint32                 // m0 per row
	upper  []uint32                 // m per upper block
	groups []group                  // one per 64 rows
	codes  atomic.Pointer[codeRows] // nil until there are some

	// extent guards: how many rows exist and are committed, while codes that have to
	// cover them are published.
	extent sync.Mutex

	blocks [4]*slab.Block // of vec, link, upper, groups
}

// upperBlocksFor is how many upper blocks rows need at most, but for a chance
// that is negligible and then only costs an earlier move: the mean is
// rows/(M-1) and the deviation its root.
func (s shape) upperBlocksFor(rows int) int {
	mean := rows / (s.m - 1)
	return mean + mean/4 + 64
}

// groupsFor is how many groups hold rows.
func groupsFor(rows int) int { return (rows + 63) / 64 }

// bytesPerRow is what a row takes on average.
func (s shape) bytesPerRow() int {
	return s.stride*4 + s.m0*4 + int(unsafe.Sizeof(group{}))/64 + s.m*4/(s.m-1)
}

// newMemory reserves memory for capRows rows.
// Errors: slab.ErrNoMemory.
func newMemory(s shape, capRows int) (*memory, error) {
	m := &memory{shape: s, capRows: capRows, capUpper: s.upperBlocksFor(capRows)}
	sizes := [4]int{
		capRows * s.stride * 4,
		capRows * s.m0 * 4,
		m.capUpper * s.m * 4,
		groupsFor(capRows) * int(unsafe.Sizeof(group{})),
	}
	for i, n := range sizes {
		b, err := slab.New(n)
		if err != nil {
			m.release()
			return nil, err
		}
		m.blocks[i] = b
	}
	m.vec = slab.Of[float32](m.blocks[0])
	m.link = slab.Of[uint32](m.blocks[1])
	m.upper = slab.Of[uint32](m.blocks[2])
	m.groups = slab.Of[group](m.blocks[3])
	return m, nil
}

// commit makes the bytes of rows rows and upper blocks usable.
// Errors: slab.ErrNoMemory.
func (m *memory) commit(rows, upper int) error {
	sizes := [4]int{
		rows * m.stride * 4,
		rows * m.m0 * 4,
		upper * m.m * 4,
		groupsFor(rows) * int(unsafe.Sizeof(group{})),
	}
	for i, n := range sizes {
		if err := m.blocks[i].Commit(n); err != nil {
			return err
		}
	}
	return nil
}

// release gives the memory back at once. Nobody may read it any more.
func (m *memory) release() {
	for _, b := range m.blocks {
		if b != nil {
			b.Release()
		}
	}
	if c := m.codes.Load(); c != nil {
		c.block.Release()
	}
}

// copyRows copies the first rows rows and upper blocks of old, which nobody
// changes meanwhile.
func (m *memory) copyRows(old *memory, rows, upper int) {
	copy(m.vec, old.vec[:rows*m.stride])
	copy(m.link, old.link[:rows*m.m0])
	copy(m.upper, old.upper[:upper*m.m])
	copy(m.groups, old.groups[:groupsFor(rows)])
}

// vector returns row's components with their padding.
func (m *memory) vector(row uint32) []float32 {
	i := int(row) * m.stride
	return m.vec[i : i+m.stride : i+m.stride]
}

// links0 returns row's block on layer 0.
func (m *memory) links0(row uint32) []uint32 {
	i := int(row) * m.m0
	return m.link[i : i+m.m0 : i+m.m0]
}

// links returns row's block on level, which must not be above the row's level.
func (m *memory) links(lv *levels, row uint32, level int) []uint32 {
	if level == 0 {
		return m.links0(row)
	}
	g := &m.groups[row>>6]
	block := int(atomic.LoadUint32(&g.base)) + level - 1
	for rest := atomic.LoadUint64(&g.upper) & (1<<(row&63) - 1); rest != 0; rest &= rest - 1 {
		block += lv.of(row&^63 + uint32(bits.TrailingZeros64(rest)))
	}
	i := block * m.m
	return m.upper[i : i+m.m : i+m.m]
}

// hasUpper reports whether row's level is above 0.
func (m *memory) hasUpper(row uint32) bool {
	return atomic.LoadUint64(&m.groups[row>>6].upper)>>(row&63)&1 != 0
}

func (m *memory) isAlive(row uint32) bool {
	return atomic.LoadUint64(&m.groups[row>>6].alive)>>(row&63)&1 != 0
}

func (m *memory) isLinked(row uint32) bool {
	return atomic.LoadUint64(&m.groups[row>>6].linked)>>(row&63)&1 != 0
}

func (m *memory) stamp(row uint32) *uint32 { return &m.groups[row>>6].stamp[row&63] }

// fetchState fetches what collect looks at: whether rows live, and their stamps.
func (m *memory) fetchState(rows []uint32) {
	for _, r := range rows {
		g := &m.groups[r>>6]
		simd.Prefetch(unsafe.Slice(&g.base, 1), 1) // in the line of alive
		simd.Prefetch(g.stamp[r&63:], 1)
	}
}

func setBit(word *uint64, row uint32) {
	atomic.OrUint64(word, 1<<(row&63))
}

func clearBit(word *uint64, row uint32) {
	atomic.AndUint64(word, ^uint64(1<<(row&63)))
}

// full wraps what the system refused as the index's ErrFull.
func full(err error) error { return fmt.Errorf("%w: %w", index.ErrFull, err) }
