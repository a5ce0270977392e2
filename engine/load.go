package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// load makes c ready, from its image or from its records, or quarantines it.
func (e *Engine) load(c *collection) {
	start := time.Now()
	ev := LoadEvent{Collection: c.name()}
	v, err := e.loadImage(c, &ev)
	if err == nil && v == nil {
		v, err = e.rebuild(c)
	}
	if c.ctx.Err() != nil {
		if v != nil {
			v.release()
		}
		c.endLoading()
		return // closed or dropped meanwhile
	}
	if err == nil {
		ev.Rows = v.graph.Rows()
		c.nextRow = uint32(ev.Rows)
		c.install(v)
	} else {
		c.quarantine(err.Error())
	}
	ev.Took, ev.Err = time.Since(start), err
	e.observe().Loaded(ev)
	e.log.Info().Str("collection", c.name()).Bool("from_image", ev.FromImage).
		Str("rebuilt_because", ev.Reason).Int("rows", ev.Rows).Int("tail_ops", ev.TailOps).
		Dur("took", ev.Took).Err(err).Msg("collection loaded")
}

// loadImage makes a view from c's image and the log after it. Without one that
// can be used it returns nil, and says in ev why if there should have been one.
func (e *Engine) loadImage(c *collection, ev *LoadEvent) (*view, error) {
	im := c.image.Load()
	if im == nil {
		return nil, nil
	}
	v, err := e.openImage(c, im)
	if err != nil {
		e.refuseImage(c, ev, err.Error())
		return nil, nil
	}
	c.setProgress(0.5)
	offsets, reason, err := e.tailOf(c, im.Offset)
	if err == nil && reason == "" {
		r := replayer{e: e, c: c, v: v}
		c.lastOffset.Store(im.Offset)
		if err = r.replay(offsets); errors.Is(err, store.ErrCorrupt) {
			reason, err = err.Error(), nil
		}
		ev.TailOps = r.ops
	}
	if err == nil && reason == "" {
		ev.FromImage = true
		c.tailOps.Store(int64(ev.TailOps))
		return v, nil
	}
	v.release()
	if err != nil {
		return nil, err
	}
	e.refuseImage(c, ev, reason)
	return nil, nil
}

// refuseImage notes that c's image cannot be used.
func (e *Engine) refuseImage(c *collection, ev *LoadEvent, reason string) {
	ev.Reason, ev.TailOps = reason, 0
	c.image.Store(nil)
	c.rebuilt.Store(&reason)
	e.stats.rebuilds.Add(1)
	e.log.Warn().Str("collection", c.name()).Str("reason", reason).
		Msg("index image cannot be used: the index is rebuilt from records")
}

// rebuild makes c's index from its records.
func (e *Engine) rebuild(c *collection) (*view, error) {
	cfg := c.config()
	g, err := newGraph(&e.opts, cfg)
	if err != nil {
		return nil, err
	}
	b := rebuilder{c: c, cfg: cfg, v: c.newView(g, newIDTable(), payload.New(cfg.PayloadIndex))}
	if err := b.run(e); err != nil {
		b.v.release()
		return nil, err
	}
	return b.v, nil
}

// rebuilder fills a view from records.
type rebuilder struct {
	c       *collection
	cfg     *CollectionConfig
	v       *view
	vec     []float32
	scratch []float32
	rows    uint32
	total   int
	done    int
}

func (b *rebuilder) run(e *Engine) (err error) {
	if b.total, err = e.countRecords(b.c.ctx, b.c); err != nil {
		return err
	}
	last := uint64(0)
	err = e.loadRecords(b.c.ctx, b.c, func(id string, rec *store.Record) error {
		last = max(last, rec.Offset)
		b.c.updatedUs.Store(max(b.c.updatedUs.Load(), rec.UpdatedUs))
		return b.add(id, rec)
	})
	if err != nil {
		return err
	}
	b.c.lastOffset.Store(max(last, 1))
	b.c.tailOps.Store(int64(b.done))
	b.v.ids.Publish()
	// Rows that no record holds were freed: the index hands them out again.
	for row := range b.rows {
		if b.v.ids.Get(row) == nil {
			b.v.graph.ReturnFree(row)
		}
	}
	return nil
}

func (b *rebuilder) add(id string, rec *store.Record) error {
	b.vec = store.AppendToFloats(b.vec[:0], rec.Vector)
	norm2, err := checkVector(b.vec, b.cfg)
	if err != nil {
		return store.Corrupt("%v", err)
	}
	if other := b.v.ids.Get(rec.Row); other != nil {
		return store.Corrupt("row %d is %q's too", rec.Row, other)
	}
	if int64(rec.Row) >= maxRows {
		return store.Corrupt("row %d", rec.Row)
	}
	b.v.ids.Set(rec.Row, id)
	b.v.index.Set(rec.Row, rec.Payload)
	b.rows = max(b.rows, rec.Row+1)
	if err := b.v.graph.Put(rec.Row, indexed(&b.scratch, b.vec, norm2, b.cfg)); err != nil {
		return err
	}
	b.done++
	b.c.setProgress(float64(b.done) / float64(max(b.total, 1)))
	return nil
}

// countRecords counts c's records for the progress; it decodes nothing.
func (e *Engine) countRecords(ctx context.Context, c *collection) (n int, err error) {
	lo, hi := store.RecordBounds(c.id)
	it, err := e.store.Iter(lo, hi)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return n, ctx.Err()
		}
	}
	return n, store.IterError(it)
}

// loadRecords calls fn for every record of c.
func (e *Engine) loadRecords(
	ctx context.Context, c *collection, fn func(id string, rec *store.Record) error,
) (err error) {
	lo, hi := store.RecordBounds(c.id)
	it, err := e.store.Iter(lo, hi)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rec, err := store.DecodeRecord(it.Key(), it.Value())
		if err == nil {
			err = fn(stringOf(store.RecordID(it.Key())), &rec)
		}
		if err != nil {
			return fmt.Errorf("record %q: %w", store.RecordID(it.Key()), err)
		}
	}
	return store.IterError(it)
}
