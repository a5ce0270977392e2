package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// Make returns an empty index of vectors of dim components, closed by the test.
type Make func(tb testing.TB, dim int, metric compute.Metric) index.Graph

// Metrics are the metrics that the suite covers.
func Metrics() []compute.Metric {
	return []compute.Metric{compute.L2, compute.Dot, compute.Cosine}
}

// Run checks the contract of index.Graph.
func Run(t *testing.T, mk Make) {
	t.Run("Empty", func(t *testing.T) { testEmpty(t, mk) })
	for i, m := range Metrics() {
		name := fmt.Sprint("metric", m)
		t.Run("RandomOps/"+name, func(t *testing.T) {
			for seed := range uint64(4) {
				testRandomOps(t, mk, m, []int{1, 7, 32, 100}[seed], seed*10+uint64(i))
			}
		})
		t.Run("Filter/"+name, func(t *testing.T) { testFilter(t, mk, m) })
	}
	t.Run("Epoch", func(t *testing.T) { testEpoch(t, mk) })
	t.Run("SearchBesideWrites", func(t *testing.T) { testBesideWrites(t, mk) })
	t.Run("FoundAtOnce", func(t *testing.T) { testFoundAtOnce(t, mk) })
	t.Run("Duplicates", func(t *testing.T) { testDuplicates(t, mk) })
}

// vector draws a vector; unit length under Cosine.
func vector(r *rand.Rand, dim int, m compute.Metric) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	if m == compute.Cosine {
		Normalize(v)
	}
	return v
}

// model is the exact answer beside an index.
type model struct {
	g      index.Graph
	metric compute.Metric
	dim    int
	rows   map[uint32][]float32
}

func (m *model) put(tb testing.TB, row uint32, v []float32) {
	tb.Helper()
	if err := m.g.Put(row, v); err != nil {
		tb.Fatal(err)
	}
	m.rows[row] = v
}

func (m *model) del(row uint32) {
	m.g.Delete(row)
	delete(m.rows, row)
}

// check searches so wide that the answer must be exact.
func (m *model) check(tb testing.TB, q []float32, k int, allow []uint64) {
	tb.Helper()
	rows := m.rows
	if allow != nil {
		rows = make(map[uint32][]float32)
		for r, v := range m.rows {
			if i := int(r >> 6); i < len(allow) && allow[i]>>(r&63)&1 != 0 {
				rows[r] = v
			}
		}
	}
	want := Nearest(m.metric, q, rows, k)
	got := m.g.Search(q, index.Params{K: k, Ef: max(m.g.Rows(), 1), Allow: allow}, nil)
	m.same(tb, q, got, want)
}

// same compares by distance, because equal distances come in any order, and
// checks that each row has the distance it is said to have.
func (m *model) same(tb testing.TB, q []float32, got, want []index.Hit) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("%d hits, want %d: got %v want %v", len(got), len(want), got, want)
	}
	seen := make(map[uint32]bool)
	for i, h := range got {
		v, ok := m.rows[h.Row]
		if !ok || seen[h.Row] {
			tb.Fatalf("hit %d: row %d is not alive or comes twice: %v", i, h.Row, got)
		}
		seen[h.Row] = true
		if !near(h.Dist, Distance(m.metric, q, v)) {
			tb.Fatalf("row %d at %g, is at %g", h.Row, h.Dist, Distance(m.metric, q, v))
		}
		if !near(h.Dist, want[i].Dist) {
			tb.Fatalf("hit %d at %g, the exact one at %g", i, h.Dist, want[i].Dist)
		}
	}
}

// near allows for the order of summation.
func near(a, b float32) bool {
	return math.Abs(float64(a-b)) <= 1e-4*max(1, math.Abs(float64(a)), math.Abs(float64(b)))
}

func testEmpty(t *testing.T, mk Make) {
	g := mk(t, 8, compute.L2)
	if hits := g.Search(make([]float32, 8), index.Params{K: 10}, nil); len(hits) != 0 {
		t.Fatalf("an empty index returned %v", hits)
	}
	g.Delete(5)
	g.Wait()
	if g.Rows() != 0 || g.Live() != 0 || g.Pending() != 0 {
		t.Fatalf("rows %d, live %d, pending %d", g.Rows(), g.Live(), g.Pending())
	}
	if w := g.AliveWords([]uint64{1, 2}); len(w) != 0 {
		t.Fatalf("alive rows %v", w)
	}
}

