package batch

import (
	"sync"
	"sync/atomic"
)

// Mask is a bitmap of rows that one query leaves out, as compute.SearchRequest.Skips. Its
// memory is its caller's and the batch's that the query is in: a caller that leaves
// does not take it away from a search under way (B1), and it is used again when both
// have let go.
type Mask struct {
	Words []uint64

	refs atomic.Int32
	pool *Masks
}

// Masks hands out masks. The zero value is ready; its methods may be called from any
// goroutine.
type Masks struct{ pool sync.Pool }

// Get returns a mask whose Words hold what they held; the caller releases it.
func (p *Masks) Get() *Mask {
	m, ok := p.pool.Get().(*Mask)
	if !ok {
		m = &Mask{pool: p}
	}
	m.refs.Store(1)
	return m
}

func (m *Mask) retain() {
	if m != nil {
		m.refs.Add(1)
	}
}

// Release gives the mask back; nil is none.
func (m *Mask) Release() {
	if m != nil && m.refs.Add(-1) == 0 {
		m.pool.pool.Put(m)
	}
}
