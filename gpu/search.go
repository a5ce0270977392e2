package gpu

import (
	"context"
	"errors"
	"fmt"

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
		len(req.IDs) != queries*req.K || len(req.Dist) != queries*req.K {
		panic(fmt.Sprintf("BUG: gpu: %d floats of %d-component queries, K %d, %d ids, %d distances",
			len(req.Queries), mine.spec.Dim, req.K, len(req.IDs), len(req.Dist)))
	}
	if err := ctx.Err(); err != nil || queries == 0 {
		return err
	}
	mine.replace.RLock()
	if mine.closed {
		mine.replace.RUnlock()
		return fmt.Errorf("%w: the matrix is closed", compute.ErrDeviceLost)
	}
	// The lane unlocks: it may be at work after the caller has left.
	j := newJob(nil, mine.replace.RUnlock)
	t := newTask(j, mine, req)
	j.run, j.work = t.run, t.work()
	err := mine.s.submit(j, ctx.Done())
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
