package cpu

import (
	"context"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// searchMasked searches queries with bitmaps of their own: a scan for each run of
// queries that have the same.
func (b *Backend) searchMasked(
	ctx context.Context, src source, metric compute.Metric, req *compute.SearchRequest,
) error {
	queries := checkRequest(req, src.dim)
	for first := 0; first < queries; {
		n, mask := req.Alike(first, queries)
		end := first + n
		part := compute.SearchRequest{
			Queries: req.Queries[first*src.dim : end*src.dim], K: req.K, Skip: req.Skip,
			IDs: req.IDs[first*req.K : end*req.K], Dist: req.Dist[first*req.K : end*req.K],
		}
		rows := src
		if mask != nil {
			part.Skip, rows = mask, src.within(64*len(mask))
		}
		if err := b.search(ctx, rows, metric, &part); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// within is s without the rows from number limit on.
func (s source) within(limit int) source {
	if s.subset == nil {
		s.count = min(s.count, limit)
		return s
	}
	n, _ := slices.BinarySearchFunc(s.subset, limit, func(row uint32, limit int) int { return int(row) - limit })
	s.subset, s.count = s.subset[:n], n
	return s
}
