package hnsw

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// stampWindow is how far a stamp may lie behind the epoch: see newer.
const stampWindow = 1 << 30

// Put implements index.Graph.
func (x *Index) Put(row uint32, vec []float32) error {
	if len(vec) != x.cfg.Dim {
		panic(fmt.Sprintf("BUG: hnsw: vector of %d components, index of %d", len(vec), x.cfg.Dim))
	}
	m, err := x.ensure(row)
	if err != nil {
		return err
	}
	epoch := x.epoch.Load() + 2
	stamp := m.stamp(row)
	if m.isAlive(row) && slices.Equal(m.vector(row)[:len(vec)], vec) {
		// It is linked, or waits to be, where it belongs.
		atomic.StoreUint32(stamp, uint32(epoch))
		x.setEpoch(m, epoch)
		return nil
	}
	atomic.StoreUint32(stamp, uint32(epoch-1))
	storeVector(m.vector(row), vec)
	atomic.StoreUint32(stamp, uint32(epoch))
	if !m.isAlive(row) {
		setBit(&m.groups[row>>6].alive, row)
		x.live.Add(1)
	}
	x.setEpoch(m, epoch)
	if x.work.add(row, x.linkers()) {
		x.wg.Go(x.linkRows)
	}
	return nil
}

// Delete implements index.Graph.
func (x *Index) Delete(row uint32) {
	m := x.mem.Load()
	if row >= m.rows.Load() || !m.isAlive(row) {
		return
	}
	epoch := x.epoch.Load() + 2
	atomic.StoreUint32(m.stamp(row), uint32(epoch))
	clearBit(&m.groups[row>>6].alive, row)
	x.live.Add(-1)
	x.setEpoch(m, epoch)
	x.work.drop(x, row)
	x.maybeRepair()
}

// setEpoch publishes the epoch after a change. Stamps that would leave the
// window of comparison are moved forward, once per 2^29 changes.
func (x *Index) setEpoch(m *memory, epoch uint64) {
	x.epoch.Store(epoch)
	if epoch%stampWindow != 0 {
		return
	}
	oldest := uint32(epoch) - stampWindow
	for row := range m.rows.Load() {
		if s := m.stamp(row); int32(atomic.LoadUint32(s)-oldest) < 0 {
			atomic.StoreUint32(s, oldest)
		}
	}
}

// storeVector copies vec to a row that searches may be reading. The padding of
// a row is zero from the start. The race detector does not watch: H4 makes the
// race harmless.
//
//go:norace
func storeVector(row, vec []float32) {
	for i, v := range vec { //nolint:staticcheck // copy would tell the race detector
		row[i] = v
	}
}

// linkRows is a linker: it works until no row waits.
func (x *Index) linkRows() {
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	rested := time.Now()
	for {
		row, changed, ok := x.work.take(x)
		if !ok {
			x.maybeRepair()
			return
		}
		x.jobs.RLock()
		x.link(x.mem.Load(), s, row, changed)
		x.jobs.RUnlock()
		if x.work.done(x, row) {
			x.maybeRepair()
		}
		x.maybeTrain()
		// A search that waits for a processor gets it now, not after the
		// scheduler's 10 ms.
		runtime.Gosched()
		rested = x.cfg.Courtesy.rest(rested)
	}
}

// Wait implements index.Graph.
func (x *Index) Wait() {
	w := &x.work
	w.mu.Lock()
	w.draining++
	w.mu.Unlock()
	x.maybeRepair()
	w.mu.Lock()
	for !w.closed && !x.idle() {
		w.change.Wait()
	}
	w.draining--
	w.mu.Unlock()
}

// idle reports whether nothing happens or is due. The caller holds work.mu.
func (x *Index) idle() bool {
	w := &x.work
	return w.count.Load() == 0 && w.dead.Load() == 0 && w.linkers == 0 && !w.repairer &&
		!w.training && !w.trainDue(x) && !w.due(x.Rows())
}
