package hnsw

import (
	"fmt"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/slab"
)

// reserveFactor is how much more than is needed is reserved at a move. Address
// space is free, a move copies everything: an index moves at about 4 MiB, 256
// MiB, 16 GiB and 1 TiB, and all reservations stay under 64 times what is used.
const reserveFactor = 64

// smallBytes is the size up to which memory is ordinary Go memory that doubles.
const smallBytes = 2 << 20

// ensure makes row exist: its bytes are committed, its links empty. Only the
// writer calls it.
// Errors: index.ErrFull.
func (x *Index) ensure(row uint32) (*memory, error) {
	m := x.mem.Load()
	rows := int(m.rows.Load())
	if int(row) < rows {
		return m, nil
	}
	if row >= MaxRows {
		return nil, fmt.Errorf("%w: row %d, at most %d", index.ErrFull, row, MaxRows)
	}
	need := int(row) + 1
	upper := x.upperBlocks
	for r := rows; r < need; r++ {
		upper += x.lv.of(uint32(r))
	}
	if need > m.capRows || upper > m.capUpper {
		var err error
		if m, err = x.move(m, need, upper); err != nil {
			return nil, full(err)
		}
	}
	m.extent.Lock()
	defer m.extent.Unlock()
	if err := m.commit(need, upper); err != nil {
		return nil, full(err)
	}
	if c := m.codes.Load(); c != nil {
		if err := c.commit(need); err != nil {
			return nil, full(err)
		}
	}
	for r := rows; r < need; r++ {
		x.initRow(m, uint32(r))
	}
	m.rows.Store(uint32(need))
	return m, nil
}

// initRow gives a row that nobody knows yet empty lists and a level.
func (x *Index) initRow(m *memory, row uint32) {
	g := &m.groups[row>>6]
	if row&63 == 0 {
		// Who is led here by a list that the race detector does not see being read
		// (seen.markAll) reads it beside this.
		atomic.StoreUint32(&g.base, uint32(x.upperBlocks))
	}
	fill(m.links0(row))
	level := x.lv.of(row)
	if level == 0 {
		return
	}
	// The groups of rows that exist are read beside this, the bits of rows that
	// do not exist are not looked at.
	atomic.StoreUint64(&g.upper, g.upper|1<<(row&63))
	for l := 1; l <= level; l++ {
		fill(m.links(&x.lv, row, l))
	}
	x.upperBlocks += level
}

func fill(list []uint32) {
	for i := range list {
		list[i] = NoRow
	}
}

// move makes a larger memory the current one: see H5.
// Errors: slab.ErrNoMemory.
func (x *Index) move(old *memory, rows, upper int) (*memory, error) {
	next, err := newMemoryFor(old.shape, rows, upper)
	if err != nil {
		return nil, err
	}
	// Everybody who changes links holds jobs for reading: from here to the end
	// the old memory stands still.
	x.jobs.Lock()
	defer x.jobs.Unlock()
	used := int(old.rows.Load())
	if err := next.commit(used, x.upperBlocks); err != nil {
		next.release()
		return nil, err
	}
	if c := old.codes.Load(); c != nil {
		grown, err := c.grown(used, next.capRows)
		if err != nil {
			next.release()
			return nil, err
		}
		next.codes.Store(grown)
	}
	next.copyRows(old, used, x.upperBlocks)
	next.rows.Store(uint32(used))
	x.mem.Store(next)
	if x.exported.Load() {
		x.retired = append(x.retired, old)
	}
	return next, nil
}

// newMemoryFor reserves memory for rows rows and the given number of upper
// blocks, with room to grow. When the system refuses much room it asks for less.
// Errors: slab.ErrNoMemory.
func newMemoryFor(s shape, rows, upper int) (*memory, error) {
	factor := reserveFactor
	if s.bytesPerRow()*rows*2 < smallBytes || !slab.Elastic {
		factor = 2
	}
	for ; ; factor /= 2 {
		capRows := min(max(rows*max(factor, 1), 8), MaxRows)
		for capRows < MaxRows && s.upperBlocksFor(capRows) < upper {
			capRows = min(capRows+capRows/4+1, MaxRows)
		}
		m, err := newMemory(s, capRows)
		if err == nil {
			return m, nil
		}
		if factor <= 1 {
			return nil, err
		}
	}
}
