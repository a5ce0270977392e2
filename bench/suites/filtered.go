package suites

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

const (
	filteredEf      = 64
	filteredQueries = 200
	filteredRecall  = 0.95
)

// selectivities are the shares of rows that filters let through, per mille.
var selectivities = []int{500, 100, 10, 1}

// The two payload fields that are filtered by. Each is a row's rank, 0 to rows-1.
const (
	fieldFree = "uncorrelated" // by chance
	fieldNear = "correlated"   // by distance to one row: filters let a region through
)

// filterCase is one filter with its exact answers.
type filterCase struct {
	name   string
	filter *filter.Filter // nil = none
	want   int            // results of every answer: k, or all matching rows if those are fewer
	rows   []int32        // that match, ascending
	truth  []int32        // queries × want: rows of the set
	qps    []float64
	recall float64
	short  int
	plan   string
}

// runFiltered measures searches with filters in an engine in this process.
func runFiltered(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	r.Parameters["ef"] = filteredEf
	r.Parameters["seed"] = 1
	set := *e.Set
	set.Queries = set.Queries[:min(set.NumQueries(), filteredQueries)*set.Dim]
	ranks := map[string][]int{fieldFree: rand.New(rand.NewPCG(1, 1)).Perm(set.Rows()), fieldNear: nearness(&set)}
	x, stop, err := filteredEngine(ctx, e, &set, ranks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	cases := []*filterCase{unfiltered(e, &set)}
	for _, field := range []string{fieldFree, fieldNear} {
		for _, share := range selectivities {
			c, err := newFilterCase(e, &set, field, share, ranks[field])
			if err != nil {
				return err
			}
			cases = append(cases, c)
		}
	}
	for range e.Repeat {
		for _, c := range cases {
			if err := c.measure(ctx, e, x, &set); err != nil {
				return err
			}
		}
	}
	for _, c := range cases {
		note := fmt.Sprintf("%d rows match; plan: %s", len(c.rows), c.plan)
		r.Add(result.Figure{Name: "queries per second: " + c.name, Unit: "queries/s", Better: result.Higher,
			Recall: c.recall, Note: note}, c.qps...)
		if c.filter == nil {
			continue
		}
		r.Add(result.Figure{Name: "recall: " + c.name, Better: result.Higher, Recall: c.recall, Value: c.recall,
			Target: &result.Target{Value: filteredRecall, From: "aim of filtered search"}})
		r.Add(result.Figure{Name: "short answers: " + c.name, Better: result.Lower, Value: float64(c.short),
			Target: &result.Target{Value: 0, From: "an answer is never short"}})
	}
	e.sayFigures(r)
	return nil
}

// nearness ranks the rows by their distance to the row in the middle of the set.
func nearness(set *dataset.Set) []int {
	anchor := *set
	anchor.Queries = set.Row(set.Rows() / 2)
	dist, order := make([]float64, set.Rows()), make([]int, set.Rows())
	for i := range order {
		dist[i], order[i] = anchor.Distance(0, i), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(dist[a], dist[b]) })
	rank := make([]int, len(order))
	for i, row := range order {
		rank[row] = i
	}
	return rank
}

// writeBatch is how many rows a suite writes to an engine at once.
const writeBatch = 500

// filteredEngine makes an engine that holds the set with both ranks as payload.
func filteredEngine(ctx context.Context, e *Env, set *dataset.Set, ranks map[string][]int) (
	x *engine.Engine, stop func() error, err error,
) {
	payload := func(row int) json.RawMessage {
		return fmt.Appendf(nil, `{%q:%d,%q:%d}`, fieldFree, ranks[fieldFree][row], fieldNear, ranks[fieldNear][row])
	}
	return filledEngine(ctx, e, engine.Options{Fsync: engine.FsyncOff}, set, payload)
}

// filledEngine makes an engine in this process, in a directory of its own unless o
// names one, that holds a set under its row numbers, linked.
func filledEngine(ctx context.Context, e *Env, o engine.Options, set *dataset.Set,
	payload func(row int) json.RawMessage,
) (x *engine.Engine, stop func() error, err error) {
	remove := func() {}
	if o.Dir == "" {
		if o.Dir, remove, err = e.tempDir(); err != nil {
			return nil, nil, err
		}
	}
	backend := cpu.New(cpu.Options{})
	o.Backends = []compute.Backend{backend}
	stop = func() error {
		var err error
		if x != nil {
			err = x.Close()
		}
		err = errors.Join(err, backend.Close())
		remove()
		return err
	}
	if x, err = engine.Open(ctx, o); err == nil {
		err = fillEngine(ctx, e, x, set, payload)
	}
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return x, stop, nil
}

