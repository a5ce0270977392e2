package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// modelRecord is a record as the model knows it.
type modelRecord struct {
	vec     []float32
	payload string // "" = none
}

// modelState is the whole content: collection -> id -> record. It is immutable;
// a change makes a new one that shares what did not change.
type modelState map[string]*modelColl

type modelColl struct {
	metric compute.Metric
	mode   UpdateMode
	recs   map[string]modelRecord
}

const modelDim = 4

// with returns s with collection name changed by fn.
func (s modelState) with(name string, fn func(c *modelColl)) modelState {
	next := maps.Clone(s)
	c := &modelColl{metric: s[name].metric, mode: s[name].mode, recs: maps.Clone(s[name].recs)}
	fn(c)
	next[name] = c
	return next
}

// modelStep is one random call: what it does to the engine and to the model.
type modelStep struct {
	text string
	next modelState
	run  func(e *Engine) error // checks the engine's answer against the model
}

// modelGen makes random steps from a seed.
type modelGen struct {
	r    *rand.Rand
	uniq int
}

func (g *modelGen) vec() []float32 {
	v := make([]float32, modelDim)
	for i := range v {
		// Few values: equal vectors and ties are common.
		v[i] = float32(g.r.IntN(5)) + 0.5
	}
	return v
}

func (g *modelGen) payload() string {
	switch g.r.IntN(4) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(`{"n":%d}`, g.r.IntN(10))
	}
	return fmt.Sprintf(`{"n":%d,"s":"v%d"}`, g.r.IntN(10), g.r.IntN(3))
}

func (g *modelGen) id() string { return "id" + strconv.Itoa(g.r.IntN(40)) }

// coll picks a collection, "" if there is none.
func (g *modelGen) coll(s modelState) string {
	if len(s) == 0 {
		return ""
	}
	names := slices.Sorted(maps.Keys(s))
	return names[g.r.IntN(len(names))]
}

// step makes a random step from s.
func (g *modelGen) step(s modelState) modelStep {
	name := g.coll(s)
	if name == "" || (len(s) < 3 && g.r.IntN(20) == 0) {
		return g.create(s)
	}
	switch n := g.r.IntN(100); {
	case n < 70:
		return g.write(s, name)
	case n < 78:
		return g.move(s, name)
	case n < 84:
		return g.byFilter(s, name)
	case n < 86:
		return g.drop(s, name)
	case n < 88:
		return g.rename(s, name)
	case n < 90:
		return modelStep{"reindex " + name, s, func(e *Engine) error {
			return e.Reindex(context.Background(), name, HNSWConfig{M: 2 + g.r.IntN(8)})
		}}
	case n < 94:
		return modelStep{"flush " + name, s, func(e *Engine) error {
			return e.FlushCollection(context.Background(), name)
		}}
	}
	return g.read(s, name)
}

func (g *modelGen) create(s modelState) modelStep {
	g.uniq++
	name := fmt.Sprintf("c%d", g.uniq)
	c := &modelColl{metric: compute.Metric(1 + g.r.IntN(3)), mode: UpdateInPlace, recs: map[string]modelRecord{}}
	if g.r.IntN(3) == 0 {
		c.mode = UpdateReinsert
	}
	next := maps.Clone(s)
	if next == nil {
		next = modelState{}
	}
	next[name] = c
	return modelStep{"create " + name, next, func(e *Engine) error {
		_, err := e.CreateCollection(context.Background(), CollectionConfig{
			Name: name, Dimension: modelDim, Metric: c.metric, UpdateMode: c.mode})
		return err
	}}
}

func (g *modelGen) drop(s modelState, name string) modelStep {
	next := maps.Clone(s)
	delete(next, name)
	return modelStep{"drop " + name, next, func(e *Engine) error {
		return e.DeleteCollection(context.Background(), name)
	}}
}

func (g *modelGen) rename(s modelState, name string) modelStep {
	g.uniq++
	to := fmt.Sprintf("r%d", g.uniq)
	next := maps.Clone(s)
	next[to] = next[name]
	delete(next, name)
	return modelStep{"rename " + name + " " + to, next, func(e *Engine) error {
		return e.RenameCollection(context.Background(), name, to)
	}}
}