// testRandomOps puts new rows, replaces, deletes and puts deleted ones again.
func testRandomOps(t *testing.T, mk Make, metric compute.Metric, dim int, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	m := &model{g: mk(t, dim, metric), metric: metric, dim: dim, rows: make(map[uint32][]float32)}
	const rows = 600
	for step := range 3000 {
		row := uint32(r.IntN(min(rows, step+1)))
		switch {
		case r.IntN(10) < 7:
			m.put(t, row, vector(r, dim, metric))
		default:
			m.del(row)
		}
		if step%50 == 0 {
			m.check(t, vector(r, dim, metric), 1+r.IntN(20), nil)
		}
		if step%1000 == 999 {
			m.g.Wait()
			m.check(t, vector(r, dim, metric), rows, nil)
		}
	}
	m.counts(t)
}

// counts compares the numbers and the stored vectors after Wait.
func (m *model) counts(t *testing.T) {
	t.Helper()
	m.g.Wait()
	if m.g.Pending() != 0 || m.g.Live() != len(m.rows) {
		t.Fatalf("pending %d, live %d, want 0 and %d", m.g.Pending(), m.g.Live(), len(m.rows))
	}
	words := m.g.AliveWords(nil)
	h := m.g.HostRows()
	for row := range uint32(m.g.Rows()) {
		v, want := m.rows[row]
		if got := words[row>>6]>>(row&63)&1 != 0; got != want {
			t.Fatalf("row %d: alive %v, want %v", row, got, want)
		}
		if want && !slices.Equal(m.g.Vector(row), v) {
			t.Fatalf("row %d holds another vector", row)
		}
		if want && !slices.Equal(h.Rows[int(row)*h.Stride:][:h.Dim], v) {
			t.Fatalf("row %d is another vector in HostRows", row)
		}
	}
}

func testFilter(t *testing.T, mk Make, metric compute.Metric) {
	r := rand.New(rand.NewPCG(3, uint64(metric)))
	m := &model{g: mk(t, 24, metric), metric: metric, dim: 24, rows: make(map[uint32][]float32)}
	const rows = 2000
	for row := range uint32(rows) {
		m.put(t, row, vector(r, 24, metric))
	}
	for range rows / 4 {
		m.del(uint32(r.IntN(rows)))
	}
	for _, share := range []float64{0, 0.001, 0.02, 0.3, 0.9, 1} {
		allow := make([]uint64, rows/64-2) // rows beyond its end are not allowed
		for row := range len(allow) * 64 {
			if r.Float64() < share {
				allow[row>>6] |= 1 << (row & 63)
			}
		}
		m.check(t, vector(r, 24, metric), 15, allow)
		// A narrow search need not be exact but must not be short.
		want := Nearest(metric, make([]float32, 24), m.allowed(allow), 15)
		got := m.g.Search(vector(r, 24, metric), index.Params{K: 15, Ef: 15, Allow: allow}, nil)
		if len(got) != len(want) {
			t.Fatalf("share %g: %d hits, want %d", share, len(got), len(want))
		}
		for _, h := range got {
			if allow[h.Row>>6]>>(h.Row&63)&1 == 0 {
				t.Fatalf("share %g: row %d is not allowed", share, h.Row)
			}
		}
	}
}

func (m *model) allowed(allow []uint64) map[uint32][]float32 {
	out := make(map[uint32][]float32)
	for row, v := range m.rows {
		if i := int(row >> 6); i < len(allow) && allow[i]>>(row&63)&1 != 0 {
			out[row] = v
		}
	}
	return out
}

