package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

const (
	applyBytes   = 4 << 20  // of one commit
	reserveBytes = 64 << 20 // of entries that wait; beyond it connections are not read
	retryPause   = 500 * time.Millisecond
)

// applier commits replicated entries in order. While a full copy is under way it
// writes them to a spool on the disk instead.
type applier struct {
	n *Node

	mu      sync.Mutex // guards: everything below
	change  sync.Cond
	queue   []*replication.Entries
	waiting int             // bytes reserved
	gen     uint64          // of the engine; entries of an older one are dropped
	ctx     context.Context // ends with gen: whoever waits to commit gives up then
	cancel  context.CancelFunc
	busy    bool   // a commit is under way
	spool   *spool // nil = entries are committed
	held    bool   // nothing is taken from the queue
	closed  bool
}

func newApplier(n *Node) *applier {
	a := &applier{n: n, gen: 1}
	a.ctx, a.cancel = context.WithCancel(n.ctx)
	a.change.L = &a.mu
	return a
}

func (a *applier) generation() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gen
}

// reserve waits for room for bytes; false at the end.
func (a *applier) reserve(bytes int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.waiting > 0 && a.waiting+bytes > reserveBytes && !a.closed {
		a.change.Wait()
	}
	a.waiting += bytes
	return !a.closed
}

// unreserve gives back room whose entries the protocol refused.
func (a *applier) unreserve(bytes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting -= bytes
	a.change.Broadcast()
}

// push queues entries whose room was reserved.
func (a *applier) push(e *replication.Entries) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = append(a.queue, e)
	a.change.Broadcast()
}

// wake ends every wait.
func (a *applier) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.change.Broadcast()
}

// divert drops what waits and spools what comes from now on. When it returns
// nothing is being committed.
func (a *applier) divert(s *spool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
	a.spool = s
	for a.busy {
		a.change.Wait()
	}
}

// drop forgets what waits; outcomes of what is under way do not count any more.
func (a *applier) drop() {
	for _, e := range a.queue {
		a.waiting -= len(e.Data)
	}
	a.queue = nil
	a.gen++
	a.cancel()
	a.ctx, a.cancel = context.WithCancel(a.n.ctx)
	a.change.Broadcast()
}

// restore commits again; a spool is removed.
func (a *applier) restore() {
	a.mu.Lock()
	s := a.spool
	a.spool, a.held = nil, false
	a.drop()
	a.mu.Unlock()
	if s != nil {
		s.remove()
	}
}

// taken is what the applier works on.
type taken struct {
	batch []*replication.Entries
	spool *spool // where it goes; nil = into the engine
	gen   uint64
	ctx   context.Context // of gen
}

// take waits for the next entries, joined up to applyBytes.
func (a *applier) take() (t taken, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for (len(a.queue) == 0 || a.held) && !a.closed {
		a.change.Wait()
	}
	if a.closed {
		return taken{}, false
	}
	bytes, i := 0, 0
	for i < len(a.queue) && (i == 0 || bytes+len(a.queue[i].Data) <= applyBytes) {
		bytes += len(a.queue[i].Data)
		i++
	}
	t = taken{batch: a.queue[:i:i], spool: a.spool, gen: a.gen, ctx: a.ctx}
	a.queue = a.queue[i:]
	a.busy = true
	return t, true
}

// done gives the room of a batch back.
func (a *applier) done(batch []*replication.Entries) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range batch {
		a.waiting -= len(e.Data)
	}
	a.busy = false
	a.change.Broadcast()
}

// run is the applier's goroutine.
func (a *applier) run() {
	for {
		t, ok := a.take()
		if !ok {
			return
		}
		var outcome *replication.Applied
		if t.spool != nil {
			a.toSpool(t.spool, t.batch)
		} else {
			outcome = a.commit(&t)
		}
		// The protocol may be waiting for the end of this commit (divert) while its
		// queue of events is full: it must have it before it is told.
		a.done(t.batch)
		if outcome != nil {
			a.n.postOf(outcome, t.gen)
		}
	}
}

// toSpool writes a batch to the disk.
func (a *applier) toSpool(s *spool, batch []*replication.Entries) {
	for _, e := range batch {
		if err := s.append(e); err != nil {
			s.fail(err)
		}
	}
}

// commit applies a batch and returns what the protocol must hear of it, if
// anything.
func (a *applier) commit(t *taken) *replication.Applied {
	batch := t.batch
	data := batch[0].Data
	if len(batch) > 1 {
		size := 0
		for _, e := range batch {
			size += len(e.Data)
		}
		data = make([]byte, 0, size)
		for _, e := range batch {
			data = append(data, e.Data...)
		}
	}
	l := a.n.slot.Acquire()
	defer l.Release()
	began := time.Now()
	tip, diverged, ok := a.applyAll(t.ctx, l.Engine, data)
	if !ok {
		return nil
	}
	if tracer := a.n.opts.Tracer; tracer != nil && !diverged {
		now := time.Now()
		engine.EachTrace(data, func(offset uint64, trace engine.TraceContext) {
			tracer.Applied(trace, offset, began, now)
		})
	}
	last := batch[len(batch)-1]
	if !diverged {
		a.n.stats.applied(last.TimeUs, tip.Offset, batch)
	}
	return &replication.Applied{Tip: tip, Diverged: diverged}
}

