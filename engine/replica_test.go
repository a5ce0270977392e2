package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// ship applies everything that from has and to has not.
func ship(t testing.TB, from, to *Engine, maxBytes int) {
	t.Helper()
	var buf []byte
	for to.LogPosition().Offset < from.LogPosition().Offset {
		var span LogSpan
		var err error
		buf, span, err = from.AppendLog(buf[:0], to.LogPosition().Offset+1, maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		pos, err := to.ApplyLog(context.Background(), buf)
		if err != nil {
			t.Fatal(err)
		}
		if pos.Offset != span.Last {
			t.Fatalf("applied up to %d, sent up to %d", pos.Offset, span.Last)
		}
	}
}

// sameData fails unless both engines hold the same bytes: catalogue, records
// and end of the log.
func sameData(t testing.TB, a, b *Engine) {
	t.Helper()
	if pa, pb := a.LogPosition(), b.LogPosition(); pa != pb {
		t.Fatalf("positions %+v and %+v", pa, pb)
	}
	lo, hi := store.AllRecordBounds()
	for _, space := range [][2][]byte{{lo, hi}, {{'c'}, {'d'}}} {
		x, y := dumpSpace(t, a, space), dumpSpace(t, b, space)
		if len(x) != len(y) {
			t.Fatalf("%d and %d values", len(x), len(y))
		}
		for k, v := range x {
			if y[k] != v {
				t.Fatalf("key %q differs", k)
			}
		}
	}
}

func dumpSpace(t testing.TB, e *Engine, bounds [2][]byte) map[string]string {
	t.Helper()
	it, err := e.store.Iter(bounds[0], bounds[1])
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for ok := it.First(); ok; ok = it.Next() {
		out[string(it.Key())] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// randomWork does n random mutations of every kind.
func randomWork(t testing.TB, e *Engine, rng *rand.Rand, n int) {
	t.Helper()
	ctx := context.Background()
	vec := func() []float32 {
		v := make([]float32, 4)
		for i := range v {
			v[i] = rng.Float32() + 0.01
		}
		return v
	}
	for range n {
		id := fmt.Sprint(rng.IntN(40))
		op := Op{Kind: OpUpsert, ID: id, Vector: vec()}
		switch rng.IntN(6) {
		case 0:
			op = Op{Kind: OpDelete, ID: id}
		case 1:
			op = Op{Kind: OpUpdate, ID: id, PayloadMode: PayloadMerge,
				Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, rng.IntN(9)))}
		case 2:
			op = Op{Kind: OpUpdate, ID: id, Vector: vec()}
		case 3:
			op.Payload = json.RawMessage(`{"tag":"x"}`)
		}
		muts := []Mutation{{Collection: "a", Ops: []Op{op}}}
		if rng.IntN(3) == 0 {
			muts = append(muts, Mutation{Collection: "b", Ops: []Op{op, op}})
		}
		if _, err := e.Write(ctx, muts...); err != nil {
			t.Fatal(err)
		}
	}
}

func twoCollections(t testing.TB, e *Engine) {
	t.Helper()
	create(t, e, "a", 4, compute.Cosine)
	_, err := e.CreateCollection(context.Background(), CollectionConfig{
		Name: "b", Dimension: 4, Metric: compute.L2, UpdateMode: UpdateReinsert})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplicaHoldsTheSame ships every kind of mutation and compares bytes. It is
// the regression test for mutations that never reached a replica: deletions,
// updates, payload-only updates, renames, drops, settings.
// Defect: offset-at-dispatch.
func TestReplicaHoldsTheSame(t *testing.T) {
	seed := uint64(11)
	rng := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	master := openTest(t, Options{})
	replica := openTest(t, Options{Dir: dir})
	ctx := context.Background()
	twoCollections(t, master)
	for range 8 {
		randomWork(t, master, rng, 60)
		ship(t, master, replica, 1+rng.IntN(4000))
	}
	if err := master.RenameCollection(ctx, "b", "c"); err != nil {
		t.Fatal(err)
	}
	ef := 77
	if _, err := master.UpdateCollection(ctx, "a", CollectionPatch{EfSearch: &ef}); err != nil {
		t.Fatal(err)
	}
	create(t, master, "b", 2, compute.Dot)
	upsert(t, master, "b", "one", []float32{1, 2}, `{"k":1}`)
	if _, err := master.DeleteByFilter(ctx, "c", mustFilter(t, `{"tag":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if err := master.Reindex(ctx, "a", HNSWConfig{M: 8, EfConstruction: 50}); err != nil {
		t.Fatal(err)
	}
	create(t, master, "gone", 2, compute.Dot)
	if err := master.DeleteCollection(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	ship(t, master, replica, 1<<20)
	sameData(t, master, replica)
	sameAnswers(t, master, replica, "a", 4)
	sameAnswers(t, master, replica, "c", 4)

	// A promoted replica allocates rows as the master would have, and its own
	// restart finds everything.
	if _, err := replica.Promote(ctx, 2); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		upsert(t, replica, "a", fmt.Sprint("new", i), []float32{1, 2, 3, float32(i)}, "")
	}
	sibling := openTest(t, Options{})
	ship(t, replica, sibling, 1<<20)
	sameData(t, replica, sibling)
	if got := sibling.Lineage(); len(got) != 2 || got[1].Epoch != 2 || !reflect.DeepEqual(got, replica.Lineage()) {
		t.Fatalf("lineages %v and %v", got, replica.Lineage())
	}
	if err := replica.Close(); err != nil {
		t.Fatal(err)
	}
	sameData(t, openTest(t, Options{Dir: dir}), sibling)
}

// sameAnswers compares exact searches.
func sameAnswers(t testing.TB, a, b *Engine, coll string, dim int) {
	t.Helper()
	q := make([]float32, dim)
	for i := range q {
		q[i] = float32(i + 1)
	}
	req := SearchRequest{Vector: q, K: 50, Exact: true}
	x, err := a.Search(context.Background(), coll, &req)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Search(context.Background(), coll, &req)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x.Hits, y.Hits) {
		t.Fatalf("%v\n%v", x.Hits, y.Hits)
	}
}

// TestReplicaRefusesWhatDoesNotContinue: entries twice, with a gap, of a lower
// epoch or of another history change nothing.
func TestReplicaRefusesWhatDoesNotContinue(t *testing.T) {
	ctx := context.Background()
	master, other := openTest(t, Options{}), openTest(t, Options{})
	replica := openTest(t, Options{})
	for _, e := range []*Engine{master, other} {
		create(t, e, "a", 2, compute.L2)
	}
	upsert(t, master, "a", "x", []float32{1, 2}, "")
	upsert(t, other, "a", "y", []float32{1, 2}, "")
	all, _, err := master.AppendLog(nil, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replica.ApplyLog(ctx, all); err != nil {
		t.Fatal(err)
	}
	foreign, _, err := other.AppendLog(nil, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	before := replica.LogPosition()
	upsert(t, master, "a", "z", []float32{1, 2}, "")
	upsert(t, master, "a", "z", []float32{1, 3}, "")
	gap, _, err := master.AppendLog(nil, 4, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for name, bytes := range map[string][]byte{
		"twice": all, "foreign": foreign, "gap": gap, "cut": all[:len(all)-1], "short": {1, 2},
	} {
		if _, err := replica.ApplyLog(ctx, bytes); !IsDiverged(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if replica.LogPosition() != before {
		t.Error("something was applied")
	}
	if _, err := replica.Promote(ctx, 5); err != nil {
		t.Fatal(err)
	}
	late, _, err := master.AppendLog(nil, 3, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replica.ApplyLog(ctx, late); !IsDiverged(err) {
		t.Errorf("a lower epoch: %v", err)
	}
	if _, err := replica.Promote(ctx, 5); errs.KindOf(err) != errs.Validation {
		t.Errorf("the same epoch again: %v", err)
	}
}

// Defect: no-history.
func TestLogContinues(t *testing.T) {
	a, b := openTest(t, Options{}), openTest(t, Options{})
	create(t, a, "a", 2, compute.L2)
	ship(t, a, b, 1<<20)
	f := func(e *Engine, p LogPosition, want bool) {
		t.Helper()
		got, err := e.LogContinues(p)
		if err != nil || got != want {
			t.Errorf("%+v: %v %v", p, got, err)
		}
	}
	f(a, LogPosition{}, true)
	f(a, LogPosition{Rolling: 1}, false)
	f(a, b.LogPosition(), true)
	at := b.LogPosition()
	upsert(t, a, "a", "x", []float32{1, 2}, "")
	f(a, at, true)
	upsert(t, b, "a", "y", []float32{1, 2}, "")
	f(a, b.LogPosition(), false) // the same offset, another checksum
	upsert(t, b, "a", "y", []float32{1, 2}, "")
	f(a, b.LogPosition(), false) // ahead
}

// TestRefuseWrites: a node that is not the master takes no write by any route,
// answers with the reason, and still applies entries.
// Defect: writes-at-replicas.
func TestRefuseWrites(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{})
	create(t, e, "a", 2, compute.L2)
	upsert(t, e, "a", "x", []float32{1, 2}, "")
	why := errs.New(errs.NotMaster, "writes go to m")
	e.RefuseWrites(why)
	if err := e.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	before := e.LogPosition()
	_, werr := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{{Kind: OpDelete, ID: "x"}}})
	_, cerr := e.CreateCollection(ctx, CollectionConfig{Name: "n", Dimension: 1})
	_, uerr := e.UpdateCollection(ctx, "a", CollectionPatch{})
	_, ferr := e.DeleteByFilter(ctx, "a", mustFilter(t, `{"k":1}`))
	for what, err := range map[string]error{
		"write": werr, "create": cerr, "update": uerr,
		"rename": e.RenameCollection(ctx, "a", "b"), "drop": e.DeleteCollection(ctx, "a"),
		"reindex": e.Reindex(ctx, "a", HNSWConfig{}),
	} {
		if !errors.Is(err, errs.Of(errs.NotMaster)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if ferr != nil && !errors.Is(ferr, errs.Of(errs.NotMaster)) {
		t.Errorf("delete by filter: %v", ferr)
	}
	if e.LogPosition() != before {
		t.Error("something was written")
	}
	if err := e.Flush(ctx); err != nil {
		t.Errorf("flush: %v", err)
	}
	e.AcceptWrites()
	upsert(t, e, "a", "x", []float32{1, 3}, "")
}

// TestReplicaAppliesWhileLoading: entries that arrive while a restarted replica
// reads its collection are in the index that comes of it. Regression: they were
// committed, and missing from every search until the next restart.
func TestReplicaAppliesWhileLoading(t *testing.T) {
	const dim, rows = 8, 5000
	ctx := context.Background()
	seed := uint64(7)
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	vec := func() []float32 {
		v := make([]float32, dim)
		for i := range v {
			v[i] = rng.Float32()
		}
		return v
	}
	dir := t.TempDir()
	master := openTest(t, Options{})
	replica := openTest(t, Options{Dir: dir})
	create(t, master, "a", dim, compute.L2)
	ops := make([]Op, rows)
	for i := range ops {
		ops[i] = Op{Kind: OpUpsert, ID: fmt.Sprint("old", i), Vector: vec()}
	}
	if _, err := master.Write(ctx, Mutation{Collection: "a", Ops: ops}); err != nil {
		t.Fatal(err)
	}
	ship(t, master, replica, 1<<20)
	if err := replica.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		upsert(t, master, "a", fmt.Sprint("new", i), vec(), "")
	}
	// Without its images the replica makes the index anew, which takes a while.
	if err := os.RemoveAll(filepath.Join(dir, imagesName)); err != nil {
		t.Fatal(err)
	}
	replica, err := Open(ctx, Options{Dir: dir, MinFreeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = replica.Close() }()
	if replica.Ready() {
		t.Fatal("loaded before anything could arrive: the test shows nothing")
	}
	ship(t, master, replica, 200)
	if err := replica.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	sameData(t, master, replica)
	sameAnswers(t, master, replica, "a", dim)
}