func fillEngine(ctx context.Context, e *Env, x *engine.Engine, set *dataset.Set,
	payload func(row int) json.RawMessage,
) error {
	_, err := x.CreateCollection(ctx, engine.CollectionConfig{Name: collection, Dimension: set.Dim,
		Metric: set.Metric, HNSW: engine.HNSWConfig{M: e.M, EfConstruction: e.EfC}})
	if err != nil {
		return err
	}
	ops := make([]engine.Op, 0, writeBatch)
	for row := range set.Rows() {
		ops = append(ops, engine.Op{Kind: engine.OpUpsert, ID: rowio.RowID(int64(row)), Vector: set.Row(row),
			Payload: payload(row)})
		if len(ops) < writeBatch && row < set.Rows()-1 {
			continue
		}
		res, err := x.Write(ctx, engine.Mutation{Collection: collection, Ops: ops})
		if err != nil {
			return err
		}
		for _, item := range res.Items {
			if item.Err != nil {
				return item.Err
			}
		}
		ops = ops[:0]
	}
	return x.WaitIndexed(ctx, collection)
}

// unfiltered is the case that the others are seen beside.
func unfiltered(e *Env, set *dataset.Set) *filterCase {
	c := &filterCase{name: "no filter", want: e.K}
	for row := range set.Rows() {
		c.rows = append(c.rows, int32(row))
	}
	for q := range set.NumQueries() {
		c.truth = append(c.truth, set.Nearest(q)[:e.K]...)
	}
	return c
}

// newFilterCase makes the filter that lets share per mille of the rows through, and
// its exact answers.
func newFilterCase(e *Env, set *dataset.Set, field string, share int, rank []int) (*filterCase, error) {
	bound := max(set.Rows()*share/1000, 1)
	c := &filterCase{want: min(e.K, bound),
		name: fmt.Sprintf("%g %% of the rows, %s with the vectors", float64(share)/10, field)}
	var err error
	c.filter, err = filter.Parse(fmt.Appendf(nil, `{"must":[{"key":%q,"range":{"lt":%d}}]}`, field, bound))
	if err != nil {
		return nil, err
	}
	var base []float32
	for row, at := range rank {
		if at < bound {
			c.rows = append(c.rows, int32(row))
			base = append(base, set.Row(row)...)
		}
	}
	c.truth = dataset.Exact(set.Metric, base, set.Queries, set.Dim, c.want)
	for i, at := range c.truth {
		c.truth[i] = c.rows[at]
	}
	return c, nil
}

// measure asks every query, then again for e.Seconds to take the speed.
func (c *filterCase) measure(ctx context.Context, e *Env, x *engine.Engine, set *dataset.Set) error {
	req := engine.SearchRequest{K: e.K, Ef: filteredEf, Filter: c.filter}
	recall, short := 0.0, 0
	for q := range set.NumQueries() {
		req.Vector, req.Explain = set.Query(q), q == 0
		res, err := x.Search(ctx, collection, &req)
		if err != nil {
			return err
		}
		if res.Explain != nil {
			c.plan = res.Explain.Plan
		}
		if len(res.Hits) < c.want {
			short++
		}
		hit, err := c.recallOf(set, q, res.Hits)
		if err != nil {
			return err
		}
		recall += hit / float64(set.NumQueries())
	}
	c.recall, c.short = recall, short
	req.Explain = false
	begin, n := time.Now(), 0
	for ; n == 0 || time.Since(begin).Seconds() < e.Seconds; n++ {
		req.Vector = set.Query(n % set.NumQueries())
		if _, err := x.Search(ctx, collection, &req); err != nil {
			return err
		}
	}
	c.qps = append(c.qps, float64(n)/time.Since(begin).Seconds())
	return nil
}

// recallOf is the recall of one answer. A row that the filter does not let through
// is an error, not a miss.
func (c *filterCase) recallOf(set *dataset.Set, query int, hits []engine.Hit) (float64, error) {
	found := make([]int32, 0, len(hits))
	for _, h := range hits {
		row, err := strconv.Atoi(h.ID)
		if _, ok := slices.BinarySearch(c.rows, int32(row)); err != nil || !ok {
			return 0, fmt.Errorf("%s: the answer to query %d holds %q, which does not match", c.name, query, h.ID)
		}
		found = append(found, int32(row))
	}
	truth := measure.Truth{Rows: c.truth[query*c.want : (query+1)*c.want],
		Dist: func(row int32) float64 { return set.Distance(query, int(row)) }}
	return measure.Recall(found, truth, c.want), nil
}
