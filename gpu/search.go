package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Search scores req's queries against m. It panics for a request whose slices do
// not fit. Errors: ErrUnsupported when m is of another backend or the device gave
// up on this batch, ErrNoMemory, ErrDeviceLost, ctx.Err().
func (b *Backend) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	mine, ok := m.(*matrix)
	if !ok || mine.s.b != b {
		return fmt.Errorf("%w: matrix %T is not of this backend", compute.ErrUnsupported, m)
	}
	queries := len(req.Queries) / mine.spec.Dim
	if req.K < 1 || req.K > compute.MaxK || len(req.Queries)%mine.spec.Dim != 0 ||
		len(req.IDs) != queries*req.K || len(req.Dist) != queries*req.K ||
		req.Skips != nil && len(req.Skips) != queries || !wantsFit(req, queries) {
		panic(fmt.Sprintf("BUG: gpu: %d floats of %d-component queries, K %d, Ks %v, %d ids, %d distances, %d bitmaps",
			len(req.Queries), mine.spec.Dim, req.K, req.Ks, len(req.IDs), len(req.Dist), len(req.Skips)))
	}
	if err := ctx.Err(); err != nil || queries == 0 {
		return err
	}
	// The lane lets go: it may be at work after the caller has left.
	letGo, err := mine.hold(ctx)
	if err != nil {
		return err
	}
	j := newJob(nil, letGo)
	t := newTask(j, mine, req)
	j.run, j.work = t.run, t.work()
	err = mine.s.submit(j, ctx.Done())
	if errors.Is(err, errAbandoned) {
		return ctx.Err()
	}
	if err != nil {
		b.stats.failed.Add(1)
		return typed(err)
	}
	b.stats.batches.Add(1)
	b.stats.queries.Add(int64(queries))
	return nil
}

// wantsFit reports whether Ks, if there, is as the contract has it.
func wantsFit(req *compute.SearchRequest, queries int) bool {
	return req.Ks == nil || len(req.Ks) == queries &&
		!slices.ContainsFunc(req.Ks, func(k int) bool { return k < 1 || k > req.K })
}

// hold keeps the matrix as it is for one search; tiles are read by one at a time.
func (m *matrix) hold(ctx context.Context) (letGo func(), err error) {
	letGo = m.replace.RUnlock
	if m.host != nil {
		select {
		case m.s.tiling <- struct{}{}:
			letGo = func() { m.replace.RUnlock(); <-m.s.tiling }
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.replace.RLock()
	if m.closed {
		letGo()
		return nil, fmt.Errorf("%w: the matrix is closed", compute.ErrDeviceLost)
	}
	return letGo, nil
}
