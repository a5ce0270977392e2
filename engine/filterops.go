package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// FilterOpResult is the outcome of a filter operation.
type FilterOpResult struct {
	Scanned int            // records that the filter was put to, by index or one by one
	Matched int            // those that passed
	Items   []FilterOpItem // in ascending order of id
}

// FilterOpItem is the outcome for one record that passed.
type FilterOpItem struct {
	ID  string
	Err error // nil, or an *errs.Error; the record is then as it was
}

// filterChunk is how many records one commit of a filter operation changes: a
// filter operation over everything must not hold up other writers.
const filterChunk = 1000

// DeleteByFilter deletes the records that pass f. Each is checked again inside
// the commit, so a record that stopped matching stays. The operation as a whole
// is not atomic: it commits in chunks, and after an error the items tell what
// was done. Errors: errs.Validation (empty filter) and as Write.
func (e *Engine) DeleteByFilter(
	ctx context.Context, coll string, f *filter.Filter,
) (FilterOpResult, error) {
	return e.byFilter(ctx, coll, f, preparedOp{kind: OpDelete})
}

// UpdateByFilter applies patch (RFC 7396) to the payloads of the records that
// pass f. See DeleteByFilter.
func (e *Engine) UpdateByFilter(
	ctx context.Context, coll string, f *filter.Filter, patch json.RawMessage,
) (FilterOpResult, error) {
	p, err := checkPayload(patch)
	if err != nil {
		return FilterOpResult{}, err
	}
	if p == nil {
		return FilterOpResult{}, errs.Invalid("patch", "a JSON object", "nothing")
	}
	op := preparedOp{kind: OpUpdate, mode: PayloadMerge, payload: []byte(strings.Clone(stringOf(p)))}
	return e.byFilter(ctx, coll, f, op)
}

// byFilter applies op to every record that passes f.
func (e *Engine) byFilter(
	ctx context.Context, coll string, f *filter.Filter, op preparedOp,
) (FilterOpResult, error) {
	var res FilterOpResult
	if f.Empty() {
		return res, errs.Invalid("filter", "at least one condition", "an empty filter")
	}
	c, err := e.cat.find(coll)
	if err != nil {
		return res, err
	}
	ids, scanned, err := e.matchingIDs(ctx, c, f, "")
	if err != nil {
		return res, err
	}
	res.Scanned = scanned
	res.Matched = len(ids)
	op.cond = f
	for len(ids) > 0 {
		n := min(len(ids), filterChunk)
		items, err := e.applyTo(ctx, c, ids[:n], op)
		res.Items = append(res.Items, items...)
		if err != nil {
			return res, err
		}
		ids = ids[n:]
	}
	return res, nil
}

// matchingIDs returns the ids from on that pass f, ascending, and how many
// records were considered.
func (e *Engine) matchingIDs(
	ctx context.Context, c *collection, f *filter.Filter, from string,
) (ids []string, scanned int, err error) {
	v, err := c.acquire()
	if err != nil {
		return nil, 0, err
	}
	defer v.release()
	scanned = v.ids.Len()
	sel := selector{e: e, c: c, v: v, f: f}
	rows, err := sel.matching(ctx)
	if err != nil {
		return nil, 0, err
	}
	for it := rows.Iterator(); it.HasNext(); {
		if id := v.ids.Get(it.Next()); id != nil && string(id) >= from {
			ids = append(ids, string(id))
		}
	}
	slices.Sort(ids)
	// An id that moved to another row meanwhile may have been met in both.
	return slices.Compact(ids), scanned, nil
}

// applyTo commits op on each of ids.
func (e *Engine) applyTo(
	ctx context.Context, c *collection, ids []string, op preparedOp,
) ([]FilterOpItem, error) {
	cmd := &writeCommand{results: make([]OpResult, len(ids))}
	cmd.muts = []preparedMut{{c: c, trace: traceOf(ctx), ops: make([]preparedOp, len(ids))}}
	for i, id := range ids {
		cmd.muts[0].ops[i] = op
		cmd.muts[0].ops[i].id = id
	}
	if err := e.submit(ctx, cmd, (len(op.payload)+128)*len(ids), len(ids)); err != nil {
		return nil, err
	}
	items := make([]FilterOpItem, 0, len(ids))
	for i, id := range ids {
		err := cmd.results[i].Err
		if errors.Is(err, errNoLongerMatches) || errors.Is(err, errs.Of(errs.VectorNotFound)) {
			continue // changed or deleted by someone else since: not ours to report
		}
		items = append(items, FilterOpItem{ID: id, Err: err})
	}
	return items, nil
}

