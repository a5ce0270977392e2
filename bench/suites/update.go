package suites

import (
	"context"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

// updateGain is how many times faster an update in place is to be than a delete
// and an insert.
const updateGain = 4

// churnEf is the effort at which recall is compared after churn.
const churnEf = 32

// churnLoss is the recall that churn may cost.
const churnLoss = 0.01

// runUpdate measures changing vectors of a full index: in place, and by delete
// and insert; then recall and memory after every row was changed.
func runUpdate(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["build threads"] = e.BuildTh
	x, took, err := buildIndex(e)
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	rows := e.Set.Rows()
	fresh := indexRecall(e, x, churnEf)
	before := x.Memory()
	share := max(rows/20, 1)
	var inPlace, again, gain []float64
	for i := range e.Repeat {
		a := timeRows(e, x, i*share, share, false)
		b := timeRows(e, x, (i+e.Repeat)*share, share, true)
		inPlace, again = append(inPlace, a), append(again, b)
		gain = append(gain, b/a)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	r.Add(result.Figure{Name: "time per row: insert, while building", Unit: "µs", Better: result.Lower,
		Value: result.Microseconds(took) / float64(rows)})
	r.Add(result.Figure{Name: "time per row: update in place", Unit: "µs", Better: result.Lower}, inPlace...)
	r.Add(result.Figure{Name: "time per row: delete and insert", Unit: "µs", Better: result.Lower}, again...)
	r.Add(result.Figure{Name: "update in place against delete and insert", Better: result.Higher,
		Target: &result.Target{Value: updateGain, From: "aim of updates in place"}}, gain...)
	return churn(e, r, x, fresh, before.Vectors+before.Links+before.Codes+before.Other)
}

// timeRows turns the vectors of n rows from row on round by half a turn, and back,
// and returns the microseconds per change with all repairs done. The rows keep
// their vectors among them, so the set as a whole stays what it was.
func timeRows(e *Env, x *hnsw.Index, row, n int, reinsert bool) float64 {
	buf := make([]float32, e.Set.Dim)
	total := e.Set.Rows()
	begin := time.Now()
	for _, shift := range []int{n / 2, 0} {
		for i := range n {
			at := (row + i) % total
			if reinsert {
				x.Delete(uint32(at))
			}
			v := prepare(e.Set.Metric, buf, e.Set.Row((row+(i+shift)%n)%total))
			if err := x.Put(uint32(at), v); err != nil {
				panic("BUG: a row that was there is refused: " + err.Error())
			}
		}
		x.Wait()
	}
	return result.Microseconds(time.Since(begin)) / float64(2*n)
}

// churn changes every row once and puts it back, and deletes and inserts half of
// them; recall and memory must not suffer.
func churn(e *Env, r *result.Run, x *hnsw.Index, fresh float64, memory int64) error {
	rows := e.Set.Rows()
	timeRows(e, x, 0, rows, false)
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
	r.Parameters["ef of the recall after churn"] = churnEf
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
