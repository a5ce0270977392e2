// Package query sends the queries of a data set to a server and measures recall
// against the exact truth, speed and latency, all of the same requests.
package query

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// Target is a collection that holds the base of a data set under its row numbers.
type Target struct {
	Addr       string // host:port of the server
	Collection string
	Set        *dataset.Set
	K          int // neighbours per query, at most Set.TruthK
}

// Plan says how to ask.
type Plan struct {
	Format   wire.Format
	Ef       int  // 0 = the collection's
	Exact    bool // scan instead of the graph
	Conns    int
	Requests int           // in all; queries are repeated in turn
	Duration time.Duration // instead of Requests
	Rate     float64       // requests per second of an open loop; 0 = closed loop
}

// Outcome is what was measured.
type Outcome struct {
	Recall  float64 // mean over all answers
	QPS     float64
	Latency measure.Histogram
	Elapsed time.Duration
	Answers int
}

// Timeout bounds one search.
const Timeout = 30 * time.Second

// Run asks as planned. Every answer is checked. Errors: any request that failed;
// ctx's.
func Run(ctx context.Context, t Target, p Plan) (*Outcome, error) {
	if t.K < 1 || t.K > t.Set.TruthK || t.K > maxK {
		return nil, fmt.Errorf("k is %d, the truth has %d neighbours", t.K, t.Set.TruthK)
	}
	requests := make([][]byte, t.Set.NumQueries())
	for i := range requests {
		s := wire.Search{Vector: t.Set.Query(i), K: t.K, Ef: p.Ef, Exact: p.Exact}
		requests[i] = s.Request(p.Format, t.Addr, t.Collection)
	}
	checker := NewChecker(t.Set, t.K)
	// Hits are summed in millionths: atomics have no floats.
	var recall atomic.Int64
	source := load.Source{
		Request: func(i int) []byte { return requests[i%len(requests)] },
		Check: func(i int, a *load.Answer) error {
			if err := a.OK(); err != nil {
				return err
			}
			var buf [maxK]int32
			rows, err := wire.Rows(p.Format, a.Body, buf[:0])
			if err != nil {
				return err
			}
			recall.Add(int64(checker.Recall(i%len(requests), rows)*1e6 + 0.5))
			return nil
		},
	}
	res, err := load.Run(ctx, load.Config{Addr: t.Addr, Conns: p.Conns, Timeout: Timeout,
		Requests: p.Requests, Duration: p.Duration, Rate: p.Rate}, source)
	if err != nil {
		return nil, err
	}
	if res.Failed > 0 {
		return nil, fmt.Errorf("%d of %d searches failed, the first: %w", res.Failed, res.Sent, res.First)
	}
	if res.Sent == 0 {
		return nil, fmt.Errorf("no search was answered in %v", res.Elapsed)
	}
	return &Outcome{Recall: float64(recall.Load()) / 1e6 / float64(res.Sent), QPS: res.QPS(),
		Latency: res.Latency, Elapsed: res.Elapsed, Answers: res.Sent}, nil
}

// maxK bounds the results of one query.
const maxK = 128

// Checker computes recalls against the truth of a data set. It may be used by
// many goroutines.
type Checker struct {
	set *dataset.Set
	k   int
}

// NewChecker returns a checker for recall@k, k at most set.TruthK.
func NewChecker(set *dataset.Set, k int) *Checker { return &Checker{set: set, k: k} }

// Recall is the recall of the rows found for a query.
func (c *Checker) Recall(query int, found []int32) float64 {
	return measure.Recall(found, measure.Truth{
		Rows: c.set.Nearest(query),
		Dist: func(row int32) float64 { return c.set.Distance(query, int(row)) },
	}, c.k)
}
