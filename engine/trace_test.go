package engine

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestTraceTravelsWithTheEntry: the context of a write is in its log entry, there
// and after the entry was applied by another node, and a write without one has
// none.
func TestTraceTravelsWithTheEntry(t *testing.T) {
	master, replica := openTest(t, Options{}), openTest(t, Options{})
	create(t, master, "a", 2, compute.L2)
	want := TraceContext{TraceID: [16]byte{1, 2, 15: 3}, SpanID: [8]byte{4, 7: 5}, Flags: 1}
	if s := want.String(); s != "00-01020000000000000000000000000003-0400000000000005-01" {
		t.Error(s)
	}
	op := []Op{{Kind: OpUpsert, ID: "x", Vector: []float32{1, 2}}}
	traced, err := master.Write(context.WithValue(t.Context(), TraceKey{}, &want), Mutation{Collection: "a", Ops: op})
	if err != nil {
		t.Fatal(err)
	}
	upsert(t, master, "a", "y", []float32{1, 2}, "")
	ship(t, master, replica, 1<<20)
	sameData(t, master, replica)
	for _, e := range []*Engine{master, replica} {
		log, _, err := e.AppendLog(nil, 1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		EachTrace(log, func(offset uint64, got TraceContext) {
			found++
			if offset != traced.Position.Offset || got != want {
				t.Errorf("entry %d has %v", offset, got)
			}
		})
		if found != 1 {
			t.Errorf("%d entries have a trace", found)
		}
		for cut := range log {
			EachTrace(log[:cut], func(uint64, TraceContext) {}) // must not fail
		}
	}
	var dump bytes.Buffer
	_, err = master.DumpLog(&dump, 1)
	if err != nil || !strings.Contains(dump.String(), `"trace":"`+want.String()+`"`) {
		t.Errorf("%v %s", err, dump.String())
	}
}

// TestTraceOfEveryCommand: whatever changes rows, or takes them all away, leaves its
// trace in each of its entries.
func TestTraceOfEveryCommand(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries int
		run     func(context.Context, *Engine) error
	}{
		{"delete by filter", 1, func(ctx context.Context, e *Engine) error {
			_, err := e.DeleteByFilter(ctx, "a", mustFilter(t, `{"n":1}`))
			return err
		}},
		{"update by filter", 1, func(ctx context.Context, e *Engine) error {
			_, err := e.UpdateByFilter(ctx, "a", mustFilter(t, `{"n":1}`), []byte(`{"m":2}`))
			return err
		}},
		{"copy", 1, func(ctx context.Context, e *Engine) error {
			_, err := e.Copy(ctx, "a", "b", []string{"x"})
			return err
		}},
		{"move", 2, func(ctx context.Context, e *Engine) error {
			_, err := e.Move(ctx, "a", "b", []string{"x"})
			return err
		}},
		{"delete collection", 1, func(ctx context.Context, e *Engine) error {
			return e.DeleteCollection(ctx, "a")
		}},
	} {
		e := openTest(t, Options{})
		create(t, e, "a", 2, compute.L2)
		create(t, e, "b", 2, compute.L2)
		upsert(t, e, "a", "x", []float32{1, 2}, `{"n":1}`)
		from := e.LogPosition().Offset
		want := TraceContext{TraceID: [16]byte{9}, SpanID: [8]byte{8}, Flags: 1}
		if err := c.run(context.WithValue(t.Context(), TraceKey{}, &want), e); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		log, _, err := e.AppendLog(nil, from+1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		EachTrace(log, func(_ uint64, got TraceContext) {
			if found++; got != want {
				t.Errorf("%s: %v", c.name, got)
			}
		})
		if made := int(e.LogPosition().Offset - from); found != c.entries || made != c.entries {
			t.Errorf("%s: %d of %d entries have a trace, expected %d", c.name, found, made, c.entries)
		}
	}
}
