package cpu

import (
	"context"
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Search scores req's queries against m. Errors: ErrUnsupported when m was made
// by another backend, ctx.Err(). A request whose slices do not fit panics.
func (b *Backend) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	mine, ok := m.(*matrix)
	if !ok {
		return fmt.Errorf("%w: matrix %T is not of this backend", compute.ErrUnsupported, m)
	}
	mine.replace.RLock()
	defer mine.replace.RUnlock()
	return b.search(ctx, mine.source(), mine.spec.Metric, req)
}

// SearchHost scores req's queries against rows that the caller holds. Rows may
// be replaced meanwhile; such a row's distance is then meaningless, no other's.
func (b *Backend) SearchHost(ctx context.Context, h compute.HostRows, req *compute.SearchRequest) error {
	if err := checkShape(h.Dim, h.Metric); err != nil {
		return err
	}
	if h.Stride < h.Dim {
		panic(fmt.Sprintf("BUG: cpu: stride %d for %d components", h.Stride, h.Dim))
	}
	// The last row may lack its padding.
	rows := (len(h.Rows) + h.Stride - h.Dim) / h.Stride
	src := source{count: rows, dim: h.Dim, stride: h.Stride, f32: h.Rows}
	if h.Subset != nil {
		if n := len(h.Subset); n > 0 && int(h.Subset[n-1]) >= rows {
			panic(fmt.Sprintf("BUG: cpu: subset names row %d of %d", h.Subset[n-1], rows))
		}
		src.subset, src.count = h.Subset, len(h.Subset)
	}
	return b.search(ctx, src, h.Metric, req)
}

// checkShape refuses what no search can run on.
func checkShape(dim int, m compute.Metric) error {
	if dim < 1 || dim > compute.MaxDim || m < compute.L2 || m > compute.Cosine {
		return fmt.Errorf("%w: %d components, metric %d", compute.ErrUnsupported, dim, m)
	}
	return nil
}

// checkRequest panics for slices that do not fit together.
func checkRequest(req *compute.SearchRequest, dim int) (queries int) {
	queries = len(req.Queries) / dim
	if req.K < 1 || req.K > compute.MaxK || len(req.Queries)%dim != 0 ||
		len(req.IDs) != queries*req.K || len(req.Dist) != queries*req.K ||
		req.Skips != nil && len(req.Skips) != queries {
		panic(fmt.Sprintf("BUG: cpu: %d floats of %d-component queries, K %d, %d ids, %d distances, %d bitmaps",
			len(req.Queries), dim, req.K, len(req.IDs), len(req.Dist), len(req.Skips)))
	}
	return queries
}

// search runs req block by block.
func (b *Backend) search(
	ctx context.Context, src source, metric compute.Metric, req *compute.SearchRequest,
) error {
	if req.Skips != nil {
		return b.searchMasked(ctx, src, metric, req)
	}
	queries := checkRequest(req, src.dim)
	j := b.takeJob()
	defer b.giveJob(j)
	j.src, j.metric, j.k, j.skip, j.ctx = src, metric, req.K, req.Skip, ctx
	j.ahead = b.fetch.Rows(src.dim * 4)
	for first := 0; first < queries; {
		n := blockOf(queries-first, src.count)
		j.queries = req.Queries[first*src.dim : (first+n)*src.dim]
		out, end := first*req.K, (first+n)*req.K
		if err := b.runBlock(j, req.IDs[out:end], req.Dist[out:end]); err != nil {
			return err
		}
		first += n
	}
	return ctx.Err()
}
