package engine

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine/store"
)

// Limits of a group: enough to share an fsync widely, little enough that the
// first of the group does not wait long for the last.
const (
	groupOpsMax   = 4096
	groupBytesMax = 4 << 20
	// smallWrite is the number of ops of a request up to which somebody waits for the
	// answer; more are an import, which waits for throughput.
	smallWrite = 8
)

// commitLoop is the committer: the only goroutine that changes the store.
func (e *Engine) commitLoop() {
	defer close(e.queue.ended)
	var reqs []*request
	tx := &txn{e: e}
	for {
		first, ok := <-e.queue.ch
		if !ok {
			return
		}
		reqs = e.gather(append(reqs[:0], first))
		e.commitGroup(tx, reqs)
		clear(reqs)
	}
}

// gather adds what else is waiting. Clients whose last write was just answered
// send the next at once, so it waits until as many requests are in as there are
// clients (those of the last group and those that queued beside it), but for no
// longer than a quarter of what that group took. A lone client never waits; 32
// clients share a commit instead of falling into two halves that wait for each
// other. It sleeps meanwhile: the scheduler looks for input only when a processor
// has nothing else to do, and a committer that yields in a loop is something else.
// 32 clients, fsync of 2.2 ms, two cores: 16 requests a group and 4,400 a second
// by yielding, 27 and 5,700 by sleeping.
func (e *Engine) gather(reqs []*request) []*request {
	q := e.queue
	ops, bytes := reqs[0].ops, reqs[0].bytes
	var late <-chan time.Time // nil until the queue was empty
	for ops < groupOpsMax && bytes < groupBytesMax {
		r, ok := q.poll()
		if !ok && len(reqs) < q.clients {
			if late == nil {
				late = time.After(time.Duration(q.retry.Load()) / 4)
			}
			r, ok = q.wait(late)
		}
		if !ok {
			break
		}
		reqs = append(reqs, r)
		ops += r.ops
		bytes += r.bytes
	}
	if ops <= len(reqs)*smallWrite {
		e.opts.courtesy.Writing()
	}
	return reqs
}

// commitGroup stages and commits reqs, and has them applied and answered.
func (e *Engine) commitGroup(tx *txn, reqs []*request) {
	start := time.Now()
	tx.reset()
	defer tx.release()
	taken := reqs[:0]
	for _, r := range reqs {
		if !r.state.CompareAndSwap(reqQueued, reqTaken) {
			e.queue.pop(r)
			continue
		}
		taken = append(taken, r)
		r.taken = start
		r.waits.Store(1) // this function's own
		if r.err = e.store.Failed(); r.err != nil {
			r.err = errStorage(r.err)
			continue
		}
		if r.err = e.refused(r.cmd); r.err != nil {
			continue
		}
		tx.staging = r
		r.err = r.cmd.stage(tx)
		r.pos = Position{Epoch: tx.pos.Epoch, Offset: tx.pos.Offset}
	}
	tx.staging = nil
	if err := e.commit(tx); err != nil {
		for _, r := range taken {
			if r.err == nil {
				r.err = errStorage(err)
			}
		}
	}
	e.queue.retry.Store(int64(time.Since(start)))
	e.queue.clients = len(taken) + len(e.queue.ch)
	for _, r := range taken {
		e.settled(r)
	}
}

// settled answers r when nothing more of it is under way.
func (e *Engine) settled(r *request) {
	if r.waits.Add(-1) > 0 {
		return
	}
	e.queue.pop(r)
	e.observe().Commit(CommitEvent{
		Ops: r.ops, Bytes: r.bytes, Wait: r.taken.Sub(r.since), Took: time.Since(r.taken), Err: r.err,
	})
	close(r.done)
}

// commit makes tx durable and has its portions applied.
func (e *Engine) commit(tx *txn) error {
	for _, p := range tx.parts {
		p.c.flights.add(p)
	}
	if err := e.commitBatch(tx); err != nil {
		for _, fn := range tx.undo {
			fn()
		}
		for _, p := range tx.parts {
			p.finish(e)
		}
		return err
	}
	for _, p := range tx.parts {
		if len(p.effects) > 0 {
			p.c.lastOffset.Store(tx.pos.Offset)
		}
	}
	e.applied.Store(tx.pos.Offset)
	e.tail.moved(tx.pos)
	for _, fn := range tx.inline {
		fn()
	}
	for _, p := range tx.parts {
		p.dispatch(e)
	}
	return nil
}

// commitBatch writes the batch, synced if the mode says so.
func (e *Engine) commitBatch(tx *txn) error {
	if tx.spoiled != nil {
		return tx.spoiled
	}
	if tx.empty() {
		return nil
	}
	if err := store.PutPosition(tx.batch, tx.pos); err != nil {
		return err
	}
	size := tx.batch.Len()
	start := time.Now()
	sync := e.opts.Fsync == FsyncAlways
	if err := e.store.Commit(tx.batch, sync); err != nil {
		return err
	}
	e.stats.commit(tx.ops, size, time.Since(start), sync)
	e.space.wrote(size)
	e.queue.pos = tx.pos
	e.queue.epo.Store(tx.pos.Epoch)
	return nil
}
