// Package batch turns many concurrent small searches into few large ones.
//
// There is no timer. A batch starts when one of Limits.Inflight slots is free,
// and whatever queued while the slots were busy is the next batch: an idle
// server adds no waiting and a busy one fills its batches by itself.
//
// Invariants:
//
//	B1: the memory of a caller whose Submit has returned is not touched. A caller
//	    that gives up leaves; its query's results are thrown away.
//	B2: every Submit that queued a query gets exactly one answer: the results, the
//	    searcher's error, its own context's error, or ErrClosed.
//	B3: at most Limits.QueueRows queries wait, and at most
//	    Inflight × BatchRows are being searched.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

var (
	// ErrOverloaded says that Limits.QueueRows queries wait already. Nothing was
	// queued; the caller tells its client to come back later.
	ErrOverloaded = errors.New("batch: overloaded")
	// ErrClosed says that the batcher was closed before the query was searched.
	ErrClosed = errors.New("batch: closed")
)

// Searcher is what a batch is sent to: one compute.Matrix on a backend, or the
// rows of a collection with the bitmap of rows to leave out. It fills req.IDs
// and req.Dist as compute.Backend.Search does and may add req.Skip. It is called
// from up to Limits.Inflight goroutines at once and must not keep req's slices.
type Searcher interface {
	Search(ctx context.Context, req *compute.SearchRequest) error
}

// Limits bound a batcher. Every field is required and must be > 0.
type Limits struct {
	BatchRows int // most queries in one flush
	QueueRows int // most queries waiting; above it Submit fails at once
	Inflight  int // flushes running at once
}

// Stats counts what a batcher has done since it was made.
type Stats struct {
	Flushes   uint64 // searches run
	Queries   uint64 // queries in them
	Refused   uint64 // queries refused with ErrOverloaded
	Abandoned uint64 // queries whose caller gave up before the answer
	Waiting   int    // queries queued now
}

// Batcher groups queries for one Searcher. Its methods may be called from any
// goroutine.
type Batcher struct {
	search Searcher
	dim    int
	limits Limits
	ctx    context.Context // ends when Close gives up on running searches
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex // guards: everything below, and every waiter's state
	wake   sync.Cond  // a query was queued, or the batcher was closed
	queue  waitList
	free   *waiter // unused waiters, linked by next
	closed bool
	stats  Stats
}

// New starts a batcher for queries of dim components. It panics for a limit that
// is not positive.
func New(s Searcher, dim int, l Limits) *Batcher {
	if dim < 1 || l.BatchRows < 1 || l.QueueRows < 1 || l.Inflight < 1 {
		panic(fmt.Sprintf("BUG: batch: dim %d, limits %+v", dim, l))
	}
	b := &Batcher{search: s, dim: dim, limits: l}
	b.wake.L = &b.mu
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for range l.Inflight {
		b.done.Add(1)
		go b.flushLoop()
	}
	return b
}

// Submit searches q (len = dim) and fills ids and dist, whose equal length is
// the number of results wanted, at most compute.MaxK. It returns how many were
// found; the rest holds NoRow at +Inf. q must stay unchanged until it returns.
// Errors: ErrOverloaded, ErrClosed, ctx.Err(), or the searcher's for the batch;
// after an error ids and dist hold nothing of use.
func (b *Batcher) Submit(ctx context.Context, q []float32, ids []uint32, dist []float32) (int, error) {
	n, _, err := b.SubmitNoted(ctx, q, nil, ids, dist)
	return n, err
}

// SubmitNoted is Submit of a query that leaves the rows of mask out, where that is not
// nil; it also returns what the searcher noted for the batch.
func (b *Batcher) SubmitNoted(
	ctx context.Context, q []float32, mask *Mask, ids []uint32, dist []float32,
) (int, compute.Note, error) {
	if len(q) != b.dim || len(ids) != len(dist) || len(ids) > compute.MaxK {
		panic(fmt.Sprintf("BUG: batch: query of %d components (want %d), %d ids, %d distances",
			len(q), b.dim, len(ids), len(dist)))
	}
	if err := ctx.Err(); err != nil || len(ids) == 0 {
		return 0, compute.Note{}, err
	}
	w, err := b.enqueue(q, mask, ids, dist)
	if err != nil {
		return 0, compute.Note{}, err
	}
	select {
	case <-w.answer:
	case <-ctx.Done():
		if b.abandon(w) {
			return 0, compute.Note{}, ctx.Err()
		}
		<-w.answer // the answer is being written to ids and dist
	}
	n, note, err := w.found, w.note, w.err
	b.mu.Lock()
	b.recycle(w)
	b.mu.Unlock()
	return n, note, err
}

// enqueue queues one query.
func (b *Batcher) enqueue(q []float32, mask *Mask, ids []uint32, dist []float32) (*waiter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	if b.queue.length >= b.limits.QueueRows {
		b.stats.Refused++
		return nil, ErrOverloaded
	}
	w := b.free
	if w == nil {
		w = &waiter{answer: make(chan struct{}, 1)}
	} else {
		b.free = w.next
	}
	mask.retain()
	w.q, w.mask, w.ids, w.dist, w.state = q, mask, ids, dist, queued
	b.queue.push(w)
	b.wake.Signal()
	return w, nil
}

// abandon takes the caller's memory away from w and reports whether that was
// still possible: once answering has begun it is not.
func (b *Batcher) abandon(w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch w.state {
	case queued:
		b.queue.remove(w)
		b.recycle(w)
	case searching:
		w.state = abandoned                // the flush recycles it
		w.q, w.ids, w.dist = nil, nil, nil // its mask is the flush's
	default:
		return false
	}
	b.stats.Abandoned++
	return true
}

// recycle keeps w for a later query. The list is as long as the most queries
// that were ever inside at once, which B3 bounds.
func (b *Batcher) recycle(w *waiter) {
	w.mask.Release()
	w.q, w.mask, w.ids, w.dist, w.err, w.found = nil, nil, nil, nil, nil, 0
	w.note = compute.Note{}
	w.state = idle
	w.prev, w.next = nil, b.free
	b.free = w
}

// Stats returns the counts so far.
func (b *Batcher) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Waiting = b.queue.length
	return s
}

// Close refuses new queries, answers waiting ones with ErrClosed, cancels the
// searches that run and waits for them. A second call waits too.
func (b *Batcher) Close() error {
	b.mu.Lock()
	b.closed = true
	for w := b.queue.pop(); w != nil; w = b.queue.pop() {
		w.state, w.err = answering, ErrClosed
		w.answer <- struct{}{}
	}
	b.mu.Unlock()
	b.cancel()
	b.wake.Broadcast()
	b.done.Wait()
	return nil
}
