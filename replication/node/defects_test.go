package node

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
)

// TestOffsetsBelongToTheirEntries: writers at once get offsets of their own, and a
// connection that is cut again and again meanwhile skips none of their entries.
// Defect: offset-at-dispatch.
func TestOffsetsBelongToTheirEntries(t *testing.T) {
	m := master(t)
	p := newProxy(t, m.peer())
	r := replicaOf(t, p.Addr())
	const writers, each = 8, 40
	offsets := make(chan uint64, writers*each)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				at, err := m.tryPut(fmt.Sprint(w, "-", i), float32(i))
				if err != nil {
					t.Error(err)
				}
				offsets <- at.Offset
				if w == 0 && i%8 == 7 {
					p.Cut()
				}
			}
		})
	}
	wg.Wait()
	close(offsets)
	seen := map[uint64]bool{}
	for o := range offsets {
		if seen[o] {
			t.Errorf("two writes have offset %d", o)
		}
		seen[o] = true
	}
	level(t, m, r)
	if n, err := r.engine().Count(context.Background(), "a", nil); err != nil || n != writers*each {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestPayloadOnlyUpdates: an update that names no vector reaches the replica, and so
// does one that names no payload.
// Defect: payload-only-update.
func TestPayloadOnlyUpdates(t *testing.T) {
	m := master(t)
	r := replicaOf(t, m.peer())
	m.put("x", 1)
	for _, op := range []engine.Op{
		{Kind: engine.OpUpdate, ID: "x", PayloadMode: engine.PayloadMerge, Payload: json.RawMessage(`{"y":2}`)},
		{Kind: engine.OpUpdate, ID: "x", Vector: []float32{9, 9, 9, 9}},
		{Kind: engine.OpUpdate, ID: "x", PayloadMode: engine.PayloadReplace, Payload: json.RawMessage(`{"z":3}`)},
	} {
		_, err := m.engine().Write(context.Background(), engine.Mutation{Collection: "a", Ops: []engine.Op{op}})
		if err != nil {
			t.Fatal(err)
		}
		level(t, m, r)
	}
	rec, err := r.engine().Get(context.Background(), "a", "x", engine.Fields{Vector: true, Payload: true})
	if err != nil || string(rec.Payload) != `{"z":3}` || rec.Vector[0] != 9 {
		t.Errorf("%+v %v", rec, err)
	}
}

// TestAnotherHistoryIsNotContinued: a master of another history, with more entries
// or with fewer than the replica has, is not taken for the old one.
// Defect: no-history.
func TestAnotherHistoryIsNotContinued(t *testing.T) {
	for _, entries := range []int{2, 60} {
		t.Run(fmt.Sprint(entries), func(t *testing.T) {
			m := master(t)
			r := replicaOf(t, m.peer())
			for i := range 30 {
				m.put(fmt.Sprint(i), float32(i))
			}
			level(t, m, r)
			address := m.peer()
			history := m.engine().Identity().HistoryID
			m.stop()
			o := fast()
			o.Role, o.Bind = replication.Master, address
			other := open(t, o, engine.Options{})
			other.create("a", 4)
			for i := range entries {
				other.put(fmt.Sprint("other-", i), float32(i))
			}
			level(t, other, r)
			if got := r.status().Stats.FullSyncs[replication.ReasonHistory]; got != 1 {
				t.Errorf("%d full copies for another history", got)
			}
			until(t, "kept for inspection", func() bool { return len(r.status().Kept) == 1 })
			kept := r.status().Kept[0]
			if kept.Reason != replication.ReasonHistory || kept.HistoryID != history || kept.Offset != 31 {
				t.Errorf("%+v", kept)
			}
			r.stop()
			r.start()
			if st := r.status(); len(st.Kept) != 1 || st.Kept[0] != kept {
				t.Errorf("after a restart: %+v", st.Kept)
			}
			o = fast()
			o.Dir = filepath.Join(r.dir, kept.Name) // it opens like any data directory
			look := open(t, o, engine.Options{})
			if n, err := look.engine().Count(context.Background(), "a", nil); err != nil || n != 30 {
				t.Errorf("%d rows are kept, %v", n, err)
			}
		})
	}
}