// write is a Write of one to six ops of all kinds.
func (g *modelGen) write(s modelState, name string) modelStep {
	var ops []Op
	var want []errs.Kind
	next := s.with(name, func(c *modelColl) {
		for range 1 + g.r.IntN(6) {
			op, kind := g.op(c)
			ops, want = append(ops, op), append(want, kind)
		}
	})
	return modelStep{fmt.Sprintf("write %s %d ops", name, len(ops)), next, func(e *Engine) error {
		res, err := e.Write(context.Background(), Mutation{Collection: name, Ops: ops})
		if err != nil {
			return err
		}
		for i, it := range res.Items {
			if (it.Err == nil) != (want[i] == "") || (it.Err != nil && errs.KindOf(it.Err) != want[i]) {
				return fmt.Errorf("op %d %+v: got %v, want kind %q", i, ops[i], it.Err, want[i])
			}
		}
		return nil
	}}
}

// op makes a random op and applies it to c; kind is of the error to expect.
func (g *modelGen) op(c *modelColl) (op Op, kind errs.Kind) {
	op = Op{ID: g.id(), Kind: OpKind(1 + g.r.IntN(4))}
	old, present := c.recs[op.ID]
	switch op.Kind {
	case OpUpsert, OpInsert:
		op.Vector, op.Payload = g.vec(), rawOrNil(g.payload())
		if op.Kind == OpInsert && present {
			return op, errs.VectorExists
		}
		c.recs[op.ID] = modelRecord{op.Vector, string(op.Payload)}
	case OpUpdate:
		rec := old
		if g.r.IntN(2) == 0 {
			op.Vector = g.vec()
			rec.vec = op.Vector
		}
		op.PayloadMode = PayloadMode(g.r.IntN(3))
		if op.PayloadMode != PayloadKeep {
			op.Payload = rawOrNil(g.payload())
			rec.payload = string(op.Payload)
			if op.PayloadMode == PayloadMerge {
				rec.payload = mergeModel(old.payload, string(op.Payload))
			}
		}
		if !present {
			return op, errs.VectorNotFound
		}
		c.recs[op.ID] = rec
	case OpDelete:
		if !present {
			return op, errs.VectorNotFound
		}
		delete(c.recs, op.ID)
	}
	return op, ""
}