func testEpoch(t *testing.T, mk Make) {
	g := mk(t, 4, compute.L2)
	put := func(row uint32, x float32) {
		t.Helper()
		if err := g.Put(row, []float32{x, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	put(0, 1)
	put(1, 2)
	e := g.Epoch()
	if g.ChangedSince(0, e) || g.ChangedSince(1, e) {
		t.Fatal("changed although nothing happened")
	}
	put(1, 3)
	if g.ChangedSince(0, e) || !g.ChangedSince(1, e) || g.Epoch() <= e {
		t.Fatal("a put shows at the wrong row or not at all")
	}
	e = g.Epoch()
	g.Delete(0)
	if !g.ChangedSince(0, e) || g.ChangedSince(1, e) {
		t.Fatal("a delete shows at the wrong row or not at all")
	}
	e = g.Epoch()
	g.Delete(0)
	if g.Epoch() != e || g.ChangedSince(0, e) {
		t.Fatal("deleting a row that is not alive counted")
	}
}

// testFoundAtOnce looks for each row right after its Put or Delete.
func testFoundAtOnce(t *testing.T, mk Make) {
	r := rand.New(rand.NewPCG(5, 5))
	g := mk(t, 16, compute.L2)
	for step := range 4000 {
		row := uint32(r.IntN(step/2 + 1))
		v := vector(r, 16, compute.L2)
		if err := g.Put(row, v); err != nil {
			t.Fatal(err)
		}
		hits := g.Search(v, index.Params{K: 1, Ef: 8}, nil)
		if len(hits) != 1 || hits[0].Row != row || hits[0].Dist != 0 {
			t.Fatalf("step %d: row %d not found at once: %v", step, row, hits)
		}
		if step%3 != 0 {
			continue
		}
		g.Delete(row)
		for _, h := range g.Search(v, index.Params{K: 5, Ef: 8}, nil) {
			if h.Row == row {
				t.Fatalf("step %d: deleted row %d found", step, row)
			}
		}
	}
}

// testDuplicates stores the same few vectors many times: every one of the
// distinct ones must stay within reach.
func testDuplicates(t *testing.T, mk Make) {
	for seed := range uint64(5) {
		testDuplicatesOf(t, mk(t, 12, compute.L2), rand.New(rand.NewPCG(6, seed)))
	}
}

func testDuplicatesOf(t *testing.T, g index.Graph, r *rand.Rand) {
	t.Helper()
	distinct := make([][]float32, 40)
	for i := range distinct {
		distinct[i] = vector(r, 12, compute.L2)
	}
	for row := range uint32(4000) {
		if err := g.Put(row, distinct[r.IntN(len(distinct))]); err != nil {
			t.Fatal(err)
		}
	}
	g.Wait()
	for i, v := range distinct {
		hits := g.Search(v, index.Params{K: 10, Ef: 64}, nil)
		if len(hits) != 10 || hits[9].Dist != 0 {
			t.Fatalf("vector %d, stored about 100 times: %v", i, hits)
		}
	}
}

// history is every vector that each row ever held.
type history struct {
	mu   sync.Mutex // guards rows
	rows map[uint32][][]float32
}

func (h *history) add(row uint32, v []float32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rows[row] = append(h.rows[row], v)
}

// explains reports whether row ever held a vector at that distance from q.
func (h *history) explains(metric compute.Metric, q []float32, hit index.Hit) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.rows[hit.Row] {
		if near(hit.Dist, Distance(metric, q, v)) {
			return true
		}
	}
	return false
}

// testBesideWrites searches while a writer changes everything but the first
// rows. No distance may come from a half-written vector, no row may come twice,
// and a row that nobody touches is found by nearly every search: the graph is an
// approximate index, whose links around a row are mended in passes.
func testBesideWrites(t *testing.T, mk Make) {
	const dim, fixed, rows = 16, 64, 1500
	g := mk(t, dim, compute.L2)
	hist := &history{rows: make(map[uint32][][]float32)}
	put := func(r *rand.Rand, row uint32) {
		v := vector(r, dim, compute.L2)
		hist.add(row, v)
		if err := g.Put(row, v); err != nil {
			t.Error(err)
		}
	}
	r := rand.New(rand.NewPCG(7, 7))
	for row := range uint32(fixed) {
		put(r, row)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range uint64(2) {
		wg.Go(func() { searchBeside(t, g, hist, rand.New(rand.NewPCG(8, i)), fixed, done) })
	}
	for range 4000 {
		row := uint32(fixed + r.IntN(rows))
		if r.IntN(4) == 0 {
			g.Delete(row)
		} else {
			put(r, row)
		}
	}
	g.Wait()
	close(done)
	wg.Wait()
}

// missedMax is the share of searches, in percent, that may miss such a row: two of
// the 64 at a time.
const missedMax = 3

func searchBeside(t *testing.T, g index.Graph, hist *history, r *rand.Rand, fixed int,
	done chan struct{}) {
	var hits []index.Hit
	searches, missed := 0, 0
	for {
		select {
		case <-done:
			if missed*100 > missedMax*searches {
				t.Errorf("%d of %d searches missed a row that nobody changes", missed, searches)
			}
			return
		default:
		}
		searches++
		row := uint32(r.IntN(fixed))
		q := slices.Clone(g.Vector(row))
		hits = g.Search(q, index.Params{K: 20, Ef: 100}, hits[:0])
		if len(hits) == 0 || hits[0].Row != row || hits[0].Dist != 0 {
			missed++
		}
		for i, h := range hits {
			if !hist.explains(compute.L2, q, h) {
				t.Errorf("row %d never was at %g", h.Row, h.Dist)
				return
			}
			if slices.ContainsFunc(hits[:i], func(o index.Hit) bool { return o.Row == h.Row }) {
				t.Errorf("row %d twice", h.Row)
				return
			}
		}
	}
}
