package node

import (
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
	waiting int    // bytes reserved
	gen     uint64 // of the engine; entries of an older one are dropped
	busy    bool   // a commit is under way
	spool   *spool // nil = entries are committed
	held    bool   // nothing is taken from the queue
	closed  bool
}

func newApplier(n *Node) *applier {
	a := &applier{n: n, gen: 1}
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

// take waits for the next entries, joined up to applyBytes.
func (a *applier) take() (batch []*replication.Entries, s *spool, gen uint64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for (len(a.queue) == 0 || a.held) && !a.closed {
		a.change.Wait()
	}
	if a.closed {
		return nil, nil, 0, false
	}
	bytes, i := 0, 0
	for i < len(a.queue) && (i == 0 || bytes+len(a.queue[i].Data) <= applyBytes) {
		bytes += len(a.queue[i].Data)
		i++
	}
	batch = a.queue[:i:i]
	a.queue = a.queue[i:]
	a.busy = true
	return batch, a.spool, a.gen, true
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
		batch, s, gen, ok := a.take()
		if !ok {
			return
		}
		if s != nil {
			a.toSpool(s, batch)
		} else {
			a.commit(batch, gen)
		}
		a.done(batch)
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

// commit applies a batch and tells the protocol.
func (a *applier) commit(batch []*replication.Entries, gen uint64) {
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
	tip, diverged, ok := a.applyAll(l.Engine, data, func() bool { return a.generation() == gen })
	if !ok {
		return
	}
	last := batch[len(batch)-1]
	if !diverged {
		a.n.stats.applied(last.TimeUs, tip.Offset, batch)
	}
	a.n.postOf(&replication.Applied{Tip: tip, Diverged: diverged}, gen)
}

// applyAll commits data, again and again while the disk is full: nothing is lost,
// the master is held up.
func (a *applier) applyAll(e *engine.Engine, data []byte, still func() bool) (
	tip replication.Position, diverged, ok bool,
) {
	for {
		_, err := e.ApplyLog(a.n.ctx, data)
		switch {
		case err == nil:
			return position(e.LogPosition()), false, true
		case engine.IsDiverged(err):
			a.n.log.Error().Err(err).Msg("replicated entries do not fit: a full copy follows")
			return replication.Position{}, true, true
		case a.n.ctx.Err() != nil || errs.KindOf(err) == errs.ShuttingDown || !still():
			return replication.Position{}, false, false
		}
		a.n.stats.applyFailed()
		a.n.log.Warn().Err(err).Msg("replicated entries cannot be committed yet")
		a.n.pause(retryPause)
	}
}

func (a *applier) close() { a.restore() }

// spool holds the live stream on the disk while a full copy is on its way.
type spool struct {
	mu    sync.Mutex // guards: everything below
	f     *os.File
	path  string
	limit int64
	size  int64
	read  int64 // up to here each has been
	err   error
}

// newSpool makes a spool in dir that holds at most limit bytes.
func newSpool(dir string, limit int64) (*spool, error) {
	f, err := os.CreateTemp(dir, "spool-*.tmp")
	if err != nil {
		return nil, err
	}
	return &spool{f: f, path: f.Name(), limit: limit}, nil
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
// it until release. It returns the end of what was applied.
func (a *applier) settle(e *engine.Engine) (replication.Position, error) {
	a.mu.Lock()
	s := a.spool
	a.mu.Unlock()
	if s == nil {
		return replication.Position{}, errors.New("the copy was given up")
	}
	apply := func(data []byte) error {
		_, diverged, ok := a.applyAll(e, data, func() bool { return true })
		if diverged || !ok {
			return errors.New("the spooled entries do not fit the copy")
		}
		return nil
	}
	for {
		if err := s.each(apply); err != nil {
			return replication.Position{}, err
		}
		if a.holdIfDone(s) {
			return position(e.LogPosition()), nil
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
