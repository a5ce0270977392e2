package batch

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// flush is the memory of one slot: the queries copied together and the results
// before they are handed out. Callers' memory is not given to the searcher,
// because a caller may leave while the search runs (B1).
type flush struct {
	waiters []*waiter
	masked  []*waiter // of take
	queries []float32
	masks   [][]uint64 // of each query, nil if none has one
	ks      []int      // results that each query wants
	ids     []uint32
	dist    []float32
	k       int                   // most results that any of the queries wants
	req     compute.SearchRequest // here because the interface call would move it to the heap
}

// flushLoop is one slot.
func (b *Batcher) flushLoop() {
	defer b.done.Done()
	f := &flush{
		waiters: make([]*waiter, 0, b.limits.BatchRows),
		queries: make([]float32, 0, b.limits.BatchRows*b.dim),
	}
	for b.take(f) {
		b.answer(f, b.run(f))
	}
}

// take waits for queries and moves up to BatchRows of them into f. It returns
// false once the batcher is closed.
func (b *Batcher) take(f *flush) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.queue.length == 0 && !b.closed {
		b.wake.Wait()
	}
	if b.closed {
		return false
	}
	f.waiters, f.masked, f.queries, f.masks = f.waiters[:0], f.masked[:0], f.queries[:0], f.masks[:0]
	f.ks, f.k = f.ks[:0], 0
	for len(f.waiters)+len(f.masked) < b.limits.BatchRows {
		w := b.queue.pop()
		if w == nil {
			break
		}
		w.state = searching
		f.k = max(f.k, len(w.ids))
		if w.mask != nil {
			f.masked = append(f.masked, w)
		} else {
			f.waiters = append(f.waiters, w)
		}
	}
	plain := len(f.waiters) // queries of one bitmap stand together
	f.waiters = append(f.waiters, f.masked...)
	for i, w := range f.waiters {
		f.queries, f.ks = append(f.queries, w.q...), append(f.ks, len(w.ids))
		if len(f.masked) == 0 {
			continue
		}
		f.masks = append(f.masks, nil)
		if i >= plain {
			f.masks[i] = w.mask.Words
		}
	}
	b.stats.Flushes++
	b.stats.Queries += uint64(len(f.waiters))
	return true
}

// run searches f. Every query gets room for as many results as the one that wants most:
// a backend's selection costs little more for it, and a flush per k would undo
// the batching. Backends that k costs more are told what each wants.
func (b *Batcher) run(f *flush) (err error) {
	n := len(f.waiters) * f.k
	f.ids, f.dist = room(f.ids, n), room(f.dist, n)
	defer func() {
		// A fault in a backend costs the queries of one batch, not the process:
		// here no request's own recovery stands above it.
		if p := recover(); p != nil {
			err = fmt.Errorf("batch: search panicked: %v\n%s", p, debug.Stack())
		}
	}()
	f.req = compute.SearchRequest{Queries: f.queries, K: f.k, Ks: f.ks, IDs: f.ids, Dist: f.dist}
	if len(f.masks) > 0 {
		f.req.Skips = f.masks
	}
	err = b.search.Search(b.ctx, &f.req)
	if err != nil && b.ctx.Err() != nil && errors.Is(err, b.ctx.Err()) {
		return ErrClosed
	}
	return err
}

func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// answer hands each caller its part, or the error.
func (b *Batcher) answer(f *flush, err error) {
	b.claim(f)
	for i, w := range f.waiters {
		if w == nil {
			continue
		}
		w.found, w.err, w.note = 0, err, f.req.Note
		if err == nil {
			at, k := i*f.k, len(w.ids)
			copy(w.ids, f.ids[at:at+k])
			copy(w.dist, f.dist[at:at+k])
			for w.found < k && w.ids[w.found] != compute.NoRow {
				w.found++
			}
		}
		f.waiters[i] = nil
		w.answer <- struct{}{}
	}
}

// claim marks the callers that are still there, so that they wait for their
// answer, and drops those that left.
func (b *Batcher) claim(f *flush) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range f.waiters {
		if w.state == abandoned {
			b.recycle(w)
			f.waiters[i] = nil
			continue
		}
		w.state = answering
	}
}