func rawOrNil(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// mergeModel is a merge patch over flat objects, by another way than the engine's.
func mergeModel(doc, patch string) string {
	if patch == "" {
		return doc
	}
	m := map[string]any{}
	for _, t := range []string{doc, patch} {
		if t != "" {
			if err := json.Unmarshal([]byte(t), &m); err != nil {
				panic(err)
			}
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (g *modelGen) move(s modelState, name string) modelStep {
	to := g.coll(s)
	if to == name {
		return g.write(s, name)
	}
	ids := []string{g.id(), g.id(), g.id()}
	move := g.r.IntN(2) == 0
	next := s
	var want []string
	for i, id := range ids {
		rec, ok := next[name].recs[id]
		if move && slices.Contains(ids[:i], id) {
			rec, ok = s[name].recs[id]
		}
		if !ok {
			want = append(want, CopyMissingInSrc)
			continue
		}
		want = append(want, CopyOK)
		next = next.with(to, func(c *modelColl) { c.recs[id] = rec })
		if move {
			next = next.with(name, func(c *modelColl) { delete(c.recs, id) })
		}
	}
	return modelStep{fmt.Sprintf("move=%v %s %s %v", move, name, to, ids), next, func(e *Engine) error {
		fn := e.Copy
		if move {
			fn = e.Move
		}
		items, err := fn(context.Background(), name, to, ids)
		if err != nil {
			return err
		}
		for i, it := range items {
			if it.Status != want[i] {
				return fmt.Errorf("item %d: %s, want %s (%v)", i, it.Status, want[i], it.Err)
			}
		}
		return nil
	}}
}

func (g *modelGen) byFilter(s modelState, name string) modelStep {
	n := g.r.IntN(10)
	text := fmt.Sprintf(`{"must":[{"key":"n","range":{"gte":%d,"lt":%d}}]}`, n, n+2)
	del := g.r.IntN(2) == 0
	var hit []string
	next := s.with(name, func(c *modelColl) {
		for id, rec := range c.recs {
			if k, ok := modelN(rec); ok && k >= n && k < n+2 {
				hit = append(hit, id)
				if del {
					delete(c.recs, id)
				} else {
					rec.payload = mergeModel(rec.payload, `{"u":true}`)
					c.recs[id] = rec
				}
			}
		}
	})
	slices.Sort(hit)
	return modelStep{fmt.Sprintf("byFilter del=%v %s %s", del, name, text), next, func(e *Engine) error {
		f := mustFilterErr(text)
		var res FilterOpResult
		var err error
		if del {
			res, err = e.DeleteByFilter(context.Background(), name, f)
		} else {
			res, err = e.UpdateByFilter(context.Background(), name, f, []byte(`{"u":true}`))
		}
		if err != nil {
			return err
		}
		var got []string
		for _, it := range res.Items {
			if it.Err != nil {
				return it.Err
			}
			got = append(got, it.ID)
		}
		if !slices.Equal(got, hit) {
			return fmt.Errorf("filter op: got %v, want %v", got, hit)
		}
		return nil
	}}
}

// modelN is the number under "n" in rec's payload.
func modelN(rec modelRecord) (int, bool) {
	var m struct{ N *int }
	if rec.payload == "" || json.Unmarshal([]byte(rec.payload), &m) != nil || m.N == nil {
		return 0, false
	}
	return *m.N, true
}

// read is a filtered exact search, a count and a scroll, compared with the model.
func (g *modelGen) read(s modelState, name string) modelStep {
	q, n, k, offset := g.vec(), g.r.IntN(10), 1+g.r.IntN(8), g.r.IntN(4)
	return modelStep{"read " + name, s, func(e *Engine) error {
		text := fmt.Sprintf(`{"must":[{"key":"n","match":{"value":%d}}]}`, n)
		keep := func(rec modelRecord) bool { v, ok := modelN(rec); return ok && v == n }
		if err := compareSearch(e, s, name, &SearchRequest{Vector: q, K: k, Offset: offset,
			Filter: mustFilterErr(text), Fields: Fields{Payload: true}}, keep); err != nil {
			return err
		}
		return compareSearch(e, s, name, &SearchRequest{Vector: q, K: k, Offset: offset, Exact: n%2 == 0},
			func(modelRecord) bool { return true })
	}}
}

// compareSearch compares a search with the model's: the scores at every place, the
// score of every id, and, where arithmetic is exact, the order of ties too.
func compareSearch(e *Engine, s modelState, name string, r *SearchRequest, keep func(modelRecord) bool) error {
	res, err := e.Search(context.Background(), name, r)
	if err != nil {
		return err
	}
	c := s[name]
	all := modelSearch(c, r.Vector, keep)
	want := all[min(r.Offset, len(all)):]
	want = want[:min(r.K, len(want))]
	if len(res.Hits) != len(want) {
		return fmt.Errorf("search: %d hits, want %d", len(res.Hits), len(want))
	}
	for i, h := range res.Hits {
		own := slices.IndexFunc(all, func(w Hit) bool { return w.ID == h.ID })
		if own < 0 || !near(h.Score, all[own].Score) || !near(h.Distance, all[own].Distance) ||
			!near(h.Score, want[i].Score) || (c.metric != compute.Cosine && h.ID != want[i].ID) {
			return fmt.Errorf("hit %d: %s %v %v, want %s %v %v", i,
				h.ID, h.Score, h.Distance, want[i].ID, want[i].Score, want[i].Distance)
		}
	}
	return nil
}

func near(a, b float32) bool { return max(a-b, b-a) <= 2e-6*(1+max(a, -a)) }

// modelSearch is a search by sorting, without limit.
func modelSearch(c *modelColl, q []float32, keep func(modelRecord) bool) []Hit {
	var all []Hit
	for id, rec := range c.recs {
		if !keep(rec) {
			continue
		}
		q, v := q, rec.vec
		if c.metric == compute.Cosine {
			q, v = unitOf(q), unitOf(v)
		}
		h := Hit{Record: Record{ID: id}}
		h.Score, h.Distance = score(c.metric, distance(c.metric, q, v))
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func unitOf(v []float32) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return unit(nil, v, sum)
}

// compareState compares everything in e with s.
func compareState(e *Engine, s modelState) error {
	infos := e.Collections()
	var names []string
	for _, i := range infos {
		names = append(names, i.Name)
		if i.State != StateReady {
			return fmt.Errorf("collection %s is %s: %s", i.Name, i.State, i.Reason)
		}
	}
	if want := slices.Sorted(maps.Keys(s)); !slices.Equal(names, want) {
		return fmt.Errorf("collections %v, want %v", names, want)
	}
	for _, i := range infos {
		if err := compareColl(e, i, s); err != nil {
			return fmt.Errorf("collection %s: %w", i.Name, err)
		}
	}
	return nil
}

func compareColl(e *Engine, info CollectionInfo, s modelState) error {
	c := s[info.Name]
	if info.VectorCount != len(c.recs) || info.Metric != c.metric {
		return fmt.Errorf("%d vectors, metric %d; want %d, %d", info.VectorCount, info.Metric,
			len(c.recs), c.metric)
	}
	page, err := e.Scroll(context.Background(), info.Name, ScrollRequest{
		Limit: 1000, Fields: Fields{Vector: true, Payload: true}})
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(c.recs))
	if len(page.Records) != len(ids) {
		return fmt.Errorf("scroll: %d records, want %d", len(page.Records), len(ids))
	}
	for i, r := range page.Records {
		want := c.recs[ids[i]]
		if r.ID != ids[i] || !slices.Equal(r.Vector, want.vec) || !sameJSON(string(r.Payload), want.payload) {
			return fmt.Errorf("record %d: %s %v %q, want %s %v %q", i,
				r.ID, r.Vector, r.Payload, ids[i], want.vec, want.payload)
		}
	}
	q := []float32{1, 2, 0.5, 3}
	all := &SearchRequest{Vector: q, K: len(ids) + 5, Exact: true}
	if err := compareSearch(e, s, info.Name, all, func(modelRecord) bool { return true }); err != nil {
		return err
	}
	all = &SearchRequest{Vector: q, K: len(ids) + 5, Ef: 200}
	if err := compareSearch(e, s, info.Name, all, func(modelRecord) bool { return true }); err != nil {
		return fmt.Errorf("not exact: %w", err)
	}
	for n := range 10 {
		f := fmt.Sprintf(`{"must":[{"key":"n","match":{"value":%d}}]}`, n)
		want := 0
		for _, rec := range c.recs {
			if v, ok := modelN(rec); ok && v == n {
				want++
			}
		}
		if got, err := e.Count(context.Background(), info.Name, mustFilterErr(f)); err != nil || got != want {
			return fmt.Errorf("count n=%d: %d %v, want %d", n, got, err, want)
		}
	}
	return nil
}

// sameJSON compares two objects, or nothing.
func sameJSON(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil &&
		fmt.Sprint(x) == fmt.Sprint(y)
}

// TestModel runs random steps on an engine and a map, with restarts, clean ones
// and such that find an image and a tail of the log.
func TestModel(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			g := &modelGen{r: rand.New(rand.NewPCG(uint64(seed), 1))}
			o := Options{Dir: t.TempDir(), ImageMinRows: 30, Fsync: FsyncOff, LinkWorkers: 1}
			e := openTest(t, o)
			s := modelState{}
			for i := range 300 {
				st := g.step(s)
				if err := st.run(e); err != nil {
					t.Fatalf("step %d, %s: %v", i, st.text, err)
				}
				s = st.next
				if g.r.IntN(60) == 0 {
					if err := e.Close(); err != nil {
						t.Fatal(err)
					}
					e = openTest(t, o)
					if err := compareState(e, s); err != nil {
						t.Fatalf("after step %d and a restart: %v", i, err)
					}
				}
			}
			if err := compareState(e, s); err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			rep, err := Verify(context.Background(), o.Dir, Options{})
			if err != nil || !rep.OK() {
				t.Fatal(rep.Problems, err)
			}
		})
	}
}
