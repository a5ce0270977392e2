package hnsw

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// jobState is how far the link job of a pending slot is.
type jobState uint8

const (
	queued  jobState = iota + 1
	running          // a linker works on it
	again            // the row changed while a linker worked on it
)

// work keeps the rows that wait: for a linker, for repair, for a new use.
//
// Every pending row has a slot. Searches read the slots without the lock (H3);
// everything else is under it.
type work struct {
	slots []uint32      // atomic; the pending rows, NoRow where there is none
	high  atomic.Uint32 // slots from here on were never used
	count atomic.Int32  // pending rows
	dead  atomic.Int32  // dead rows

	mu     sync.Mutex // guards what follows, and changes of what is above
	change sync.Cond  // something below changed

	slotOf    map[uint32]uint32 // pending row → slot
	changed   []bool            // of each slot: the row's vector is new
	state     []jobState        // of each slot
	freeSlots []uint32
	queue     []uint32 // slots that wait for a linker, oldest first from head
	head      int

	deadRows  bitset // dead rows
	repairing bitset // those of them that a running repair pass takes out
	freeRows  bitset // rows that TakeFree may hand out
	free      int    // bits set in freeRows
	// moved holds the links that rows had before they were linked again, since the
	// last repair pass began; movers is how many rows that are, away holds those of them
	// that left all of these behind.
	moved  map[uint64][]uint32 // by listKey
	movers int
	away   bitset

	linkers  int  // goroutines that link
	repairer bool // a repair pass runs or is about to
	draining int  // Wait calls that run: repair everything
	tidying  bool // the next pass is due if one row is dead
	closed   bool
	training bool // codes are being made
	refused  int  // live rows when codes were not faithful, or had no memory; 0 = never
}

func (w *work) init(maxPending int) {
	w.change.L = &w.mu
	w.slots = make([]uint32, maxPending)
	fill(w.slots)
	w.state = make([]jobState, maxPending)
	w.changed = make([]bool, maxPending)
	w.slotOf = make(map[uint32]uint32)
	w.moved = make(map[uint64][]uint32)
	w.freeSlots = make([]uint32, 0, maxPending)
	for i := maxPending - 1; i >= 0; i-- {
		w.freeSlots = append(w.freeSlots, uint32(i))
	}
}

// add makes row pending, or has its running job done again. Its vector is
// written. It blocks while there is no slot. It returns whether one more linker
// should start.
func (w *work) add(row uint32, maxLinkers int) (start bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deadRows.clear(row) {
		w.dead.Add(-1)
		w.repairing.clear(row)
	}
	if w.freeRows.clear(row) {
		w.free--
	}
	return w.enqueue(row, true, maxLinkers)
}

// addAgain makes a row pending that is part of the graph and did not change.
func (w *work) addAgain(row uint32, maxLinkers int) (start bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.enqueue(row, false, maxLinkers)
}

// enqueue gives row a slot if it has none.
func (w *work) enqueue(row uint32, changed bool, maxLinkers int) (start bool) {
	slot, ok := w.slotOf[row]
	for !ok && len(w.freeSlots) == 0 && !w.closed {
		w.change.Wait()
		slot, ok = w.slotOf[row]
	}
	switch {
	case w.closed:
		return false
	case ok:
		if w.state[slot] == running {
			w.state[slot] = again
		}
		w.changed[slot] = w.changed[slot] || changed
		return false
	}
	last := len(w.freeSlots) - 1
	slot = w.freeSlots[last]
	w.freeSlots = w.freeSlots[:last]
	w.slotOf[row] = slot
	w.changed[slot] = changed
	w.count.Add(1)
	atomic.StoreUint32(&w.slots[slot], row)
	if slot >= w.high.Load() {
		w.high.Store(slot + 1)
	}
	w.push(slot)
	if w.linkers >= maxLinkers {
		return false
	}
	w.linkers++
	return true
}

// push queues slot for a linker.
func (w *work) push(slot uint32) {
	w.state[slot] = queued
	if w.head > 64 && w.head > len(w.queue)/2 {
		w.queue = append(w.queue[:0], w.queue[w.head:]...)
		w.head = 0
	}
	w.queue = append(w.queue, slot)
}

