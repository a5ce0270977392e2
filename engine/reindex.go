package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// shadow is a second graph that is being filled beside the one that serves. From
// the moment it is installed every commit goes to both; a copier fills in the
// rows that no commit has touched.
type shadow struct {
	mu      sync.Mutex // guards: graph's writer side, touched, dead
	graph   graph
	touched []uint64 // rows that commits have settled
	dead    bool     // the graph is closed
}

func (s *shadow) touch(row uint32) {
	for int(row/64) >= len(s.touched) {
		s.touched = append(s.touched, 0)
	}
	s.touched[row/64] |= 1 << (row % 64)
}

// put is a committed upsert.
func (s *shadow) put(row uint32, vec []float32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return nil
	}
	s.touch(row)
	return s.graph.Put(row, vec)
}

// remove is a committed deletion.
func (s *shadow) remove(row uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return
	}
	s.touch(row)
	s.graph.Delete(row)
}

// fill copies row from old unless a commit has touched it.
func (s *shadow) fill(row uint32, old graph) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if skipped(s.touched, row) {
		return nil
	}
	return s.graph.Put(row, old.Vector(row))
}

// funcCommand is a command that only does something in memory, in commit order.
type funcCommand func(tx *txn) error

func (f funcCommand) stage(tx *txn) error { return f(tx) }

// Reindex builds the graph of coll anew with other parameters, while the old one
// serves and writes go on, and then swaps them. Zero fields of h get their
// defaults. On an error the old graph and parameters stay.
// Errors: errs.Validation, errs.CollectionNotFound, errs.NotReady,
// errs.Quarantined, errs.IndexError (one is running), errs.Cancelled, errs.Timeout.
func (e *Engine) Reindex(ctx context.Context, coll string, h HNSWConfig) error {
	if err := h.normalise(); err != nil {
		return err
	}
	if err := e.refused(&metaCommand{}); err != nil {
		return err // before the work, not after it
	}
	c, err := e.cat.find(coll)
	if err != nil {
		return err
	}
	return e.rebuildGraph(ctx, c, h, func(ctx context.Context, v *view, s *shadow) error {
		return e.swapShadow(ctx, c, v, s, h)
	})
}

// rebuildGraph fills a new graph with parameters h beside the one that serves and
// has swap exchange them.
func (e *Engine) rebuildGraph(
	ctx context.Context, c *collection, h HNSWConfig, swap func(context.Context, *view, *shadow) error,
) error {
	v, err := c.acquire()
	if err != nil {
		return err
	}
	defer v.release()
	cfg := *c.config()
	cfg.HNSW = h
	g, err := newGraph(&e.opts, &cfg)
	if err != nil {
		return errs.New(errs.IndexError, "Index cannot be made").Wrap(err)
	}
	s := &shadow{graph: g}
	if !c.shadow.CompareAndSwap(nil, s) {
		_ = g.Close()
		return errs.New(errs.IndexError, "Collection '%s' is being reindexed already", c.name()).
			With("collection", c.name()).With("retry_after", 5)
	}
	err = e.fillShadow(ctx, c, v, s)
	if err == nil {
		err = swap(ctx, v, s)
	}
	if err != nil {
		e.dropShadow(c, s)
		return err
	}
	// The old image is of the old graph: without a new one the next start would
	// build the index again. It was logged if that fails.
	_ = e.imageNow(ctx, c)
	return nil
}

// fillShadow copies every row into s and waits for its links.
func (e *Engine) fillShadow(ctx context.Context, c *collection, v *view, s *shadow) error {
	// The barrier: a group that began before the shadow was there is applied
	// when this returns, so that what follows is in both graphs.
	if err := e.submitAlways(ctx, funcCommand(func(tx *txn) error {
		tx.afterIn(c, func() {})
		return nil
	})); err != nil {
		return err
	}
	alive := v.graph.AliveWords(nil)
	for row := range uint32(len(alive) * 64) {
		if !skipped(alive, row) {
			continue
		}
		if row%256 == 0 && ctx.Err() != nil {
			return errContext(ctx)
		}
		if e.closing.Load() || c.view.Load() != v {
			return errShuttingDown()
		}
		if err := s.fill(row, v.graph); err != nil {
			return errs.New(errs.IndexError, "Reindexing failed").Wrap(err)
		}
	}
	s.graph.Wait()
	return nil
}

// freeHoles hands the rows that are in neither graph to s's: below the highest
// row, never filled, never touched by a commit.
func (s *shadow) freeHoles(ids *idTable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for row := range uint32(s.graph.Rows()) {
		if ids.Get(row) == nil && !skipped(s.touched, row) {
			s.graph.ReturnFree(row)
		}
	}
}

// swapShadow makes s the graph, with the new parameters in the catalogue.
func (e *Engine) swapShadow(ctx context.Context, c *collection, v *view, s *shadow, h HNSWConfig) error {
	swapped := atomic.Bool{}
	cmd := &metaCommand{name: c.name(), change: func(_ *txn, cfg *CollectionConfig) error {
		if c.view.Load() != v {
			return errNotReady(c)
		}
		cfg.HNSW = h
		return nil
	}, apply: func(c *collection) {
		swapped.Store(c.swapIn(v, s))
	}}
	if err := e.submit(ctx, cmd, 1024, 1); err != nil {
		return err
	}
	if !swapped.Load() {
		return errs.NoCollection(c.name())
	}
	return nil
}

// swapIn makes s the graph of c, which serves from v. It runs in commit order.
func (c *collection) swapIn(v *view, s *shadow) bool {
	c.shadow.Store(nil)
	c.swaps.Add(1)
	s.freeHoles(v.ids)
	if !c.view.CompareAndSwap(v, c.newView(s.graph, v.ids, v.index)) {
		return false
	}
	v.release()
	return true
}

// dropShadow gives a reindex up. The committer lets go of the shadow before the
// graph is closed.
func (e *Engine) dropShadow(c *collection, s *shadow) {
	c.shadow.CompareAndSwap(s, nil)
	s.mu.Lock() // a commit that still sees it finishes first
	defer s.mu.Unlock()
	s.dead = true
	if err := s.graph.Close(); err != nil {
		e.log.Warn().Err(err).Str("collection", c.name()).Msg("closing the index failed")
	}
}

// WaitIndexed returns when every row of coll is linked into the graph and every
// deleted one repaired around. Errors: errs.CollectionNotFound, errs.NotReady,
// errs.Quarantined, errs.Timeout, errs.Cancelled.
func (e *Engine) WaitIndexed(ctx context.Context, coll string) error {
	c, err := e.cat.find(coll)
	if err != nil {
		return err
	}
	v, err := c.acquire()
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() { // the view's reference makes Close wait for it
		defer close(done)
		defer v.release()
		v.graph.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errContext(ctx)
	}
}

// Flush makes every commit durable, whatever the fsync mode, and writes the
// images of the collections that changed.
func (e *Engine) Flush(ctx context.Context) error {
	if err := e.flushLog(); err != nil {
		return err
	}
	for _, c := range e.cat.all() {
		if c.view.Load() == nil {
			continue
		}
		if err := e.flushImage(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// FlushCollection is Flush for one collection's image.
func (e *Engine) FlushCollection(ctx context.Context, coll string) error {
	c, v, err := e.serving(coll)
	if err != nil {
		return err
	}
	v.release()
	if err := e.flushLog(); err != nil {
		return err
	}
	return e.flushImage(ctx, c)
}

func (e *Engine) flushLog() error {
	if err := e.writable(0); err != nil {
		return err
	}
	if err := e.store.Sync(); err != nil {
		return errStorage(err)
	}
	return nil
}
