package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// catalogue finds collections by name and number without a lock. The committer
// is the only writer once the engine serves.
type catalogue struct {
	byName sync.Map // string -> *collection
	byID   sync.Map // uint32 -> *collection
	next   uint32   // number of the next collection; committer only
}

func (t *catalogue) find(name string) (*collection, error) {
	if c, ok := t.byName.Load(name); ok {
		return c.(*collection), nil
	}
	return nil, errs.NoCollection(name)
}

func (t *catalogue) add(c *collection) {
	t.byID.Store(c.id, c)
	t.byName.Store(c.name(), c)
}

func (t *catalogue) remove(c *collection) {
	t.byName.CompareAndDelete(c.name(), c)
	t.byID.Delete(c.id)
}

// all returns every collection, in no order.
func (t *catalogue) all() []*collection {
	var out []*collection
	t.byID.Range(func(_, c any) bool {
		out = append(out, c.(*collection))
		return true
	})
	return out
}

// CreateCollection makes an empty collection. Zero fields of cfg get their
// defaults. Errors: errs.Validation, errs.InvalidDimension, errs.CollectionExists,
// errs.StorageFull, errs.ShuttingDown.
func (e *Engine) CreateCollection(ctx context.Context, cfg CollectionConfig) (CollectionInfo, error) {
	if err := cfg.normalise(); err != nil {
		return CollectionInfo{}, err
	}
	cmd := &createCommand{cfg: cfg}
	if err := e.submit(ctx, cmd, len(cfg.Name)+512, 1); err != nil {
		return CollectionInfo{}, err
	}
	return cmd.made.info(), nil
}

// createCommand stages a new collection.
type createCommand struct {
	cfg  CollectionConfig
	made *collection
}

func (k *createCommand) stage(tx *txn) error {
	if tx.named(k.cfg.Name) != nil {
		return errs.New(errs.CollectionExists, "Collection already exists: %s", k.cfg.Name).
			With("collection", k.cfg.Name)
	}
	e := tx.e
	m := &collMeta{Config: k.cfg, CreatedUs: tx.nowUs}
	c := newCollection(e, e.cat.next, m)
	g, err := newGraph(&e.opts, &k.cfg)
	if err != nil {
		return errs.New(errs.IndexError, "Index cannot be made").Wrap(err)
	}
	if err := tx.putMeta(store.EntryCreate, c, m); err != nil {
		return err
	}
	e.cat.next++
	if err := store.PutNextColl(tx.batch, e.cat.next); err != nil {
		return errStorage(err)
	}
	k.made = c
	tx.rename("", c, k.cfg.Name)
	tx.undo = append(tx.undo, func() { _ = g.Close() })
	tx.after(func() {
		c.install(c.newView(g, newIDTable(), payload.New(k.cfg.PayloadIndex)))
		e.cat.add(c)
	})
	return nil
}

// putMeta stages c's catalogue entry with the log entry that says so.
func (tx *txn) putMeta(kind store.EntryKind, c *collection, m *collMeta) error {
	body, err := json.Marshal(m)
	if err != nil {
		return errs.New(errs.Internal, "Catalogue entry cannot be encoded").Wrap(err)
	}
	if err := store.PutJSON(tx.batch, store.CollKey(c.id), m); err != nil {
		return errStorage(err)
	}
	tx.begin(kind, c)
	return tx.end(body, false)
}

