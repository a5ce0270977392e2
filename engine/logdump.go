package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/store"
)

// dumpedEntry is a log entry for people.
type dumpedEntry struct {
	Offset     uint64          `json:"offset"`
	Epoch      uint64          `json:"epoch"`
	Time       time.Time       `json:"time"`
	Kind       string          `json:"kind"`
	Collection string          `json:"collection,omitempty"`
	Number     uint32          `json:"collection_number,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
	Trace      string          `json:"trace,omitempty"` // as a traceparent header has it
	Ops        []dumpedOp      `json:"ops,omitempty"`
}

// dumpedOp is one op of it.
type dumpedOp struct {
	ID      string          `json:"id"`
	Deleted bool            `json:"deleted,omitempty"`
	Vector  []float32       `json:"vector,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// DumpLog writes the entries from offset from on to w, one JSON object per line,
// and returns their number. Entries that are not kept any more are left out.
func (e *Engine) DumpLog(w io.Writer, from uint64) (n int, err error) {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	err = e.scanLog(e.ctx, max(from, e.logFirst.Load()), e.applied.Load(), func(_ uint64, val []byte) error {
		entry, err := store.DecodeEntry(val)
		if err != nil {
			return err
		}
		n++
		return enc.Encode(e.dumped(&entry))
	})
	return n, errors.Join(err, buf.Flush())
}

func (e *Engine) dumped(entry *store.Entry) dumpedEntry {
	out := dumpedEntry{Offset: entry.Offset, Epoch: entry.Epoch, Number: entry.Coll,
		Time: time.UnixMicro(entry.TimeUs).UTC(), Kind: entry.Kind.String(), Body: entry.Body}
	if entry.Kind == store.EntryOps || entry.Kind == store.EntryDrop {
		out.Body = nil
		if t, ok := decodeTrace(entry.Body); ok {
			out.Trace = t.String()
		}
	}
	if c, ok := e.cat.byID.Load(entry.Coll); ok {
		out.Collection = c.(*collection).name()
	}
	entry.Ops(func(op *store.EntryOp) bool {
		out.Ops = append(out.Ops, dumpedOp{ID: string(op.ID), Deleted: op.Deleted,
			Vector: store.AppendToFloats(nil, op.Vector), Payload: append(json.RawMessage(nil), op.Payload...)})
		return true
	})
	return out
}