// The statuses of CopyItem.
const (
	CopyOK            = "ok"
	CopyMissingInSrc  = "missing_in_src"
	CopyDstInsertFail = "dst_insert_failed"
)

// CopyItem is the outcome for one id of Copy or Move.
type CopyItem struct {
	ID     string
	Status string
	Err    error // set unless Status is CopyOK
}

// Copy writes the records of ids in src to dst, replacing what dst holds under
// the same id, in one commit. Errors: as Write.
func (e *Engine) Copy(ctx context.Context, src, dst string, ids []string) ([]CopyItem, error) {
	return e.copyRecords(ctx, src, dst, ids, false)
}

// Move is Copy that also deletes what was copied from src, in the same commit: a
// record is never in both or in neither.
func (e *Engine) Move(ctx context.Context, src, dst string, ids []string) ([]CopyItem, error) {
	return e.copyRecords(ctx, src, dst, ids, true)
}

func (e *Engine) copyRecords(
	ctx context.Context, src, dst string, ids []string, move bool,
) ([]CopyItem, error) {
	if len(ids) > MaxWriteOps {
		return nil, errs.Invalid("ids", "at most 100000 ids", len(ids))
	}
	from, v, err := e.serving(src)
	if err != nil {
		return nil, err
	}
	defer v.release()
	to, w, err := e.serving(dst)
	if err != nil {
		return nil, err
	}
	defer w.release()
	if from == to {
		return nil, errs.Invalid("destination", "another collection than the source", dst)
	}
	cmd := &copyCommand{src: from, dst: to, move: move, trace: traceOf(ctx), items: make([]CopyItem, len(ids))}
	for i, id := range ids {
		cmd.items[i].ID = strings.Clone(id)
	}
	if len(ids) == 0 {
		return cmd.items, e.writable(0)
	}
	bytes := len(ids) * (4*from.config().Dimension + 256)
	if err := e.submit(ctx, cmd, bytes, len(ids)); err != nil {
		return nil, err
	}
	return cmd.items, nil
}

// copyCommand stages a copy or a move: what it copies is read in the committer,
// so no write can come between.
type copyCommand struct {
	src, dst *collection
	move     bool
	trace    TraceContext
	items    []CopyItem
}

func (k *copyCommand) stage(tx *txn) error {
	for _, c := range []*collection{k.src, k.dst} {
		if c.dropped {
			return errs.NoCollection(c.name())
		}
		if c.view.Load() == nil {
			return c.refusal()
		}
	}
	var moved []preparedOp
	tx.begin(store.EntryOps, k.dst)
	for i := range k.items {
		it := &k.items[i]
		it.Status, it.Err = tx.copyOne(k.src, k.dst, it.ID)
		if it.Err == nil && k.move {
			moved = append(moved, preparedOp{kind: OpDelete, id: it.ID})
		}
	}
	if tx.entry.Count() == 0 {
		return nil
	}
	if err := tx.end(k.trace.encode(), len(moved) > 0); err != nil {
		return err
	}
	if len(moved) > 0 {
		results := make([]OpResult, len(moved))
		tx.stageMut(&preparedMut{c: k.src, trace: k.trace, ops: moved}, results)
		for i := range results {
			// The same id twice in one move: the second finds it gone.
			if results[i].Err != nil && !errors.Is(results[i].Err, errs.Of(errs.VectorNotFound)) {
				return results[i].Err
			}
		}
	}
	return nil
}

// copyOne stages the copy of one record.
func (tx *txn) copyOne(src, dst *collection, id string) (status string, err error) {
	rec, ok, err := tx.lookup(src, id)
	if err != nil {
		return CopyMissingInSrc, err
	}
	if !ok {
		return CopyMissingInSrc, errs.NoVector(id).With("collection", src.name())
	}
	v := store.AppendToFloats(nil, rec.Vector)
	norm2, err := checkVector(v, dst.config())
	if err != nil {
		return CopyDstInsertFail, err
	}
	b := opBuffers{raw: make([]byte, 0, len(rec.Vector)), floats: make([]float32, 0, len(v))}
	p := preparedOp{kind: OpUpsert, mode: PayloadReplace, id: id, payload: bytes.Clone(rec.Payload)}
	b.keepVector(&p, v, norm2, dst.config().Metric)
	if _, err := tx.stageOp(dst, &p); err != nil {
		return CopyDstInsertFail, err
	}
	return CopyOK, nil
}
