package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// Branch is the part of a history that one master wrote, from its promotion on.
type Branch struct {
	ID    string `json:"id"`    // UUID
	Epoch uint64 `json:"epoch"` // of the master
	From  uint64 `json:"from"`  // offset of its first entry
}

// maxBranches bounds a lineage: older branches are of no use to anybody whose
// log still overlaps ours.
const maxBranches = 64

// Lineage lists the branches that led to the data, the oldest first. The last is
// the one that is being written. It travels in the log, so a node that is
// promoted remembers the histories it comes from.
func (e *Engine) Lineage() []Branch { return *e.lineage.Load() }

// loadLineage reads the lineage; a store that never saw a promotion has one
// branch, named like its history.
func (e *Engine) loadLineage() error {
	var list []Branch
	err := e.store.GetJSON(store.KeyLineage(), &list)
	if errors.Is(err, store.ErrNotFound) {
		list, err = []Branch{{ID: e.identity.HistoryID, Epoch: 1, From: 1}}, nil
	}
	if err != nil {
		return fmt.Errorf("read the lineage: %w", err)
	}
	e.lineage.Store(&list)
	return nil
}

// Promote begins a new branch with epoch, which must be greater than the log's,
// and returns the position of the entry that says so. It is the last step before
// a node takes writes: from then on it and a node that did not follow differ.
// Errors: errs.Validation (epoch too low) and as Write.
func (e *Engine) Promote(ctx context.Context, epoch uint64) (Position, error) {
	return e.enqueue(ctx, &promoteCommand{epoch: epoch}, 512, 1)
}

// promoteCommand stages an EntryEpoch.
type promoteCommand struct{ epoch uint64 }

// own implements ownCommand: a replica promotes itself while it refuses writes.
func (k *promoteCommand) own() {}

func (k *promoteCommand) stage(tx *txn) error {
	if k.epoch <= tx.pos.Epoch {
		return errs.Invalid("epoch", fmt.Sprintf("more than %d", tx.pos.Epoch), k.epoch)
	}
	list := append(slices.Clone(tx.e.Lineage()), Branch{
		ID: uuid.NewString(), Epoch: k.epoch, From: tx.pos.Offset + 1,
	})
	if len(list) > maxBranches {
		list = list[len(list)-maxBranches:]
	}
	body, err := json.Marshal(list)
	if err != nil {
		return errs.New(errs.Internal, "Lineage cannot be encoded").Wrap(err)
	}
	tx.pos.Epoch = k.epoch
	tx.beginAt(store.EntryEpoch, 0)
	if err := tx.end(body, false); err != nil {
		return err
	}
	return tx.setLineage(list)
}

// setLineage stages list.
func (tx *txn) setLineage(list []Branch) error {
	if err := store.PutJSON(tx.batch, store.KeyLineage(), list); err != nil {
		return errStorage(err)
	}
	tx.after(func() { tx.e.lineage.Store(&list) })
	return nil
}