// Collections describes every collection, sorted by name.
func (e *Engine) Collections() []CollectionInfo {
	all := e.cat.all()
	out := make([]CollectionInfo, len(all))
	for i, c := range all {
		out[i] = c.info()
	}
	slices.SortFunc(out, func(a, b CollectionInfo) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Collection describes one collection. Errors: errs.CollectionNotFound.
func (e *Engine) Collection(name string) (CollectionInfo, error) {
	c, err := e.cat.find(name)
	if err != nil {
		return CollectionInfo{}, err
	}
	return c.info(), nil
}

// WriteConcern returns what writes to a collection wait for if they do not say; 0
// if there is no such collection.
func (e *Engine) WriteConcern(name string) WriteConcern {
	c, err := e.cat.find(name)
	if err != nil {
		return 0
	}
	return c.config().WriteConcern
}

// metaCommand stages a change of a collection's catalogue entry.
type metaCommand struct {
	name   string
	change func(tx *txn, cfg *CollectionConfig) error
	apply  func(c *collection) // after the commit, in order with writes
	found  *collection
}

func (k *metaCommand) stage(tx *txn) error {
	c := tx.named(k.name)
	if c == nil {
		return errs.NoCollection(k.name)
	}
	k.found = c
	old := c.meta.Load()
	if staged := tx.meta[c]; staged != nil {
		old = staged
	}
	m := *old
	if err := k.change(tx, &m.Config); err != nil {
		return err
	}
	if err := tx.putMeta(store.EntryConfig, c, &m); err != nil {
		return err
	}
	tx.meta[c] = &m
	if m.Config.Name != old.Config.Name {
		tx.rename(old.Config.Name, c, m.Config.Name)
	}
	tx.after(func() {
		c.meta.Store(&m)
		if m.Config.Name != old.Config.Name {
			tx.e.cat.byName.Store(m.Config.Name, c)
			tx.e.cat.byName.CompareAndDelete(old.Config.Name, c)
		}
	})
	if k.apply != nil {
		tx.afterIn(c, func() { k.apply(c) })
	}
	return nil
}

// UpdateCollection changes what p names. Errors: errs.Validation,
// errs.CollectionNotFound, errs.NotReady, errs.Quarantined (quantization), errs.StorageFull, errs.ShuttingDown.
func (e *Engine) UpdateCollection(
	ctx context.Context, name string, p CollectionPatch,
) (CollectionInfo, error) {
	if err := p.check(); err != nil {
		return CollectionInfo{}, err
	}
	cmd := &metaCommand{name: name, change: func(tx *txn, cfg *CollectionConfig) error {
		if p.Description != nil {
			cfg.Description = *p.Description
		}
		if p.EfSearch != nil {
			cfg.HNSW.EfSearch = *p.EfSearch
		}
		if p.Storage != nil {
			cfg.Storage = *p.Storage
		}
		if p.Rescore != nil {
			cfg.Rescore = p.Rescore
		}
		if p.Oversampling != nil {
			cfg.Oversampling = *p.Oversampling
		}
		if p.WriteConcern != nil {
			cfg.WriteConcern = *p.WriteConcern
		}
		if q := p.Quantization; q != nil {
			if c := tx.named(name); c.view.Load() == nil {
				return errNotReady(c)
			}
			cfg.Quantization = *q
		}
		return nil
	}}
	if q := p.Quantization; q != nil {
		cmd.apply = func(c *collection) { c.requantize(*q) }
	}
	if err := e.submit(ctx, cmd, 1024, 1); err != nil {
		return CollectionInfo{}, err
	}
	return cmd.found.info(), nil
}

// check refuses values that no collection takes.
func (p *CollectionPatch) check() error {
	if p.EfSearch != nil {
		if err := checkRange("hnsw.ef_search", *p.EfSearch, 1, maxEfSearch); err != nil {
			return err
		}
	}
	if p.Description != nil {
		if err := checkDescription(*p.Description); err != nil {
			return err
		}
	}
	if p.Quantization != nil {
		if err := checkQuantization(*p.Quantization); err != nil {
			return err
		}
	}
	if p.Oversampling != nil {
		if err := checkOversampling(*p.Oversampling); err != nil {
			return err
		}
	}
	if p.WriteConcern != nil {
		if err := checkConcern(*p.WriteConcern); err != nil {
			return err
		}
	}
	if p.Storage != nil {
		return checkStorage(*p.Storage)
	}
	return nil
}

// RenameCollection gives old the name new. Errors: errs.Validation,
// errs.CollectionNotFound, errs.CollectionExists, errs.ShuttingDown.
func (e *Engine) RenameCollection(ctx context.Context, old, new string) error {
	if err := checkName(new); err != nil {
		return err
	}
	return e.submit(ctx, &metaCommand{name: old, change: func(tx *txn, cfg *CollectionConfig) error {
		if other := tx.named(new); other != nil {
			return errs.New(errs.CollectionExists, "Collection already exists: %s", new).
				With("collection", new)
		}
		cfg.Name = new
		return nil
	}}, 1024, 1)
}

// DeleteCollection removes a collection, its memory and its disk space. It works
// on a loading or quarantined collection too.
// Errors: errs.CollectionNotFound, errs.ShuttingDown.
func (e *Engine) DeleteCollection(ctx context.Context, name string) error {
	return e.submit(ctx, &dropCommand{name: name, trace: traceOf(ctx)}, 256, 1)
}

// dropCommand stages a deletion.
type dropCommand struct {
	name  string
	trace TraceContext
}

// frees implements freer.
func (k *dropCommand) frees() bool { return true }

func (k *dropCommand) stage(tx *txn) error {
	c := tx.named(k.name)
	if c == nil {
		return errs.NoCollection(k.name)
	}
	if err := tx.dropRecords(c, k.name); err != nil {
		return err
	}
	tx.begin(store.EntryDrop, c)
	return tx.end(k.trace.encode(), false)
}

// dropRecords stages the removal of c, which is called name.
func (tx *txn) dropRecords(c *collection, name string) error {
	lo, hi := store.RecordBounds(c.id)
	if err := tx.batch.DeleteRange(lo, hi, nil); err != nil {
		return errStorage(err)
	}
	for _, key := range [][]byte{store.CollKey(c.id), store.ImageKey(c.id)} {
		if err := tx.batch.Delete(key, nil); err != nil {
			return errStorage(err)
		}
	}
	c.dropped = true
	tx.rename(name, nil, "")
	tx.after(func() {
		tx.e.cat.remove(c)
		c.unload()
		c.endLoading()
		tx.e.removeImages(c)
	})
	return nil
}
