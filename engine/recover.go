package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// recover reads what every start needs before it serves: the identity, the end
// of the log and the catalogue. It reads no records.
func (e *Engine) recover() error {
	if err := e.checkIdentity(); err != nil {
		return err
	}
	pos, err := e.store.Position()
	if err != nil {
		return fmt.Errorf("read the end of the log: %w", err)
	}
	e.startPos = pos
	e.applied.Store(pos.Offset)
	if e.cat.next, err = e.store.NextColl(); err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	err = e.store.Catalogue(func(id uint32, key, val []byte) error {
		m := &collMeta{}
		if err := store.DecodeJSON(key, val, m); err != nil {
			return err
		}
		e.cat.add(newCollection(e, id, m))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	if err := e.loadManifests(); err != nil {
		return err
	}
	if err := e.loadLineage(); err != nil {
		return err
	}
	return e.findLogFirst()
}

// checkIdentity compares the identity file with the store's copy, and writes the
// latter into a new store. A store without identity under a directory with one
// is a new directory whose first start was interrupted. The node id may differ:
// a restored snapshot gets its own.
func (e *Engine) checkIdentity() error {
	want := e.dir.identity.Identity
	got, err := e.store.Identity()
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("read identity: %w", err)
	case err == nil && got.HistoryID != want.HistoryID:
		return errs.New(errs.Configuration,
			"data directory %s has history %s, but its store history %s",
			e.opts.Dir, want.HistoryID, got.HistoryID).With("path", e.opts.Dir)
	case err != nil || got != want:
		b := e.store.NewBatch()
		defer b.Close()
		if err := store.PutIdentity(b, want); err != nil {
			return err
		}
		if err := e.store.Commit(b, true); err != nil {
			return fmt.Errorf("write identity: %w", err)
		}
	}
	e.identity = want
	return e.dir.complete()
}

// loadLoop loads every collection that was there at start, a few at a time.
func (e *Engine) loadLoop(all []*collection) {
	work := make(chan *collection)
	var wg sync.WaitGroup
	for range min(e.opts.LoadWorkers, len(all)) {
		wg.Go(func() {
			for c := range work {
				e.load(c)
			}
		})
	}
	for _, c := range all {
		select {
		case work <- c:
		case <-e.ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	if len(all) > 0 {
		// What loading used and dropped would otherwise count as ours for minutes.
		debug.FreeOSMemory()
	}
}
