package engine

import (
	"context"
	"errors"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// The plans.
const (
	planGraph         = "graph"
	planExact         = "exact"
	planFilteredGraph = "filtered_graph"
	planFilteredExact = "filtered_exact"
)

// smallRows is the number of rows up to which a scan is chosen: it is exact and
// costs about what the graph costs.
const smallRows = 2000

// maxGraphK is the largest number of results asked of the graph (index.Params).
const maxGraphK = 10000

// candidates fills s.hits with at least want nearest rows that may be returned
// (all of them if there are fewer), ascending, by the plan that costs least.
func (s *searcher) candidates(ctx context.Context, want int) error {
	s.hits = s.hits[:0]
	if !s.req.Filter.Empty() {
		return s.filtered(ctx, want)
	}
	live := s.v.graph.Live()
	switch {
	case s.req.Exact:
		return s.exact(ctx, want, "asked for")
	case live <= smallRows:
		return s.exact(ctx, want, "few rows")
	case want > maxGraphK:
		return s.exact(ctx, want, "limit + offset beyond the graph's")
	}
	return s.graphOrDevice(ctx, want)
}

// chose notes the plan.
func (s *searcher) chose(plan, reason string) {
	s.plan.Plan, s.plan.Reason, s.plan.Matching = plan, reason, -1
	s.plan.Backend, s.plan.Choice = "graph", ""
	s.plan.Exhaustive = false
}

// graph searches the graph for k rows out of allow (nil = all).
func (s *searcher) graph(k int, allow []uint64) {
	p := index.Params{K: k, Ef: max(s.ef, k), Allow: allow, Codes: s.codes}
	if s.req.Explain {
		p.Trace = &s.trace
	}
	s.hits = s.v.graph.Search(s.q, p, s.hits[:0])
	s.stage("graph")
}

// exact scans every live row.
func (s *searcher) exact(ctx context.Context, want int, reason string) error {
	s.chose(planExact, reason)
	s.plan.Exhaustive = true
	if rows := s.v.graph.Rows(); s.batched(rows, want) {
		if err := s.scanBatched(ctx, rows, want, nil); !errors.Is(err, errManyTies) {
			return err
		}
	}
	return s.scanAll(ctx, want)
}

// scanAll scans every live row for this search alone.
func (s *searcher) scanAll(ctx context.Context, want int) error {
	h := s.v.graph.HostRows()
	s.words = s.v.graph.AliveWords(s.words)
	return s.scanRows(ctx, h, s.words, want)
}

// scanRows scans the rows whose bit is set in allowed, which is changed. It
// fetches beyond want, so that ties are broken by id among all that tie. With h.Subset allowed is not looked at.
func (s *searcher) scanRows(ctx context.Context, h compute.HostRows, allowed []uint64, want int) error {
	rows := len(h.Rows) / max(h.Stride, 1)
	if rows == 0 {
		s.stage("scan")
		return nil
	}
	var skip []uint64
	total := rows
	if h.Subset != nil {
		total = len(h.Subset)
	} else {
		skip = invert(allowed, rows)
	}
	if total == 0 {
		s.stage("scan")
		return nil
	}
	err := s.untilUntied(want, total, func(k int) (err error) {
		s.scan.skip = append(s.scan.skip[:0], skip...)
		s.hits, s.plan.Backend, err =
			s.e.scan.search(ctx, h, s.q, k, s.scan.skip, &s.scan, s.hits[:0])
		return err
	})
	s.stage("scan")
	return err
}

// untilUntied calls scan, which fills s.hits with the k nearest of total rows,
// with growing k until the last two distances differ or nothing is left.
func (s *searcher) untilUntied(want, total int, scan func(k int) error) error {
	for k := want + tieSlack; ; k *= 2 {
		k = min(k, total)
		if err := scan(k); err != nil {
			return err
		}
		s.plan.Distances += total
		n := len(s.hits)
		if n < k || k >= total || s.hits[n-1].Dist != s.hits[min(want, n)-1].Dist {
			return nil
		}
	}
}

// tieSlack is how many more rows than wanted a scan fetches at first.
const tieSlack = 8

// invert turns a bitmap of rows to keep into one of rows to skip, in place; rows
// beyond the bitmap are skipped.
func invert(words []uint64, rows int) []uint64 {
	for len(words) < (rows+63)/64 {
		words = append(words, 0)
	}
	for i := range words {
		words[i] = ^words[i]
	}
	return words
}
