package suites

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

// Targets of updates in place: how many times faster than a delete and an insert a
// small move is to be, and what a far one may cost against an insert.
const (
	updateGain = 4
	updateFar  = 1
)

// smallMove is how far a small move goes, as a share of the distance from the row to
// its tenth neighbour.
const smallMove = 0.1

// churnEf is the effort at which recall is compared after churn.
const churnEf = 32

// churnLoss is the recall that churn may cost.
const churnLoss = 0.01

// The kinds of change that are measured.
const (
	changeInsert = "insert into the full index"
	changeSame   = "update, same vector"
	changeSmall  = "update, small move"
	changeFar    = "update, far move"
	changeAgain  = "delete and insert"
)

// runUpdate measures changing vectors of a full index: in place, by how far they
// move, and by delete and insert; then recall and memory after every row was changed.
func runUpdate(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["build threads"] = e.BuildTh
	r.Parameters["ef of the recall"] = churnEf
	r.Parameters["small move"] = fmt.Sprintf("%g of the distance to the tenth neighbour, in the direction "+
		"from one random row to another, and back", smallMove)
	rows := e.Set.Rows()
	share := max(rows/20, 1)
	first := max(rows-e.Repeat*share, 1)
	x, took, err := buildIndex(e, first)
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	r.Add(result.Figure{Name: "time per row: insert, while building", Unit: "µs", Better: result.Lower,
		Value: result.Microseconds(took) / float64(first)})
	u := &updates{e: e, x: x, r: rand.New(rand.NewPCG(1, 2)), kinds: map[string]*changes{}}
	for from := first; from < rows; from += share {
		n := min(share, rows-from)
		u.time(changeInsert, n, func() { u.put(from, n, 0) })
	}
	fresh := indexRecall(e, x, churnEf)
	before := x.Memory()
	for i := range e.Repeat { // in turn: a shared machine drifts
		u.time(changeSame, share, func() { u.put(i*share, share, 0) })
		next := u.moved(i*share, share)
		u.time(changeSmall, 2*share, func() { u.small(i*share, next) })
		u.time(changeFar, 2*share, func() { u.far((i+e.Repeat)*share, share) })
		u.time(changeAgain, share, func() { u.again((i+2*e.Repeat)*share, share) })
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	u.report(r)
	return churn(e, u, r, fresh, before.Vectors+before.Links+before.Codes+before.Other)
}

// updates measures changes of an index. Each leaves every row with its own vector in
// the end, so that the truth holds and recall can be asked after it.
type updates struct {
	e     *Env
	x     *hnsw.Index
	r     *rand.Rand
	calls time.Duration // in the calls that changes made
	kinds map[string]*changes
}

// changes are the measurements of one kind.
type changes struct {
	settled  []float64 // µs per change, with everything that it causes
	answered []float64 // µs per change in the calls
	recall   float64   // after the last
}

// time runs f, which makes n changes, and waits until all is linked and repaired.
func (u *updates) time(kind string, n int, f func()) {
	u.calls = 0
	begin := time.Now()
	f()
	u.x.Wait()
	took := time.Since(begin)
	c := u.kinds[kind]
	if c == nil {
		c = &changes{}
		u.kinds[kind] = c
	}
	c.settled = append(c.settled, result.Microseconds(took)/float64(n))
	c.answered = append(c.answered, result.Microseconds(u.calls)/float64(n))
	c.recall = indexRecall(u.e, u.x, churnEf)
}

// call makes calls and counts their time.
func (u *updates) call(f func()) {
	begin := time.Now()
	f()
	u.calls += time.Since(begin)
}

// put gives the rows from row on the vectors of those shift further on among them.
func (u *updates) put(row, n, shift int) {
	set := u.e.Set
	buf := make([]float32, set.Dim)
	u.call(func() {
		for i := range n {
			u.set((row+i)%set.Rows(), prepare(set.Metric, buf, set.Row((row+(i+shift)%n)%set.Rows())))
		}
	})
}

func (u *updates) set(row int, v []float32) {
	if err := u.x.Put(uint32(row), v); err != nil {
		panic("BUG: a row of the set is refused: " + err.Error())
	}
}

// far turns the vectors of n rows round by half a turn, and back.
func (u *updates) far(row, n int) {
	u.put(row, n, n/2)
	u.x.Wait()
	u.put(row, n, 0)
}

// again deletes n rows and inserts them into their places once those are free.
func (u *updates) again(row, n int) {
	u.call(func() {
		for i := range n {
			u.x.Delete(uint32((row + i) % u.e.Set.Rows()))
		}
	})
	u.x.Wait()
	u.put(row, n, 0)
}

// moved makes the vectors of n rows, each moved a little.
func (u *updates) moved(row, n int) [][]float32 {
	set := u.e.Set
	buf, s := make([]float32, set.Dim), newSearcher(set, 11)
	next := make([][]float32, n)
	for i := range next {
		v := append([]float32(nil), prepare(set.Metric, buf, set.Row((row+i)%set.Rows()))...)
		from, to := set.Row(u.r.IntN(set.Rows())), set.Row(u.r.IntN(set.Rows()))
		s.hits = u.x.Search(v, index.Params{K: s.k, Ef: churnEf}, s.hits[:0])
		scale := smallMove * apart(v, u.x.Vector(s.hits[len(s.hits)-1].Row)) / max(apart(from, to), 1e-9)
		for j := range v {
			v[j] += float32(scale) * (to[j] - from[j])
		}
		next[i] = append([]float32(nil), prepare(set.Metric, buf, v)...)
	}
	return next
}

// small gives the rows from row on the vectors next, and then their own again.
func (u *updates) small(row int, next [][]float32) {
	u.call(func() {
		for i, v := range next {
			u.set((row+i)%u.e.Set.Rows(), v)
		}
	})
	u.x.Wait()
	u.put(row, len(next), 0)
}

// apart is the Euclidean distance of two vectors.
func apart(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x-b[i]) * float64(x-b[i])
	}
	return math.Sqrt(sum)
}

