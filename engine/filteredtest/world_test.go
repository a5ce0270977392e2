package filteredtest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

const coll = "c"

// row is what the tests know of a stored vector.
type row struct {
	vec     []float32
	payload string
	cluster int
}

// world is an engine with one collection, and the truth about it.
type world struct {
	e      *engine.Engine
	rnd    *rand.Rand
	metric compute.Metric
	dim    int
	centre [][]float32
	rows   map[string]*row

	// What was worked out of rows as they are.

	lastQuery  *float32
	lastRanked []near
	matches    map[string]map[string]bool
}

const clusters = 100

// newWorld opens an engine with n rows in clusters.
func newWorld(t testing.TB, metric compute.Metric, n, dim int, seed uint64) *world {
	t.Helper()
	e, err := engine.Open(context.Background(), engine.Options{
		Dir: t.TempDir(), Fsync: engine.FsyncOff, MinFreeBytes: 1,
		Logger: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{e: e, rnd: rand.New(rand.NewPCG(seed, 1)), metric: metric, dim: dim, rows: map[string]*row{}}
	_, err = e.CreateCollection(context.Background(),
		engine.CollectionConfig{Name: coll, Dimension: dim, Metric: metric})
	if err != nil {
		t.Fatal(err)
	}
	for range clusters {
		w.centre = append(w.centre, w.gauss(make([]float32, dim), 1))
	}
	var ops []engine.Op
	for i := range n {
		ops = append(ops, w.newRow("id"+strconv.Itoa(i)))
		if len(ops) == 500 || i == n-1 {
			w.write(t, ops)
			ops = ops[:0]
		}
	}
	w.settle(t)
	return w
}

// gauss returns around moved by normal noise.
func (w *world) gauss(around []float32, sigma float64) []float32 {
	v := make([]float32, len(around))
	for i, x := range around {
		v[i] = x + float32(w.rnd.NormFloat64()*sigma)
	}
	return v
}

// newRow makes id anew: a vector in a random cluster, and a payload with fields
// that go with the cluster (side, band, cluster) and some that do not (half …).
func (w *world) newRow(id string) engine.Op {
	c := w.rnd.IntN(clusters)
	r := &row{cluster: c, vec: w.gauss(w.centre[c], 0.35)}
	r.payload = fmt.Sprintf(`{"half":%d,"tenth":"v%d","hundredth":%d,"thousandth":"t%d",`+
		`"score":%.5f,"cluster":%d,"band":"b%d","side":%v,"tags":["x%d","y%d"]}`,
		w.rnd.IntN(2), w.rnd.IntN(10), w.rnd.IntN(100), w.rnd.IntN(1000),
		w.rnd.Float64(), c, c/10, c < clusters/2, w.rnd.IntN(50), w.rnd.IntN(50))
	w.rows[id] = r
	return engine.Op{Kind: engine.OpUpsert, ID: id, Vector: r.vec, Payload: []byte(r.payload)}
}

func (w *world) write(t testing.TB, ops []engine.Op) {
	t.Helper()
	w.forget()
	res, err := w.e.Write(context.Background(), engine.Mutation{Collection: coll, Ops: ops})
	if err != nil {
		t.Fatal(err)
	}
	for i, it := range res.Items {
		if it.Err != nil {
			t.Fatalf("%s: %v", ops[i].ID, it.Err)
		}
	}
}

// settle waits until every row is in the graph.
func (w *world) settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := w.e.WaitIndexed(ctx, coll); err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, text string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// distance is the engine's, computed plainly.
func (w *world) distance(a, b []float32) float64 {
	var dot, aa, bb, l2 float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		aa += x * x
		bb += y * y
		l2 += (x - y) * (x - y)
	}
	switch w.metric {
	case compute.Dot:
		return -dot
	case compute.Cosine:
		return 1 - dot/math.Sqrt(aa*bb)
	}
	return l2
}

// near is a row and how far it is.
type near struct {
	id   string
	dist float64
}

// truth returns all rows that match f, nearest first.
func (w *world) truth(t testing.TB, q []float32, f *filter.Filter) []near {
	t.Helper()
	match := w.matching(t, f)
	list := make([]near, 0, len(match))
	for _, n := range w.ranked(q) {
		if match[n.id] {
			list = append(list, n)
		}
	}
	return list
}

// ranked returns all rows by their distance from q.
func (w *world) ranked(q []float32) []near {
	if w.lastQuery == &q[0] {
		return w.lastRanked
	}
	list := make([]near, 0, len(w.rows))
	for id, r := range w.rows {
		list = append(list, near{id, w.distance(q, r.vec)})
	}
	slices.SortFunc(list, func(a, b near) int { return cmp.Compare(a.dist, b.dist) })
	w.lastQuery, w.lastRanked = &q[0], list
	return list
}

// matching returns the ids that match f.
func (w *world) matching(t testing.TB, f *filter.Filter) map[string]bool {
	t.Helper()
	key := f.String()
	if m, ok := w.matches[key]; ok {
		return m
	}
	m := map[string]bool{}
	for id, r := range w.rows {
		ok, err := f.Match(id, []byte(r.payload))
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			m[id] = true
		}
	}
	w.matches[key] = m
	return m
}

// forget is called when rows change.
func (w *world) forget() {
	w.lastQuery, w.matches = nil, map[string]map[string]bool{}
}

// outcome is what one search came to.
type outcome struct {
	recall   float64
	matching int
	plan     string
	took     time.Duration
}

// search runs one filtered search and checks everything but recall: as many hits
// as there can be, each one matching, none twice, in order of score.
func (w *world) search(t testing.TB, req engine.SearchRequest) outcome {
	t.Helper()
	req.Explain = true
	want := w.truth(t, req.Vector, req.Filter)
	start := time.Now()
	res, err := w.e.Search(context.Background(), coll, &req)
	o := outcome{matching: len(want), took: time.Since(start)}
	if err != nil {
		t.Fatalf("%s: %v", req.Filter, err)
	}
	o.plan = res.Explain.Plan
	full := min(req.K, max(len(want)-req.Offset, 0))
	if len(res.Hits) != full {
		t.Fatalf("%s: %d hits of %d (%d match), plan %s, %s", req.Filter, len(res.Hits), full,
			len(want), o.plan, res.Explain.Reason)
	}
	seen := map[string]bool{}
	found := 0
	for i, h := range res.Hits {
		r := w.rows[h.ID]
		if r == nil || seen[h.ID] {
			t.Fatalf("%s: hit %s is unknown or twice", req.Filter, h.ID)
		}
		seen[h.ID] = true
		if ok, err := req.Filter.Match(h.ID, []byte(r.payload)); !ok || err != nil {
			t.Fatalf("%s: hit %s does not match: %s", req.Filter, h.ID, r.payload)
		}
		if i > 0 && h.Score > res.Hits[i-1].Score {
			t.Fatalf("%s: hits out of order", req.Filter)
		}
		limit := want[req.Offset+full-1].dist
		if w.distance(req.Vector, r.vec) <= limit+1e-5*math.Max(1, math.Abs(limit)) {
			found++
		}
	}
	o.recall = 1
	if full > 0 {
		o.recall = float64(found) / float64(full)
	}
	return o
}
