package engine

import (
	"context"
	"encoding/hex"

	"github.com/vectorizer-go/vectorizer/engine/store"
)

// TraceContext says which trace a write belongs to (W3C Trace Context, section
// 3.2): it travels with the write's log entry, so that whoever applies the entry
// can go on with the trace. The zero value is no trace.
type TraceContext struct {
	TraceID [16]byte
	SpanID  [8]byte // of the span that made the write
	Flags   byte    // bit 0 = sampled
}

// TraceKey is the key under which a context holds the *TraceContext of the write
// that it is passed with.
type TraceKey struct{}

// traceOf is the trace that a write with this context belongs to.
func traceOf(ctx context.Context) TraceContext {
	if t, ok := ctx.Value(TraceKey{}).(*TraceContext); ok {
		return *t
	}
	return TraceContext{}
}

const traceBytes = 16 + 8 + 1

// encode is the body of the log entry, nil for none.
func (t *TraceContext) encode() []byte {
	if t.TraceID == [16]byte{} {
		return nil
	}
	b := make([]byte, 0, traceBytes)
	b = append(b, t.TraceID[:]...)
	b = append(b, t.SpanID[:]...)
	return append(b, t.Flags)
}

// decodeTrace reads what encode made; what is not that is no trace.
func decodeTrace(b []byte) (t TraceContext, ok bool) {
	if len(b) != traceBytes {
		return t, false
	}
	copy(t.TraceID[:], b)
	copy(t.SpanID[:], b[16:])
	t.Flags = b[24]
	return t, true
}

// String is the trace context as a traceparent header has it.
func (t TraceContext) String() string {
	return "00-" + hex.EncodeToString(t.TraceID[:]) + "-" + hex.EncodeToString(t.SpanID[:]) + "-" +
		hex.EncodeToString([]byte{t.Flags})
}

// EachTrace calls fn for every entry of what AppendLog made that belongs to a
// trace.
func EachTrace(entries []byte, fn func(offset uint64, t TraceContext)) {
	for len(entries) > 0 {
		val, rest, err := nextEntry(entries)
		if err != nil {
			return
		}
		if _, kind, _, err := store.EntryColl(val); err == nil &&
			(kind == store.EntryOps || kind == store.EntryDrop) {
			if t, ok := decodeTrace(store.EntryBody(val)); ok {
				fn(store.EntryOffset(val), t)
			}
		}
		entries = rest
	}
}
