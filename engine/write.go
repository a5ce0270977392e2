package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// MaxWriteOps is the largest number of ops of one Write.
const MaxWriteOps = 100000

// preparedOp is an Op after validation, with the engine's own copies.
type preparedOp struct {
	kind    OpKind
	mode    PayloadMode
	id      string
	raw     []byte    // vector as given, little-endian; nil = keep
	vec     []float32 // vector as indexed
	payload []byte    // nil = none
	cond    *filter.Filter
}

// preparedMut is a Mutation after validation.
type preparedMut struct {
	c     *collection
	ops   []preparedOp
	trace TraceContext
}

// writeCommand stages mutations. results has one item per op over all of them;
// items that failed validation are filled before it is queued.
type writeCommand struct {
	muts    []preparedMut
	results []OpResult
}

// Write commits muts: all ops that succeed become durable in one atomic batch,
// and each op has its own result. The error is not nil only if nothing ran:
// errs.CollectionNotFound, errs.NotReady, errs.Quarantined, errs.StorageFull,
// errs.StorageError, errs.QueueFull, errs.Validation (too many ops),
// errs.ShuttingDown, errs.Cancelled; errs.Timeout too, unless its details have
// outcome = unknown.
func (e *Engine) Write(ctx context.Context, muts ...Mutation) (WriteResult, error) {
	cmd := &writeCommand{}
	n, valid, bytes := 0, 0, 0
	for i := range muts {
		n += len(muts[i].Ops)
	}
	if n > MaxWriteOps {
		return WriteResult{}, errs.New(errs.Validation, "Invalid ops: expected at most %d, got %d",
			MaxWriteOps, n).With("field", "ops").With("max", MaxWriteOps).With("given", n)
	}
	cmd.results = make([]OpResult, n)
	cmd.muts = make([]preparedMut, len(muts))
	at, trace := 0, traceOf(ctx)
	for i := range muts {
		c, err := e.cat.find(muts[i].Collection)
		if err != nil {
			return WriteResult{}, err
		}
		if c.view.Load() == nil {
			return WriteResult{}, c.refusal()
		}
		m := &cmd.muts[i]
		m.c, m.trace = c, trace
		ok, size := m.prepare(muts[i].Ops, cmd.results[at:at+len(muts[i].Ops)])
		valid += ok
		bytes += size
		at += len(muts[i].Ops)
	}
	if valid == 0 {
		return WriteResult{Items: cmd.results, Position: e.Position()}, cmp.Or(e.refused(cmd), e.writable(0))
	}
	pos, err := e.submitAt(ctx, cmd, bytes, valid)
	if err != nil {
		return WriteResult{}, err
	}
	return WriteResult{Items: cmd.results, Position: pos}, nil
}

// prepare validates ops and copies what the engine keeps into two buffers. It
// returns the number of valid ops and their size in bytes.
func (m *preparedMut) prepare(ops []Op, results []OpResult) (valid, bytes int) {
	cfg := m.c.config()
	floats, text := 0, 0
	for i := range ops {
		floats += len(ops[i].Vector)
		text += len(ops[i].ID) + len(ops[i].Payload)
	}
	per := 1
	if cfg.Metric == compute.Cosine {
		per = 2 // raw and unit length
	}
	b := opBuffers{
		floats: make([]float32, 0, per*floats),
		raw:    make([]byte, 0, 4*floats),
		text:   make([]byte, 0, text),
	}
	m.ops = make([]preparedOp, len(ops))
	for i := range ops {
		if err := b.prepare(&m.ops[i], &ops[i], cfg); err != nil {
			results[i].Err = err
			m.ops[i] = preparedOp{}
			continue
		}
		valid++
	}
	return valid, len(b.raw) + 4*len(b.floats) + len(b.text) + 64*len(ops)
}

// opBuffers holds the copies of a mutation's ids, payloads and vectors. They
// never grow: their capacity was counted.
type opBuffers struct {
	floats []float32
	raw    []byte
	text   []byte
}

func (b *opBuffers) copyText(s string) []byte {
	at := len(b.text)
	b.text = append(b.text, s...)
	return b.text[at:len(b.text):len(b.text)]
}

// prepare validates op into p. The error is an *errs.Error.
func (b *opBuffers) prepare(p *preparedOp, op *Op, cfg *CollectionConfig) error {
	if op.Kind < OpUpsert || op.Kind > OpDelete {
		return errs.Invalid("op", "upsert, insert, update or delete", int(op.Kind))
	}
	if err := checkID(op.ID); err != nil {
		return err
	}
	p.kind, p.mode = op.Kind, op.PayloadMode
	if op.Kind == OpDelete {
		p.id = stringOf(b.copyText(op.ID))
		return nil
	}
	if op.Kind != OpUpdate {
		p.mode = PayloadReplace
	} else if op.PayloadMode > PayloadMerge {
		return errs.Invalid("payload_mode", "keep, replace or merge", int(op.PayloadMode))
	}
	var text json.RawMessage
	if p.mode != PayloadKeep {
		var err error
		if text, err = checkPayload(op.Payload); err != nil {
			return err
		}
	}
	if op.Vector != nil || op.Kind != OpUpdate {
		norm2, err := checkVector(op.Vector, cfg)
		if err != nil {
			return err
		}
		b.keepVector(p, op.Vector, norm2, cfg.Metric)
	}
	p.id = stringOf(b.copyText(op.ID))
	if text != nil {
		p.payload = b.copyText(stringOf(text))
	}
	return nil
}

