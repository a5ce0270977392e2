package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// logTail is the end of the log as readers see it, and how they wait for more.
type logTail struct {
	tip     atomic.Pointer[store.Position] // of the last durable commit
	waiting atomic.Bool                    // somebody waits on wake

	mu   sync.Mutex    // guards: wake
	wake chan struct{} // closed at the next commit; nil = nobody waits
}

// moved publishes pos. Only the committer calls it.
func (t *logTail) moved(pos store.Position) {
	t.tip.Store(&pos)
	if !t.waiting.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting.Store(false)
	if t.wake != nil {
		close(t.wake)
		t.wake = nil
	}
}

// changed returns a channel that is closed at the first commit after the call.
func (t *logTail) changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wake == nil {
		t.wake = make(chan struct{})
	}
	t.waiting.Store(true)
	return t.wake
}

// LogPosition is a place in the log together with the checksum of everything up
// to it: two nodes that agree on it hold the same data.
type LogPosition struct {
	Offset  uint64
	Epoch   uint64
	Rolling uint64
}

// LogPosition returns the end of the log: the last durable commit.
func (e *Engine) LogPosition() LogPosition {
	return LogPosition(*e.tail.tip.Load())
}

// LogFirst is the offset of the first entry that is kept.
func (e *Engine) LogFirst() uint64 { return e.logFirst.Load() }

// LogBytes is the size of everything committed since the engine was opened.
func (e *Engine) LogBytes() uint64 { return e.stats.bytes.Load() }

// WaitLog returns when the log has an entry after offset, or with ctx's error.
func (e *Engine) WaitLog(ctx context.Context, offset uint64) error {
	for {
		wake := e.tail.changed() // before the look, so that no commit is missed
		if e.applied.Load() > offset {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return errContext(ctx)
		case <-e.ctx.Done():
			return errShuttingDown()
		}
	}
}

// WaitApplied returns when reads show every write up to offset, or with ctx's
// error.
func (e *Engine) WaitApplied(ctx context.Context, offset uint64) error {
	if offset == 0 {
		return nil
	}
	if err := e.WaitLog(ctx, offset-1); err != nil {
		return err
	}
	for _, c := range e.cat.all() {
		for _, p := range c.flights.all() {
			if p.before >= offset {
				continue
			}
			select {
			case <-p.done:
			case <-ctx.Done():
				return errContext(ctx)
			}
		}
	}
	return nil
}

// LogSpan describes a run of log entries.
type LogSpan struct {
	First, Last uint64 // offsets; Last < First = no entry
	Epoch       uint64 // of the last entry
	TimeUs      int64  // commit time of the last entry, microseconds since 1970
	Ops         int    // operations in all of them
}

// ErrLogTrimmed says that the log begins after the offset asked for.
var ErrLogTrimmed = errors.New("engine: log entry was trimmed")

// AppendLog appends the entries from offset from on to dst, each behind its
// length as 4 bytes little-endian, until dst has grown by maxBytes or the log
// ends; one entry is always appended if there is one. The engine must stay open
// while it runs. Errors: ErrLogTrimmed, errs.StorageError.
func (e *Engine) AppendLog(dst []byte, from uint64, maxBytes int) ([]byte, LogSpan, error) {
	span := LogSpan{First: from, Last: from - 1}
	last := e.applied.Load()
	if from > last {
		return dst, span, nil
	}
	lo, hi := store.LogBounds(from, last+1)
	it, err := e.store.Iter(lo, hi)
	if err != nil {
		return dst, span, errStorage(err)
	}
	start := len(dst)
	for ok := it.First(); ok && len(dst)-start < maxBytes; ok = it.Next() {
		if store.LogOffset(it.Key()) != span.Last+1 {
			break // trimmed meanwhile
		}
		val := it.Value()
		_, _, ops, err := store.EntryColl(val)
		if err != nil {
			return dst[:start], span, errors.Join(errStorage(err), it.Close())
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(val)))
		dst = append(dst, val...)
		span.Last++
		span.Ops += max(ops, 1)
		span.Epoch, span.TimeUs = store.EntryStamp(val)
	}
	if err := errors.Join(store.IterError(it), it.Close()); err != nil {
		return dst[:start], span, errStorage(err)
	}
	if span.Last < from {
		return dst, span, ErrLogTrimmed
	}
	return dst, span, nil
}

// LogContinues reports whether this log continues what a node at p holds: p is a
// position of it, with the same checksum, and every later entry is still here.
// Errors: ErrLogTrimmed, errs.StorageError.
func (e *Engine) LogContinues(p LogPosition) (bool, error) {
	tip := e.LogPosition()
	switch {
	case p.Offset > tip.Offset:
		return false, nil
	case p.Offset == tip.Offset:
		return p.Rolling == tip.Rolling && p.Epoch == tip.Epoch, nil
	}
	val, closer, err := e.store.Get(store.AppendLogKey(nil, p.Offset+1))
	if errors.Is(err, store.ErrNotFound) {
		return false, ErrLogTrimmed
	}
	if err != nil {
		return false, errStorage(err)
	}
	defer closer.Close()
	return store.EntryRolls(val, p.Rolling), nil
}

// nextEntry splits the first entry off what AppendLog made.
func nextEntry(b []byte) (val, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errMalformed("log entries end in %d bytes", len(b))
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, errMalformed("log entry of %d bytes in %d", n, len(b)-4)
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}

// CountOps is the number of operations in what AppendLog made, at least one for
// each entry.
func CountOps(entries []byte) (n int) {
	for len(entries) > 0 {
		val, rest, err := nextEntry(entries)
		if err != nil {
			return n
		}
		_, _, ops, err := store.EntryColl(val)
		if err != nil {
			return n
		}
		n += max(ops, 1)
		entries = rest
	}
	return n
}

// errMalformed says that what a peer sent is not a list of log entries.
func errMalformed(format string, args ...any) error {
	return errs.New(errs.Diverged, "Replicated entries are malformed: "+format, args...)
}