// report adds the figures.
func (u *updates) report(r *result.Run) {
	for _, kind := range []string{changeInsert, changeSame, changeSmall, changeFar, changeAgain} {
		c := u.kinds[kind]
		r.Add(result.Figure{Name: "time per row: " + kind, Unit: "µs", Better: result.Lower, Recall: c.recall,
			Note: "with all links and repairs done"}, c.settled...)
		r.Add(result.Figure{Name: "time per row until answered: " + kind, Unit: "µs", Better: result.Lower},
			c.answered...)
	}
	small, far := u.kinds[changeSmall], u.kinds[changeFar]
	r.Add(result.Figure{Name: "small move against delete and insert", Better: result.Higher, Recall: small.recall,
		Target: &result.Target{Value: updateGain, From: "aim of updates in place"}},
		ratios(u.kinds[changeAgain].settled, small.settled)...)
	r.Add(result.Figure{Name: "far move against an insert", Better: result.Lower, Recall: far.recall,
		Target: &result.Target{Value: updateFar, From: "an update costs at most an insert"}},
		ratios(far.settled, []float64{measure.Median(u.kinds[changeInsert].settled)})...)
}

// ratios divides each of a by the one of b in its place, or the last.
func ratios(a, b []float64) []float64 {
	var out []float64
	for i, v := range a {
		out = append(out, v/b[min(i, len(b)-1)])
	}
	return out
}

// churn changes every row once and puts it back, and deletes and inserts half of
// them; recall and memory must not suffer.
func churn(e *Env, u *updates, r *result.Run, fresh float64, memory int64) error {
	rows, x := e.Set.Rows(), u.x
	u.far(0, rows)
	x.Wait()
	buf := make([]float32, e.Set.Dim)
	for i := range rows / 2 {
		x.Delete(uint32(2 * i))
	}
	x.Wait()
	for i := range rows / 2 {
		if err := x.Put(uint32(2*i), prepare(e.Set.Metric, buf, e.Set.Row(2*i))); err != nil {
			return err
		}
	}
	x.Wait()
	after := indexRecall(e, x, churnEf)
	m := x.Memory()
	r.Add(result.Figure{Name: "recall: fresh build", Value: fresh, Better: result.Higher, Recall: fresh})
	r.Add(result.Figure{Name: "recall: after churn", Value: after, Better: result.Higher, Recall: after,
		Target: &result.Target{Value: fresh - churnLoss, From: "fresh build less 0.01"},
		Note:   "every vector updated twice, half deleted and inserted again"})
	r.Add(result.Figure{Name: "memory after churn against before", Better: result.Lower,
		Value:  float64(m.Vectors+m.Links+m.Codes+m.Other) / float64(memory),
		Target: &result.Target{Value: 1.05, From: "memory does not grow"}})
	e.sayFigures(r)
	return nil
}
