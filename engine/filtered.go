package engine

import (
	"context"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/payload"
)

// walkPlaces is how many distances a walk of the graph computes for each place
// of its candidate list when every row is allowed; a filter that lets one row in
// n through makes it compute about n times as many.
const walkPlaces = 8

// scanGain is how much cheaper a distance by vectors is in a scan, where rows are
// fetched ahead and no list is kept up, than in a walk.
const scanGain = 3

// filtered fills s.hits with rows that pass the filter.
func (s *searcher) filtered(ctx context.Context, want int) error {
	at := s.v.matchVersion()
	s.key = s.req.Filter.AppendCanonical(s.key[:0])
	if m, ok := s.v.matches.find(s.key, at); ok {
		s.stage("filter")
		err := s.among(ctx, &m, want)
		s.plan.Matching = m.n
		s.plan.Reason += "; which rows match was known"
		return err
	}
	sel := selector{e: s.e, c: s.c, v: s.v, f: s.req.Filter}
	s.words = s.v.graph.AliveWords(s.words)
	chosen, err := sel.selectRows(ctx, s.words)
	if err != nil {
		return err
	}
	s.stage("filter")
	if !chosen.Exact {
		done, err := s.verifyLazily(ctx, &sel, chosen, want)
		s.plan.FilterEvals += sel.evals
		if done || err != nil {
			return err
		}
		sel.evals = 0
	}
	rows, err := sel.settleRows(ctx, chosen)
	if err != nil {
		return err
	}
	m := matchingOf(rows)
	if chosen.Exact {
		s.v.matches.offer(s.key, at, &m, s.v.graph.Rows())
	} else {
		s.stage("verify")
	}
	err = s.among(ctx, &m, want)
	s.plan.Matching = m.n
	s.plan.FilterEvals += sel.evals
	return err
}

// among fills s.hits with the nearest of the rows of m.
func (s *searcher) among(ctx context.Context, m *matching, want int) error {
	s.hits = s.hits[:0] // an earlier attempt may have left some
	switch {
	case s.req.Exact:
		return s.scanAmong(ctx, m, want, "asked for")
	case m.n == 0:
		s.chose(planFilteredExact, "no row matches")
		s.plan.Exhaustive = true
		return nil
	case want > maxGraphK:
		return s.scanAmong(ctx, m, want, "limit + offset beyond the graph's")
	case m.n <= smallRows || s.scanIsCheaper(m.n, want):
		return s.scanAmong(ctx, m, want, "a scan of the matching rows costs less")
	}
	if s.v.copy != nil {
		if done, err := s.deviceAmong(ctx, m, want); done || err != nil {
			return err
		}
	} else {
		s.graphAmong(m, want)
	}
	// The graph never comes short by itself; this holds it to that.
	if len(s.hits) < min(want, m.n) {
		return s.scanAmong(ctx, m, want, "the graph came short")
	}
	return nil
}

// graphAmong walks the graph for rows of m, or scans their codes.
func (s *searcher) graphAmong(m *matching, want int) {
	s.chose(planFilteredGraph, "many rows match")
	s.graph(want, m.dense(&s.allow))
	if s.req.Explain && s.trace.Hops == 0 {
		s.plan.Reason = "codes of the matching rows were scanned"
	}
}

// scanIsCheaper compares n distances in a scan by vectors with those of a walk in
// which one row in live/n is allowed. A graph with codes decides by itself: it scans
// them where it would walk too far.
func (s *searcher) scanIsCheaper(n, want int) bool {
	if coded(s.v.graph) && !s.codes.Ignore {
		return false
	}
	live := float64(s.v.graph.Live())
	walk := walkPlaces * float64(max(s.ef, want)) * live / float64(n)
	return float64(n)/scanGain <= math.Min(walk, live)
}

// scanAmong scans the rows of m.
func (s *searcher) scanAmong(ctx context.Context, m *matching, want int, why string) error {
	s.chose(planFilteredExact, why)
	s.plan.Exhaustive = true
	if done, err := s.scanShared(ctx, m, want); done || err != nil {
		return err
	}
	h := s.v.graph.HostRows()
	total := len(h.Rows) / max(h.Stride, 1)
	if m.n < total/4 {
		h.Subset = m.listed(&s.rows)
		// A row may be newer than the view of the block.
		for n := len(h.Subset); n > 0 && int(h.Subset[n-1]) >= total; n-- {
			h.Subset = h.Subset[:n-1]
		}
		return s.scanRows(ctx, h, nil, want)
	}
	if m.words != nil {
		s.allow = append(s.allow[:0], m.words...) // scanRows changes it
		return s.scanRows(ctx, h, s.allow, want)
	}
	return s.scanRows(ctx, h, m.dense(&s.allow), want)
}

// lazyEvalsMax bounds the payloads read one by one before everything in doubt is
// settled at once.
const lazyEvalsMax = 2000

// verifyLazily answers from a selection that holds rows in doubt: it takes the
// nearest of the selection, asks the payloads of those in doubt, and widens until
// enough pass. done is false if that reads too many payloads.
func (s *searcher) verifyLazily(
	ctx context.Context, sel *selector, chosen payload.Selection, want int,
) (done bool, err error) {
	m := matchingOf(chosen.Bitmap)
	if s.req.Exact && !chosen.Indexed {
		return false, nil // all payloads are read in any case, in sequence then
	}
	for k := 2*want + 16; ; k *= 4 {
		if k > maxGraphK || k > m.n {
			return false, nil
		}
		// The hits that pass are spread over all k: the last must be as
		// reliable as the first, which a list of just k places does not give.
		s.ef = max(s.ef, 4*k)
		if err := s.among(ctx, &m, k); err != nil {
			return false, err
		}
		exhausted := len(s.hits) >= m.n
		kept := s.hits[:0]
		for _, h := range s.hits {
			if len(kept) >= want+tieSlack {
				break
			}
			ok, err := s.passes(ctx, sel, chosen.Verify, h)
			if err != nil {
				return false, err
			}
			if ok {
				kept = append(kept, h)
			}
			if sel.evals > lazyEvalsMax {
				return false, nil
			}
		}
		s.hits = kept
		if len(kept) >= want || exhausted {
			s.plan.Matching = -1
			s.plan.Reason += "; payloads verified as they were met"
			s.stage("verify")
			return true, nil
		}
	}
}

// passes reports whether h passes the filter.
func (s *searcher) passes(
	ctx context.Context, sel *selector, doubt *roaring.Bitmap, h index.Hit,
) (bool, error) {
	if !doubt.Contains(h.Row) {
		return true, nil
	}
	return sel.verify(ctx, h.Row)
}
