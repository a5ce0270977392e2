package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// ApplyLog commits entries that another node's AppendLog made, exactly as that
// node committed them: the same records in the same rows, the same log, one
// atomic batch. They must continue this node's log. On an error nothing of them
// was committed. The engine does not keep entries.
// Errors: errs.Diverged (they do not continue the log, or contradict the
// records), errs.StorageError, errs.StorageFull, errs.ShuttingDown.
func (e *Engine) ApplyLog(ctx context.Context, entries []byte) (Position, error) {
	cmd := &applyCommand{}
	ops := 0
	for rest := entries; len(rest) > 0; {
		val, tail, err := nextEntry(rest)
		if err != nil {
			return Position{}, err
		}
		entry, err := store.DecodeEntry(val)
		if err != nil {
			return Position{}, errs.New(errs.Diverged, "Replicated entry is damaged").Wrap(err)
		}
		cmd.entries = append(cmd.entries, replicated{entry, val})
		ops += max(entry.OpCount, 1)
		rest = tail
	}
	if err := e.writable(len(entries)); err != nil {
		return Position{}, err
	}
	if err := e.awaitLoaded(ctx, cmd.entries); err != nil {
		return Position{}, err
	}
	return e.enqueue(ctx, cmd, len(entries), ops)
}

// awaitLoaded returns when no collection that entries are about is loading: what
// is committed to one that is would be missing from the index it is making.
func (e *Engine) awaitLoaded(ctx context.Context, entries []replicated) error {
	for i := range entries {
		v, ok := e.cat.byID.Load(entries[i].Coll)
		if !ok {
			continue // entries before it create or have dropped it
		}
		if err := v.(*collection).awaitLoaded(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replicated is a log entry with the bytes it was decoded from.
type replicated struct {
	store.Entry
	val []byte
}

// applyCommand stages entries of another node.
type applyCommand struct{ entries []replicated }

// own implements ownCommand.
func (k *applyCommand) own() {}

// stage implements command. A half-staged entry must not be committed, so an
// error spoils the whole group.
func (k *applyCommand) stage(tx *txn) error {
	at := tx.pos
	for i := range k.entries {
		r := &k.entries[i]
		if r.Offset != at.Offset+1 || r.Epoch < at.Epoch || !store.EntryRolls(r.val, at.Rolling) {
			return errs.New(errs.Diverged,
				"Replicated entry %d of epoch %d does not continue the log at %d of epoch %d",
				r.Offset, r.Epoch, at.Offset, at.Epoch)
		}
		at = store.Position{Offset: r.Offset, Epoch: r.Epoch, Rolling: r.Rolling}
	}
	now := tx.nowUs
	defer func() { tx.nowUs = max(now, tx.nowUs) }()
	for i := range k.entries {
		if err := tx.replay(&k.entries[i]); err != nil {
			tx.spoiled = err
			return err
		}
	}
	return nil
}

// replay stages one entry.
func (tx *txn) replay(r *replicated) error {
	tx.pos.Epoch, tx.nowUs = r.Epoch, r.TimeUs
	tx.beginAt(r.Kind, r.Coll) // for what put and remove read of it
	var err error
	switch r.Kind {
	case store.EntryOps:
		err = tx.replayOps(r)
	case store.EntryCreate:
		err = tx.replayCreate(r)
	case store.EntryConfig:
		err = tx.replayConfig(r)
	case store.EntryDrop:
		err = tx.replayDrop(r)
	case store.EntryEpoch:
		var list []Branch
		if err = json.Unmarshal(r.Body, &list); err == nil {
			err = tx.setLineage(list)
		}
	}
	if err != nil {
		return diverged(r, err)
	}
	tx.key = store.AppendLogKey(tx.key[:0], r.Offset)
	if err := tx.batch.Set(tx.key, r.val, nil); err != nil {
		return errStorage(err)
	}
	tx.pos.Offset, tx.pos.Rolling = r.Offset, r.Rolling
	return nil
}

// diverged says that an entry cannot be applied to what is here.
func diverged(r *replicated, err error) error {
	// A damaged record stays damaged however often it is tried: only another copy of
	// the data helps. A disk that fails, or is full, may come back.
	if k := errs.KindOf(err); (k == errs.StorageError || k == errs.StorageFull) && !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	return errs.New(errs.Diverged, "Replicated entry %d contradicts the data here", r.Offset).
		With("offset", r.Offset).Wrap(err)
}

// replayColl finds the collection that r is about.
func (tx *txn) replayColl(r *replicated) (*collection, error) {
	for _, c := range tx.born {
		if c.id == r.Coll && !c.dropped {
			return c, nil
		}
	}
	if c, ok := tx.e.cat.byID.Load(r.Coll); ok && !c.(*collection).dropped {
		return c.(*collection), nil
	}
	return nil, errs.New(errs.Diverged, "Collection number %d is not here", r.Coll)
}

// replayMeta decodes r's catalogue entry.
func replayMeta(r *replicated) (*collMeta, error) {
	m := &collMeta{}
	if err := json.Unmarshal(r.Body, m); err != nil {
		return nil, err
	}
	cfg := m.Config
	if err := cfg.normalise(); err != nil {
		return nil, err
	}
	return m, nil
}

func (tx *txn) replayCreate(r *replicated) error {
	m, err := replayMeta(r)
	if err != nil {
		return err
	}
	e := tx.e
	if _, ok := e.cat.byID.Load(r.Coll); ok || tx.named(m.Config.Name) != nil {
		return errs.New(errs.CollectionExists, "Collection exists already: %s", m.Config.Name)
	}
	c := newCollection(e, r.Coll, m)
	g, err := newGraph(&e.opts, &m.Config)
	if err != nil {
		return err
	}
	if err := store.PutJSON(tx.batch, store.CollKey(c.id), m); err != nil {
		return errStorage(err)
	}
	next := e.cat.next
	e.cat.next = max(e.cat.next, r.Coll+1)
	if err := store.PutNextColl(tx.batch, e.cat.next); err != nil {
		return errStorage(err)
	}
	tx.rename("", c, m.Config.Name)
	tx.born = append(tx.born, c)
	tx.undo = append(tx.undo, func() {
		_ = g.Close()
		e.cat.next = next
	})
	tx.after(func() {
		c.install(c.newView(g, newIDTable(), payload.New(m.Config.PayloadIndex)))
		e.cat.add(c)
	})
	return nil
}

func (tx *txn) replayConfig(r *replicated) error {
	m, err := replayMeta(r)
	if err != nil {
		return err
	}
	c, err := tx.replayColl(r)
	if err != nil {
		return err
	}
	old := c.meta.Load()
	if staged := tx.meta[c]; staged != nil {
		old = staged
	}
	if err := store.PutJSON(tx.batch, store.CollKey(c.id), m); err != nil {
		return errStorage(err)
	}
	tx.meta[c] = m
	if m.Config.Name != old.Config.Name {
		tx.rename(old.Config.Name, c, m.Config.Name)
	}
	tx.after(func() {
		c.meta.Store(m)
		if m.Config.Name != old.Config.Name {
			tx.e.cat.byName.Store(m.Config.Name, c)
			tx.e.cat.byName.CompareAndDelete(old.Config.Name, c)
		}
	})
	if m.Config.HNSW.M != old.Config.HNSW.M || m.Config.HNSW.EfConstruction != old.Config.HNSW.EfConstruction {
		h := m.Config.HNSW
		tx.after(func() { tx.e.bg.Go(func() { tx.e.follow(c, h) }) })
	}
	if q := m.Config.Quantization; q != old.Config.Quantization {
		tx.afterIn(c, func() { c.requantize(q) })
	}
	return nil
}

// follow builds the graph of c with h, as the master did. If an earlier reindex is
// still being followed it comes after that one, unless there is a later one by then.
func (e *Engine) follow(c *collection, h HNSWConfig) {
	c.following.mu.Lock()
	defer c.following.mu.Unlock()
	if now := c.config().HNSW; now.M != h.M || now.EfConstruction != h.EfConstruction || e.ctx.Err() != nil {
		return
	}
	err := e.rebuildGraph(e.ctx, c, h, func(ctx context.Context, v *view, s *shadow) error {
		var swapped bool
		err := e.submitAlways(ctx, funcCommand(func(tx *txn) error {
			tx.afterIn(c, func() { swapped = c.swapIn(v, s) })
			return nil
		}))
		if err == nil && !swapped {
			err = errs.NoCollection(c.name())
		}
		return err
	})
	if err != nil && e.ctx.Err() == nil {
		// The old graph serves on; the next start builds the new one.
		e.log.Warn().Err(err).Str("collection", c.name()).Msg("following a reindex failed")
	}
}

func (tx *txn) replayDrop(r *replicated) error {
	c, err := tx.replayColl(r)
	if err != nil {
		return err
	}
	name := c.name()
	if staged := tx.meta[c]; staged != nil {
		name = staged.Config.Name
	}
	tx.undo = append(tx.undo, func() { c.dropped = false })
	return tx.dropRecords(c, name)
}

// replayOps stages the ops of one entry.
func (tx *txn) replayOps(r *replicated) error {
	c, err := tx.replayColl(r)
	if err != nil {
		return err
	}
	cfg := c.config()
	if staged := tx.meta[c]; staged != nil {
		cfg = &staged.Config
	}
	floats := make([]float32, 0, 2*r.OpCount*cfg.Dimension)
	r.Ops(func(op *store.EntryOp) bool {
		if op.Deleted {
			err = tx.remove(c, string(op.ID), op.Row)
			return err == nil
		}
		floats, err = tx.replayOp(c, cfg, op, floats)
		return err == nil
	})
	return err
}

// replayOp stages one upsert or update. It appends the vector as indexed to
// floats and returns that.
func (tx *txn) replayOp(
	c *collection, cfg *CollectionConfig, op *store.EntryOp, floats []float32,
) ([]float32, error) {
	id := string(op.ID)
	if int64(op.Row) >= maxRows {
		return floats, errMalformed("row %d", op.Row)
	}
	rec := store.Record{Row: op.Row, CreatedUs: tx.nowUs, Vector: op.Vector, Payload: op.Payload}
	if op.Prev != store.NoRow {
		old, present, err := tx.lookup(c, id)
		if err == nil && (!present || old.Row != op.Prev) {
			err = errs.NoVector(id)
		}
		if err != nil {
			return floats, err
		}
		rec.CreatedUs = old.CreatedUs
		if !op.HasVector {
			rec.Vector = old.Vector
		}
		if !op.HasPayload {
			// The old record's memory goes before the payload is indexed.
			rec.Payload = bytes.Clone(old.Payload)
		}
	}
	var vec []float32
	if op.HasVector {
		at := len(floats)
		floats = store.AppendToFloats(floats, op.Vector)
		norm2, err := checkVector(floats[at:], cfg)
		if err != nil {
			return floats, err
		}
		raw := floats[at:len(floats):len(floats)]
		if vec = raw; cfg.Metric == compute.Cosine {
			at = len(floats)
			floats = unit(floats, raw, norm2)
			vec = floats[at:len(floats):len(floats)]
		}
	}
	c.nextRow = max(c.nextRow, op.Row+1)
	return floats, tx.put(c, id, rec, op, vec)
}

// IsDiverged reports whether err says that a replica cannot follow its master's
// log and needs a full copy.
func IsDiverged(err error) bool { return errors.Is(err, errs.Of(errs.Diverged)) }
