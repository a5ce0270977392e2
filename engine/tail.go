package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/store"
)

// logTails finds, for every collection, the log entries after its image. The log
// is read once for all of them, by whoever needs it first.
type logTails struct {
	once    sync.Once
	entries map[uint32][]uint64 // collection -> offsets of its entries, ascending
	bad     map[uint32]string   // collections whose tail cannot be trusted
	all     string              // the same for every collection
	err     error               // reading failed for another reason than damage
}

// tailOf returns the offsets of c's entries after from. A reason says that the
// log is damaged where entries of c may have been: its records are used instead.
func (e *Engine) tailOf(c *collection, from uint64) (offsets []uint64, reason string, err error) {
	t := &e.tails
	t.once.Do(func() { t.err = e.readTails() })
	if t.err != nil {
		return nil, "", t.err
	}
	if t.all != "" {
		return nil, t.all, nil
	}
	if r := t.bad[c.id]; r != "" {
		return nil, r, nil
	}
	all := t.entries[c.id]
	for len(all) > 0 && all[0] <= from {
		all = all[1:]
	}
	return all, "", nil
}

// readTails reads the log from the oldest image on.
func (e *Engine) readTails() error {
	t := &e.tails
	t.entries, t.bad = make(map[uint32][]uint64), make(map[uint32]string)
	from := uint64(math.MaxUint64)
	for _, c := range e.cat.all() {
		if im := c.image.Load(); im != nil {
			from = min(from, im.Offset)
		}
	}
	if from >= e.startPos.Offset {
		return nil
	}
	next := from + 1
	err := e.scanLog(e.ctx, next, e.startPos.Offset, func(off uint64, val []byte) error {
		entry, err := store.DecodeEntry(val)
		if err == nil && (off != next || entry.Offset != off) {
			err = store.Corrupt("log entry %d where %d was expected", off, next)
		}
		if err != nil {
			return err
		}
		next++
		if entry.Kind == store.EntryOps {
			t.entries[entry.Coll] = append(t.entries[entry.Coll], off)
		}
		return nil
	})
	if err == nil && next != e.startPos.Offset+1 {
		err = store.Corrupt("log ends at %d, not at %d", next-1, e.startPos.Offset)
	}
	if errors.Is(err, store.ErrCorrupt) {
		// Which collection the damaged entry was about is not known.
		t.all = fmt.Sprintf("log is damaged: %v", err)
		e.log.Error().Err(err).Msg("the log is damaged: indexes are rebuilt from records")
		return nil
	}
	return err
}

// scanLog calls fn for the entries with offsets in [from, to].
func (e *Engine) scanLog(
	ctx context.Context, from, to uint64, fn func(off uint64, val []byte) error,
) (err error) {
	lo, hi := store.LogBounds(from, to+1)
	it, err := e.store.Iter(lo, hi)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fn(store.LogOffset(it.Key()), it.Value()); err != nil {
			return err
		}
	}
	return store.IterError(it)
}

// replayer applies log entries to an index that is being loaded.
type replayer struct {
	e       *Engine
	c       *collection
	v       *view
	vec     []float32
	scratch []float32
	key     []byte
	ops     int
}

// replay applies the entries at offsets. Every op says what a row is after it, so
// it does not matter how much of it the image has seen.
func (r *replayer) replay(offsets []uint64) error {
	for i, off := range offsets {
		if r.c.ctx.Err() != nil {
			return r.c.ctx.Err()
		}
		if err := r.entry(off); err != nil {
			return fmt.Errorf("log entry %d: %w", off, err)
		}
		r.v.ids.Publish()
		r.c.lastOffset.Store(off)
		r.c.setProgress(0.5 + 0.5*float64(i+1)/float64(len(offsets)))
	}
	return nil
}

func (r *replayer) entry(off uint64) error {
	r.key = store.AppendLogKey(r.key[:0], off)
	val, closer, err := r.e.store.Get(r.key)
	if err != nil {
		return err
	}
	defer closer.Close()
	entry, err := store.DecodeEntry(val)
	if err != nil {
		return err
	}
	entry.Ops(func(op *store.EntryOp) bool {
		err = r.op(op)
		r.ops++
		return err == nil
	})
	r.c.updatedUs.Store(entry.TimeUs)
	return err
}

// op shows one op in memory.
func (r *replayer) op(op *store.EntryOp) error {
	if op.Deleted {
		r.v.remove(op.Row, nil)
		return nil
	}
	f := effect{
		id: string(op.ID), row: op.Row, prev: op.Prev,
		hasPayload: op.HasPayload, payload: op.Payload,
	}
	if f.prev != f.row && !op.HasPayload {
		// The row moved and kept its payload, which the entry does not hold. If
		// the record is elsewhere by now, a later op says so.
		if err := r.keptPayload(&f); err != nil {
			return err
		}
	}
	if op.HasVector {
		r.vec = store.AppendToFloats(r.vec[:0], op.Vector)
		norm2, err := checkVector(r.vec, r.c.config())
		if err != nil {
			return err
		}
		f.vec = indexed(&r.scratch, r.vec, norm2, r.c.config())
	}
	return r.v.upsert(&f, nil)
}

func (r *replayer) keptPayload(f *effect) error {
	key := store.AppendRecordKey(nil, r.c.id, f.id)
	rec, closer, err := r.e.store.GetRecord(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer closer.Close()
	if rec.Row == f.row {
		f.payload = append([]byte(nil), rec.Payload...)
	}
	return nil
}