// applyAll commits data, again and again while the disk is full: nothing is lost,
// the master is held up. It gives up when ctx ends.
func (a *applier) applyAll(ctx context.Context, e *engine.Engine, data []byte) (
	tip replication.Position, diverged, ok bool,
) {
	for {
		_, err := e.ApplyLog(ctx, data)
		switch {
		case err == nil:
			return position(e.LogPosition()), false, true
		case engine.IsDiverged(err):
			a.n.log.Error().Err(err).Msg("replicated entries do not fit: a full copy follows")
			return replication.Position{}, true, true
		case ctx.Err() != nil || errs.KindOf(err) == errs.ShuttingDown:
			return replication.Position{}, false, false
		}
		a.n.stats.applyFailed()
		a.n.log.Warn().Err(err).Msg("replicated entries cannot be committed yet")
		pause(ctx, retryPause)
	}
}

func (a *applier) close() {
	a.restore()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancel()
}

// spool holds the live stream on the disk while a full copy is on its way.
type spool struct {
	mu    sync.Mutex // guards: everything below
	f     *os.File
	path  string
	limit int64
	size  int64
	read  int64 // up to here each has been
	err   error

	checked int64             // size when there was last room for more
	room    func(int64) error // says whether the disk has it
}

// spoolCheck is how much is spooled between two looks at the free space.
const spoolCheck = 16 << 20

// newSpool makes a spool in dir that holds at most limit bytes; room says whether
// the disk has so many more.
func newSpool(dir string, limit int64, room func(int64) error) (*spool, error) {
	f, err := os.CreateTemp(dir, "spool-*.tmp")
	if err != nil {
		return nil, err
	}
	return &spool{f: f, path: f.Name(), limit: limit, room: room}, nil
}

func (s *spool) append(e *replication.Entries) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.size+int64(len(e.Data)) > s.limit {
		return fmt.Errorf("spool of %d bytes is full", s.limit)
	}
	if s.size-s.checked >= spoolCheck {
		if err := s.room(spoolCheck); err != nil {
			return err
		}
		s.checked = s.size
	}
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(e.Data)))
	if _, err := s.f.Write(head[:]); err != nil {
		return err
	}
	_, err := s.f.Write(e.Data)
	s.size += int64(len(e.Data)) + int64(len(head))
	return err
}

func (s *spool) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// each calls fn for what was spooled since the last call, in order.
func (s *spool) each(fn func(data []byte) error) error {
	for {
		data, err := s.next()
		if data == nil || err != nil {
			return err
		}
		if err := fn(data); err != nil {
			return err
		}
	}
}

// next reads one run of entries, nil at the end.
func (s *spool) next() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.read == s.size {
		return nil, s.err
	}
	var head [4]byte
	if _, err := s.f.ReadAt(head[:], s.read); err != nil {
		return nil, err
	}
	data := make([]byte, binary.LittleEndian.Uint32(head[:]))
	if _, err := s.f.ReadAt(data, s.read+int64(len(head))); err != nil {
		return nil, err
	}
	s.read += int64(len(head) + len(data))
	return data, nil
}

func (s *spool) drained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read == s.size && s.err == nil
}

func (s *spool) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, s.f.Close(), os.Remove(s.path), os.ErrClosed)
}

// removeSpools removes what an earlier process left.
func removeSpools(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "spool-*.tmp"))
	for _, n := range names {
		err = errors.Join(err, os.Remove(n))
	}
	return err
}

// settle applies the spool to e, on which the copy is, and holds what comes after
// it until release.
func (a *applier) settle(ctx context.Context, e *engine.Engine) error {
	a.mu.Lock()
	s := a.spool
	a.mu.Unlock()
	if s == nil {
		return errors.New("the copy was given up")
	}
	apply := func(data []byte) error {
		_, diverged, ok := a.applyAll(ctx, e, data)
		if diverged || !ok {
			return errors.New("the spooled entries do not fit the copy")
		}
		return nil
	}
	for {
		if err := s.each(apply); err != nil {
			return err
		}
		if a.holdIfDone(s) {
			return nil
		}
	}
}

// holdIfDone stops the applier if everything spooled was read.
func (a *applier) holdIfDone(s *spool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.busy {
		a.change.Wait()
	}
	if !s.drained() {
		return false
	}
	a.spool, a.held = nil, true
	s.remove()
	return true
}

// release ends what settle holds.
func (a *applier) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = false
	a.change.Broadcast()
}
