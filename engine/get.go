package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// Get returns the record of id. Errors: errs.CollectionNotFound,
// errs.VectorNotFound, errs.NotReady, errs.Quarantined, errs.StorageError.
func (e *Engine) Get(ctx context.Context, coll, id string, f Fields) (Record, error) {
	c, v, err := e.serving(coll)
	if err != nil {
		return Record{}, err
	}
	defer v.release()
	r, _, ok, err := e.read(ctx, c, id, f)
	switch {
	case err != nil:
		return Record{}, err
	case !ok:
		return Record{}, errs.NoVector(id).With("collection", coll)
	}
	return r, nil
}

// GetMany returns the records of ids in their order; ids that are absent are
// skipped. Errors: as Get, but for errs.VectorNotFound.
func (e *Engine) GetMany(ctx context.Context, coll string, ids []string, f Fields) ([]Record, error) {
	c, v, err := e.serving(coll)
	if err != nil {
		return nil, err
	}
	defer v.release()
	out := make([]Record, 0, len(ids))
	for _, id := range ids {
		if ctx.Err() != nil {
			return nil, errContext(ctx)
		}
		r, _, ok, err := e.read(ctx, c, id, f)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, r)
		}
	}
	return out, nil
}

// serving finds a collection that is ready and takes a reference to its view: as
// long as that is held the store stays open.
func (e *Engine) serving(name string) (*collection, *view, error) {
	c, err := e.cat.find(name)
	if err != nil {
		return nil, nil, err
	}
	v, err := c.acquire()
	if err != nil {
		return nil, nil, err
	}
	return c, v, nil
}

// read returns the durable record of id with the fields asked for, and the row
// it is in. A record that a commit has written but not finished is waited for:
// what a read returns never disappears in a crash.
func (e *Engine) read(
	ctx context.Context, c *collection, id string, f Fields,
) (r Record, row uint32, ok bool, err error) {
	for {
		r, row, ok, err = e.readOnce(c, id, f)
		if err != nil {
			return r, 0, false, err
		}
		// Looked at after the read: if no portion holds id now, what was read is
		// durable and in memory; if one does, the read may be of its future.
		p := c.pendingOn(id)
		if p == nil {
			return r, row, ok, nil
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return Record{}, 0, false, errContext(ctx)
		}
		if err := e.store.Failed(); err != nil {
			return Record{}, 0, false, errStorage(err)
		}
	}
}

// readOnce reads what the store shows now.
func (e *Engine) readOnce(c *collection, id string, f Fields) (Record, uint32, bool, error) {
	var buf [5 + MaxIDBytes]byte
	rec, closer, err := e.store.GetRecord(store.AppendRecordKey(buf[:0], c.id, id))
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return Record{}, 0, false, nil
		}
		return Record{}, 0, false, c.damage(err)
	}
	defer closer.Close()
	return recordOf(id, &rec, f), rec.Row, true, nil
}

// damage turns an error of reading a record of c into a typed one; damaged bytes
// take the collection out of service.
func (c *collection) damage(err error) error {
	if errors.Is(err, store.ErrCorrupt) {
		c.quarantine(err.Error())
		return c.refusal()
	}
	return errStorage(err)
}

// recordOf copies the fields asked for out of rec.
func recordOf(id string, rec *store.Record, f Fields) Record {
	r := Record{ID: id, Offset: rec.Offset}
	if f.Vector {
		r.Vector = store.AppendToFloats(make([]float32, 0, len(rec.Vector)/4), rec.Vector)
	}
	if f.Payload && rec.Payload != nil {
		r.Payload = json.RawMessage(slices.Clone(rec.Payload))
	}
	return r
}
