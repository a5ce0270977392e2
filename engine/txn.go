package engine

import (
	"errors"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// recKey names a record across collections.
type recKey struct {
	coll uint32
	id   string
}

// staged is a record as the group leaves it.
type staged struct {
	present bool
	rec     store.Record
}

// txn collects one group: the Pebble batch, the log entries and what to do in
// memory after the commit. It belongs to the committer, which reuses it.
type txn struct {
	e       *Engine
	batch   *pebble.Batch
	pos     store.Position // of the last entry staged
	nowUs   int64
	ops     int
	records map[recKey]staged
	meta    map[*collection]*collMeta // catalogue changes of the group
	names   map[string]*collection    // names changed in the group; nil = free
	parts   []*portion                // effects by collection
	inline  []func()                  // run by the committer after the commit, before the parts
	undo    []func()                  // run if the commit fails
	closers []io.Closer               // of records that staged ops still refer to
	born    []*collection             // made by replicated entries of the group
	spoiled error                     // why the group must not be committed

	staging *request // being staged
	entry   store.EntryBuilder
	current store.Entry
	key     []byte
}

// effect is what one op does to memory once it is durable.
type effect struct {
	fn         func() // anything but ops on records
	id         string
	row, prev  uint32 // prev = store.NoRow: the id was absent
	deleted    bool
	hasPayload bool
	vec        []float32 // nil: the vector stays
	payload    []byte
}

func (tx *txn) reset() {
	tx.batch = tx.e.store.NewBatch()
	tx.pos = tx.e.queue.pos
	tx.nowUs = max(tx.nowUs+1, time.Now().UnixMicro())
	tx.ops = 0
	tx.born, tx.spoiled = nil, nil
	tx.records = make(map[recKey]staged)
	if len(tx.meta) > 0 || tx.meta == nil {
		tx.meta = make(map[*collection]*collMeta)
	}
	if len(tx.names) > 0 || tx.names == nil {
		tx.names = make(map[string]*collection)
	}
}

// release frees what the group held.
func (tx *txn) release() {
	for _, c := range tx.closers {
		_ = c.Close()
	}
	clear(tx.closers)
	tx.closers = tx.closers[:0]
	clear(tx.parts)
	clear(tx.inline)
	clear(tx.undo)
	tx.parts, tx.inline, tx.undo = tx.parts[:0], tx.inline[:0], tx.undo[:0]
	_ = tx.batch.Close()
	tx.batch = nil
}

func (tx *txn) empty() bool { return tx.batch.Empty() }

// after runs fn in the committer once the group is durable: changes of the
// catalogue, which the next group must find done.
func (tx *txn) after(fn func()) { tx.inline = append(tx.inline, fn) }

// afterIn runs fn once the group is durable, in order with the effects on c.
func (tx *txn) afterIn(c *collection, fn func()) {
	p := tx.part(c)
	p.effects = append(p.effects, effect{fn: fn})
}

// part returns the portion of the group that is about c, and makes the request
// that is being staged wait for it.
func (tx *txn) part(c *collection) *portion {
	for _, p := range tx.parts {
		if p.c == c {
			p.needed(tx.staging)
			return p
		}
	}
	p := &portion{
		c: c, nowUs: tx.nowUs, before: tx.e.queue.pos.Offset, records: tx.records,
		done: make(chan struct{}),
	}
	p.needed(tx.staging)
	tx.parts = append(tx.parts, p)
	return p
}

// named finds a collection by the name it has at this point of the group.
func (tx *txn) named(name string) *collection {
	if c, ok := tx.names[name]; ok {
		return c
	}
	c, err := tx.e.cat.find(name)
	if err != nil {
		return nil
	}
	return c
}

// rename records that old is free (if not empty) and now is c's (if not nil).
func (tx *txn) rename(old string, c *collection, now string) {
	if old != "" {
		tx.names[old] = nil
	}
	if c != nil {
		tx.names[now] = c
	}
}

// begin starts a log entry about c.
func (tx *txn) begin(kind store.EntryKind, c *collection) { tx.beginAt(kind, c.id) }

// beginAt starts a log entry about the collection with number coll, 0 for none.
func (tx *txn) beginAt(kind store.EntryKind, coll uint32) {
	tx.current = store.Entry{
		Kind: kind, Coll: coll, Offset: tx.pos.Offset + 1, Epoch: tx.pos.Epoch, TimeUs: tx.nowUs,
	}
	tx.entry.Reset(&tx.current)
}

// end writes the entry begun last. chained says that the next entry of the same
// commit belongs to it.
func (tx *txn) end(body []byte, chained bool) error {
	if chained {
		tx.entry.SetChained()
	}
	enc, rolling := tx.entry.Finish(body, tx.pos.Rolling)
	tx.key = store.AppendLogKey(tx.key[:0], tx.current.Offset)
	if err := tx.batch.Set(tx.key, enc, nil); err != nil {
		return errStorage(err)
	}
	tx.pos.Offset, tx.pos.Rolling = tx.current.Offset, rolling
	return nil
}

// lookup returns c's record of id as it is at this point of the group. The
// record's slices stay valid until the group ends.
func (tx *txn) lookup(c *collection, id string) (store.Record, bool, error) {
	if s, ok := tx.records[recKey{c.id, id}]; ok {
		return s.rec, s.present, nil
	}
	tx.key = store.AppendRecordKey(tx.key[:0], c.id, id)
	rec, closer, err := tx.e.store.GetRecord(tx.key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Record{}, false, nil
	case err != nil:
		if errors.Is(err, store.ErrCorrupt) {
			c.quarantine(err.Error())
		}
		return store.Record{}, false, errStorage(err)
	}
	tx.closers = append(tx.closers, closer)
	return rec, true, nil
}

// put stages the record of id in c and its part of the current log entry. prev
// is the row it held, store.NoRow if it was absent.
func (tx *txn) put(c *collection, id string, rec store.Record, op *store.EntryOp, vec []float32) error {
	rec.Offset, rec.UpdatedUs = tx.current.Offset, tx.nowUs
	tx.key = store.AppendRecordKey(tx.key[:0], c.id, id)
	d := tx.batch.SetDeferred(len(tx.key), rec.Size())
	copy(d.Key, tx.key)
	rec.Encode(d.Value, tx.key)
	if err := d.Finish(); err != nil {
		return errStorage(err)
	}
	tx.entry.Add(op)
	tx.records[recKey{c.id, id}] = staged{present: true, rec: rec}
	part := tx.part(c)
	part.effects = append(part.effects, effect{
		id: id, row: rec.Row, prev: op.Prev, vec: vec,
		hasPayload: op.HasPayload, payload: rec.Payload,
	})
	part.vectors++
	tx.ops++
	return nil
}

// remove stages the deletion of id, which holds row.
func (tx *txn) remove(c *collection, id string, row uint32) error {
	tx.key = store.AppendRecordKey(tx.key[:0], c.id, id)
	if err := tx.batch.Delete(tx.key, nil); err != nil {
		return errStorage(err)
	}
	tx.entry.Add(&store.EntryOp{ID: []byte(id), Row: row, Prev: row, Deleted: true})
	tx.records[recKey{c.id, id}] = staged{}
	part := tx.part(c)
	part.effects = append(part.effects, effect{id: id, row: row, prev: row, deleted: true})
	tx.ops++
	return nil
}

// newRow allocates a row of c: a freed one, or the next.
// Errors: errs.IndexError when the collection is full, errs.Quarantined.
func (tx *txn) newRow(c *collection) (uint32, error) {
	v, err := c.acquire()
	if err != nil {
		return 0, err
	}
	defer v.release()
	if row, ok := v.graph.TakeFree(); ok {
		return row, nil
	}
	if c.nextRow >= maxRows {
		return 0, errs.New(errs.IndexError, "Collection '%s' is full (%d rows)", c.name(), maxRows)
	}
	row := c.nextRow
	c.nextRow++
	return row, nil
}

// maxRows is the largest number of rows of a collection.
const maxRows = hnsw.MaxRows
