package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// The operations of a history.
const (
	linUpsert = iota
	linInsert
	linUpdate
	linDelete
	linGet
	linSearch // exact search for the key's own vector: a read through the index
	linOps
)

var linNames = [linOps]string{"upsert", "insert", "update", "delete", "get", "search"}

type linInput struct {
	op, key, value int
}

type linOutput struct {
	ok    bool // it applied; for reads: the key is there
	value int
}

// linModel is one register per key: 0 = absent.
var linModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, o := range history {
			k := o.Input.(linInput).key
			byKey[k] = append(byKey[k], o)
		}
		var out [][]porcupine.Operation
		for _, h := range byKey {
			out = append(out, h)
		}
		return out
	},
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		have, in, out := state.(int), input.(linInput), output.(linOutput)
		switch in.op {
		case linUpsert:
			return out.ok, in.value
		case linInsert:
			if have == 0 {
				return out.ok, in.value
			}
			return !out.ok, have
		case linUpdate:
			if have != 0 {
				return out.ok, in.value
			}
			return !out.ok, have
		case linDelete:
			return out.ok == (have != 0), 0
		}
		return out.ok == (have != 0) && out.value == have, have
	},
}

const linKeys = 16

// linVector is far from every other key's.
func linVector(key int) []float32 {
	v := make([]float32, linKeys)
	v[key] = 1
	return v
}

// linRun performs in and returns what the engine answered.
func linRun(e *Engine, in linInput) (linOutput, error) {
	ctx, id := context.Background(), fmt.Sprint(in.key)
	payload := json.RawMessage(fmt.Sprintf(`{"v":%d}`, in.value))
	var op Op
	switch in.op {
	case linUpsert:
		op = Op{Kind: OpUpsert, ID: id, Vector: linVector(in.key), Payload: payload}
	case linInsert:
		op = Op{Kind: OpInsert, ID: id, Vector: linVector(in.key), Payload: payload}
	case linUpdate:
		op = Op{Kind: OpUpdate, ID: id, Payload: payload, PayloadMode: PayloadReplace}
		if in.value%2 == 0 {
			op.Vector = linVector(in.key)
		}
	case linDelete:
		op = Op{Kind: OpDelete, ID: id}
	case linGet:
		r, err := e.Get(ctx, "a", id, Fields{Payload: true})
		if errors.Is(err, errs.Of(errs.VectorNotFound)) {
			return linOutput{}, nil
		}
		return linValue(r, err)
	default:
		res, err := e.Search(ctx, "a", &SearchRequest{Vector: linVector(in.key), K: 1,
			Exact: in.value%2 == 0, Fields: Fields{Payload: true}})
		if err != nil || len(res.Hits) == 0 || res.Hits[0].ID != id {
			return linOutput{}, err
		}
		return linValue(res.Hits[0].Record, nil)
	}
	res, err := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{op}})
	if err != nil {
		return linOutput{}, err
	}
	ierr := res.Items[0].Err
	if ierr != nil && !errors.Is(ierr, errs.Of(errs.VectorNotFound)) &&
		!errors.Is(ierr, errs.Of(errs.VectorExists)) {
		return linOutput{}, ierr
	}
	return linOutput{ok: ierr == nil}, nil
}

func linValue(r Record, err error) (linOutput, error) {
	if err != nil {
		return linOutput{}, err
	}
	var p struct{ V int }
	err = json.Unmarshal(r.Payload, &p)
	return linOutput{ok: true, value: p.V}, err
}

// linHistory records a history of n operations by 8 clients.
func linHistory(t *testing.T, e *Engine, seed uint64, n int,
	run func(*Engine, linInput) (linOutput, error),
) []porcupine.Operation {
	t.Helper()
	const clients = 8
	parts := make([][]porcupine.Operation, clients)
	start := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(c)))
			for i := range n / clients {
				in := linInput{op: r.IntN(linOps), key: r.IntN(linKeys), value: 1 + c + clients*i}
				call := time.Since(start).Nanoseconds()
				out, err := run(e, in)
				if err != nil {
					t.Errorf("%+v: %v", in, err)
					return
				}
				parts[c] = append(parts[c], porcupine.Operation{ClientId: c, Input: in, Call: call,
					Output: out, Return: time.Since(start).Nanoseconds()})
			}
		})
	}
	wg.Wait()
	var all []porcupine.Operation
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// linCheck fails with the shortest history of a key that is not linearizable.
func linCheck(t *testing.T, seed uint64, h []porcupine.Operation) {
	t.Helper()
	for _, part := range linModel.Partition(h) {
		if porcupine.CheckOperations(linModel, part) {
			continue
		}
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
		n := sort.Search(len(part), func(n int) bool { return !porcupine.CheckOperations(linModel, part[:n]) })
		for _, o := range part[max(0, n-12):n] {
			in, out := o.Input.(linInput), o.Output.(linOutput)
			t.Logf("%9d..%9d ns client %d: %s %d -> %v %d",
				o.Call, o.Return, o.ClientId, linNames[in.op], in.value, out.ok, out.value)
		}
		t.Errorf("seed %d: the history of key %d is not linearizable; its last operations stand above",
			seed, part[0].Input.(linInput).key)
	}
}

// TestLinearizable checks ten histories of 10,000 operations, half of them with
// rows that move on every update.
func TestLinearizable(t *testing.T) {
	histories, n := 10, 10000
	if testing.Short() {
		histories, n = 2, 2000
	}
	for seed := range uint64(histories) {
		mode := UpdateInPlace
		if seed%2 == 1 {
			mode = UpdateReinsert
		}
		e := openTest(t, crashOptions(vfs.NewMem()))
		if _, err := e.CreateCollection(context.Background(), CollectionConfig{
			Name: "a", Dimension: linKeys, Metric: compute.L2, UpdateMode: mode}); err != nil {
			t.Fatal(err)
		}
		h := linHistory(t, e, seed, n, linRun)
		if t.Failed() {
			return
		}
		linCheck(t, seed, h)
	}
}

// TestLinearizableNoticesStaleRead gives the checker reads from a cache that is
// not invalidated.
func TestLinearizableNoticesStaleRead(t *testing.T) {
	e := openTest(t, crashOptions(vfs.NewMem()))
	create(t, e, "a", linKeys, compute.L2)
	var mu sync.Mutex
	cache := map[int]linOutput{}
	h := linHistory(t, e, 1, 2000, func(e *Engine, in linInput) (linOutput, error) {
		out, err := linRun(e, in)
		mu.Lock()
		defer mu.Unlock()
		if in.op != linGet || err != nil {
			return out, err
		}
		if old, ok := cache[in.key]; ok && in.value%5 == 0 {
			return old, nil
		}
		cache[in.key] = out
		return out, nil
	})
	if porcupine.CheckOperations(linModel, h) {
		t.Fatal("stale reads were not noticed")
	}
}
