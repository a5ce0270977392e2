package engine

import (
	"context"
	"slices"
)

// A search whose hits keep changing under it ends by settling them: each is
// judged by its record, as it is durable and visible while the search runs. So a
// record that is there all the time is never missing from an answer, however
// often it is written.

// settleChanged settles the hits whose rows changed since epoch and drops those
// whose records are gone or no longer pass the filter.
func (s *searcher) settleChanged(ctx context.Context, hits []Hit, epoch uint64) ([]Hit, error) {
	fields := Fields{Vector: true, Payload: !s.req.Filter.Empty()}
	for i := range hits {
		h := &hits[i]
		if !s.v.graph.ChangedSince(uint32(h.Offset), epoch) {
			continue
		}
		r, row, ok, err := s.e.read(ctx, s.c, h.ID, fields)
		if err != nil {
			return nil, err
		}
		if ok && fields.Payload {
			if ok, err = matches(s.req.Filter, r.ID, r.Payload); err != nil {
				return nil, err
			}
		}
		if !ok || !s.settle(h, r) {
			h.ID = ""
			continue
		}
		h.Offset = uint64(row)
	}
	return slices.DeleteFunc(hits, func(h Hit) bool { return h.ID == "" }), nil
}

// settle sets h's distance to that of record r, which has its vector. False: the
// vector cannot be compared, which a record that was accepted never is.
func (s *searcher) settle(h *Hit, r Record) bool {
	cfg := s.c.config()
	norm2, err := checkVector(r.Vector, cfg)
	if err != nil {
		return false
	}
	h.Distance = distance(cfg.Metric, s.q, indexed(&s.settled, r.Vector, norm2, cfg))
	return true
}