// take gives a linker its next row and whether its vector is new. Without one, or
// when fewer may link now, the linker ends: it is no longer counted.
func (w *work) take(x *Index) (row uint32, changed, ok bool) {
	may := x.linkers()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.head < len(w.queue) && !w.closed && w.linkers <= may {
		slot := w.queue[w.head]
		w.head++
		row := atomic.LoadUint32(&w.slots[slot])
		if x.mem.Load().isAlive(row) {
			w.state[slot] = running
			changed, w.changed[slot] = w.changed[slot], false
			return row, changed, true
		}
		w.settle(x, row, slot) // deleted before it was linked
	}
	w.linkers--
	w.change.Broadcast()
	return 0, false, false
}

// done ends the job of row. It reports whether a repair pass is due: while rows keep
// coming in, nothing else would ask.
func (w *work) done(x *Index, row uint32) (due bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slot := w.slotOf[row]
	if w.state[slot] == again {
		w.push(slot)
		return false
	}
	w.settle(x, row, slot)
	return !w.repairer && w.due(x.Rows())
}

// settle gives the slot back. A row that was deleted meanwhile becomes dead or,
// when it is in no list, free.
func (w *work) settle(x *Index, row, slot uint32) {
	delete(w.slotOf, row)
	atomic.StoreUint32(&w.slots[slot], NoRow)
	w.freeSlots = append(w.freeSlots, slot)
	w.count.Add(-1)
	w.change.Broadcast()
	if !x.mem.Load().isAlive(row) {
		w.classify(x, row)
	}
}

// noteMove keeps the links that a row had on a level before it was linked again; away
// says that none of them is near it now.
func (w *work) noteMove(row uint32, level int, old []uint32, away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := listKey(row, level)
	if level == 0 && w.moved[key] == nil {
		w.movers++
	}
	w.moved[key] = append(w.moved[key], old...)
	if away && level == 0 {
		w.away.set(row)
	}
}

func listKey(row uint32, level int) uint64 { return uint64(level)<<32 | uint64(row) }

// release makes row free.
func (w *work) release(row uint32) {
	if w.freeRows.set(row) {
		w.free++
	}
}

// drop notes that a row that was alive was deleted. If it has a slot, the end of
// its job will see to it.
func (w *work) drop(x *Index, row uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.slotOf[row]; !ok {
		w.classify(x, row)
	}
}

// sortOut is classify for an index that is being opened.
func (w *work) sortOut(x *Index, row uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.classify(x, row)
}

// classify sorts a row that is neither pending nor alive.
func (w *work) classify(x *Index, row uint32) {
	if x.mem.Load().isLinked(row) {
		if w.deadRows.set(row) {
			w.dead.Add(1)
		}
		return
	}
	w.release(row)
}

// takeFree hands out the lowest free row.
func (w *work) takeFree() (uint32, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free == 0 {
		return 0, false
	}
	row, _ := w.freeRows.first()
	w.freeRows.clear(row)
	w.free--
	return row, true
}

// bitset is a set of rows that grows as needed.
type bitset struct {
	words []uint64
	low   int // words before this one are zero
}

// set adds row and reports whether it was not there.
func (b *bitset) set(row uint32) bool {
	i := int(row >> 6)
	if i >= len(b.words) {
		b.words = append(b.words, make([]uint64, i+1-len(b.words))...)
	}
	old := b.words[i]
	b.words[i] = old | 1<<(row&63)
	b.low = min(b.low, i)
	return b.words[i] != old
}

// clear removes row and reports whether it was there.
func (b *bitset) clear(row uint32) bool {
	i := int(row >> 6)
	if i >= len(b.words) {
		return false
	}
	old := b.words[i]
	b.words[i] = old &^ (1 << (row & 63))
	return b.words[i] != old
}

// has reports whether row is in the set.
func (b *bitset) has(row uint32) bool {
	i := int(row >> 6)
	return i < len(b.words) && b.words[i]>>(row&63)&1 != 0
}

// first returns the lowest row of the set.
func (b *bitset) first() (uint32, bool) {
	for ; b.low < len(b.words); b.low++ {
		if w := b.words[b.low]; w != 0 {
			return uint32(b.low<<6 + bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}