// keepVector copies v as stored and as indexed.
func (b *opBuffers) keepVector(p *preparedOp, v []float32, norm2 float64, m compute.Metric) {
	at := len(b.raw)
	b.raw = store.AppendFloats(b.raw, v)
	p.raw = b.raw[at:len(b.raw):len(b.raw)]
	at = len(b.floats)
	if m == compute.Cosine {
		b.floats = unit(b.floats, v, norm2)
	} else {
		b.floats = append(b.floats, v...)
	}
	p.vec = b.floats[at:len(b.floats):len(b.floats)]
}

// frees implements freer.
func (k *writeCommand) frees() bool {
	for i := range k.muts {
		for j := range k.muts[i].ops {
			if p := &k.muts[i].ops[j]; p.kind != OpDelete && p.id != "" {
				return false
			}
		}
	}
	return true
}

// stage implements command: one log entry per mutation that changed anything.
func (k *writeCommand) stage(tx *txn) error {
	for i := range k.muts {
		c := k.muts[i].c
		if c.dropped {
			return errs.NoCollection(c.name())
		}
		if c.view.Load() == nil {
			return c.refusal()
		}
	}
	at := 0
	for i := range k.muts {
		m := &k.muts[i]
		tx.stageMut(m, k.results[at:at+len(m.ops)])
		at += len(m.ops)
	}
	return nil
}

// stageMut stages one mutation as one log entry.
func (tx *txn) stageMut(m *preparedMut, results []OpResult) {
	tx.begin(store.EntryOps, m.c)
	for i := range m.ops {
		if results[i].Err == nil {
			results[i].Created, results[i].Err = tx.stageOp(m.c, &m.ops[i])
		}
		if results[i].Err != nil {
			// The refusal tells of records that memory may not show yet: it is
			// answered after the portions before it.
			tx.part(m.c)
		}
	}
	if tx.entry.Count() > 0 {
		if err := tx.end(m.trace.encode(), false); err != nil {
			bug("log entry refused by its batch: %v", err)
		}
	}
}

// stageOp stages one op. The error is an *errs.Error; the op then changed nothing.
func (tx *txn) stageOp(c *collection, p *preparedOp) (created bool, err error) {
	old, present, err := tx.lookup(c, p.id)
	if err != nil {
		return false, err
	}
	switch {
	case present && p.kind == OpInsert:
		return false, errs.New(errs.VectorExists, "Vector already exists: %s", p.id).
			With("vector_id", p.id)
	case !present && (p.kind == OpUpdate || p.kind == OpDelete):
		return false, errs.NoVector(p.id)
	}
	if p.cond != nil {
		if ok, err := matches(p.cond, p.id, old.Payload); err != nil || !ok {
			return false, cmp.Or(err, error(errNoLongerMatches))
		}
	}
	if p.kind == OpDelete {
		return false, tx.remove(c, p.id, old.Row)
	}
	rec, op, err := tx.merge(c, p, old, present)
	if err != nil {
		return false, err
	}
	return !present, tx.put(c, p.id, rec, &op, p.vec)
}

// merge makes the record that p leaves behind, and the log's form of the op.
func (tx *txn) merge(
	c *collection, p *preparedOp, old store.Record, present bool,
) (store.Record, store.EntryOp, error) {
	rec := store.Record{Row: old.Row, CreatedUs: tx.nowUs, Vector: old.Vector, Payload: old.Payload}
	op := store.EntryOp{ID: []byte(p.id), Prev: store.NoRow}
	if present {
		rec.CreatedUs, op.Prev = old.CreatedUs, old.Row
	}
	switch p.mode {
	case PayloadReplace:
		rec.Payload, op.HasPayload = p.payload, true
	case PayloadMerge:
		if p.payload == nil {
			break // an empty patch changes nothing
		}
		merged, err := payload.MergePatch(nil, old.Payload, p.payload)
		if err != nil {
			return rec, op, err
		}
		rec.Payload, op.HasPayload = merged, true
	}
	op.Payload = rec.Payload
	if !op.HasPayload {
		op.Payload = nil
	}
	if p.raw != nil {
		rec.Vector, op.HasVector, op.Vector = p.raw, true, p.raw
		if !present || c.config().UpdateMode == UpdateReinsert {
			row, err := tx.newRow(c)
			if err != nil {
				return rec, op, err
			}
			rec.Row = row
			if !op.HasPayload && present {
				// The old record's memory goes before the payload is indexed.
				rec.Payload = bytes.Clone(rec.Payload)
			}
		}
	}
	op.Row = rec.Row
	return rec, op, nil
}
