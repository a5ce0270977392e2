package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// command is one unit of the commit path. stage runs in the committer: it adds
// its effects to tx, or returns why nothing of it ran.
type command interface{ stage(tx *txn) error }

// request is a command on its way through the queue.
type request struct {
	cmd   command
	bytes int
	ops   int
	state atomic.Int32 // see below
	done  chan struct{}
	err   error
	pos   Position
	since time.Time    // queued
	taken time.Time    // by the committer
	waits atomic.Int32 // portions that must be applied before the answer, see group.go
}

// A request is queued until the committer takes it or the caller abandons it;
// whoever changes the state first wins.
const (
	reqQueued int32 = iota
	reqTaken
	reqAbandoned
)

// commitQueue is the bounded queue in front of the committer.
type commitQueue struct {
	ch       chan *request
	ops      atomic.Int64
	bytes    atomic.Int64
	maxOps   int64
	maxBytes int64
	ended    chan struct{} // closed when the committer has finished

	mu     sync.RWMutex // guards: closed, against sends on a closed channel
	closed bool

	pos   store.Position // end of the log; committer only once running
	epo   atomic.Uint64  // pos.Epoch for readers
	retry atomic.Int64   // last group's duration, for Retry-After, nanoseconds

	clients int // requests of the last group and queued at its end; committer only
}

func newCommitQueue(maxOps, maxBytes int) *commitQueue {
	return &commitQueue{
		ch: make(chan *request, min(maxOps, 4096)), maxOps: int64(maxOps),
		maxBytes: int64(maxBytes), ended: make(chan struct{}),
	}
}

// start sets the position that the next entry follows. Epochs start at 1.
func (q *commitQueue) start(pos store.Position) {
	pos.Epoch = max(pos.Epoch, 1)
	q.pos = pos
	q.epo.Store(pos.Epoch)
}

func (q *commitQueue) epoch() uint64 { return q.epo.Load() }

// push queues r. Errors: errs.QueueFull, errs.ShuttingDown.
func (q *commitQueue) push(r *request) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return errShuttingDown()
	}
	ops, bytes := q.ops.Add(int64(r.ops)), q.bytes.Add(int64(r.bytes))
	// A single request above the limits passes an empty queue: limits of a
	// request are the front end's.
	over := (ops > q.maxOps && ops > int64(r.ops)) || (bytes > q.maxBytes && bytes > int64(r.bytes))
	if !over {
		select {
		case q.ch <- r:
			return nil
		default:
		}
	}
	q.ops.Add(-int64(r.ops))
	q.bytes.Add(-int64(r.bytes))
	wait := max(1, int(time.Duration(q.retry.Load()).Seconds()+0.999))
	return errs.New(errs.QueueFull, "Write queue is full (%d operations, %d bytes waiting)",
		ops-int64(r.ops), bytes-int64(r.bytes)).With("retry_after", wait)
}

// pop accounts for a request that was answered or abandoned.
func (q *commitQueue) pop(r *request) {
	q.ops.Add(-int64(r.ops))
	q.bytes.Add(-int64(r.bytes))
}

// poll returns the next request, if one waits.
func (q *commitQueue) poll() (r *request, ok bool) {
	select {
	case r, ok = <-q.ch:
	default:
	}
	return r, ok
}

// wait returns the next request that comes before late.
func (q *commitQueue) wait(late <-chan time.Time) (r *request, ok bool) {
	select {
	case r, ok = <-q.ch:
	case <-late:
	}
	return r, ok
}

// close refuses new requests; the committer finishes the queued ones.
func (q *commitQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.ch)
	}
}

// drain returns when the committer has finished what was queued. If a commit
// waits for disk space, it is given up: its caller was never answered.
func (e *Engine) drain() {
	t := time.NewTicker(spacePoll / 5)
	defer t.Stop()
	for {
		select {
		case <-e.queue.ended:
			return
		case <-t.C:
			if e.space.stalled() != nil {
				e.store.Abandon(errClosedFull)
				e.space.stop()
			}
		}
	}
}

// errClosedFull is the outcome of a commit that waited for space when the engine
// was closed.
var errClosedFull = errors.New("closed while the disk was full")

// submit runs cmd through the committer and waits for its outcome.
func (e *Engine) submit(ctx context.Context, cmd command, bytes, ops int) error {
	_, err := e.submitAt(ctx, cmd, bytes, ops)
	return err
}

// submitAt is submit that also returns the position of the command's last entry.
func (e *Engine) submitAt(ctx context.Context, cmd command, bytes, ops int) (Position, error) {
	if err := e.refused(cmd); err != nil {
		return Position{}, err
	}
	err := e.writable(bytes)
	if f, ok := cmd.(freer); ok && f.frees() && errors.Is(err, errs.Of(errs.StorageFull)) {
		err = e.space.checkFreeing()
	}
	if err != nil {
		return Position{}, err
	}
	return e.enqueue(ctx, cmd, bytes, ops)
}

// freer is a command that may only free space: it runs while the reserve of the
// disk is in use already.
type freer interface{ frees() bool }

// submitAlways is submit for the engine's own commands: they run while it closes.
func (e *Engine) submitAlways(ctx context.Context, cmd command) error {
	_, err := e.enqueue(ctx, cmd, 0, 0)
	return err
}

// enqueue queues cmd and waits for its outcome.
func (e *Engine) enqueue(ctx context.Context, cmd command, bytes, ops int) (Position, error) {
	if ctx.Err() != nil {
		return Position{}, errContext(ctx)
	}
	r := &request{cmd: cmd, bytes: bytes, ops: ops, done: make(chan struct{}), since: time.Now()}
	if err := e.queue.push(r); err != nil {
		e.stats.rejected.Add(1)
		return Position{}, err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(reqQueued, reqAbandoned) {
			return Position{}, errContext(ctx) // nothing ran
		}
		select {
		case <-r.done: // it ended meanwhile
		default:
			if e.space.stalled() == nil {
				<-r.done // a commit takes milliseconds: a certain answer is worth them
			} else {
				return Position{}, errOutcomeUnknown(ctx)
			}
		}
	}
	return r.pos, r.err
}

// writable refuses writes that cannot be made durable.
func (e *Engine) writable(bytes int) error {
	if e.closing.Load() {
		return errShuttingDown()
	}
	if err := e.store.Failed(); err != nil {
		return errStorage(err)
	}
	return e.space.check(bytes)
}
