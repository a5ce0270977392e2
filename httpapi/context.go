package httpapi

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
)

// reqContext is the context of one request. It starts no timer until someone
// waits on it, which a search that only looks at Err now and then never does.
type reqContext struct {
	base     context.Context // ends when the server stops waiting for requests
	deadline time.Time       // zero = none
	trace    engine.TraceContext
	ended    atomic.Bool // the request was answered

	mu sync.Mutex // guards: waited, cancel
	// waited is made by the first Done; then its timer decides.
	waited context.Context
	cancel context.CancelFunc
}

// Deadline implements context.Context.
func (r *reqContext) Deadline() (time.Time, bool) { return r.deadline, !r.deadline.IsZero() }

// Value implements context.Context: the trace that a write belongs to, or what the
// server's own context holds.
func (r *reqContext) Value(key any) any {
	if key == (engine.TraceKey{}) {
		return &r.trace
	}
	return r.base.Value(key)
}

// Done implements context.Context.
func (r *reqContext) Done() <-chan struct{} {
	if r.deadline.IsZero() {
		return r.base.Done()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waited == nil {
		r.waited, r.cancel = context.WithDeadline(r.base, r.deadline)
	}
	return r.waited.Done()
}

// Err implements context.Context. Whoever saw the end of Done gets an error: package
// context panics otherwise, in a goroutine that nobody can recover.
func (r *reqContext) Err() error {
	if err := r.base.Err(); err != nil {
		return err
	}
	if r.ended.Load() {
		return context.Canceled
	}
	if r.deadline.IsZero() || time.Now().Before(r.deadline) {
		return nil
	}
	return context.DeadlineExceeded
}

// end releases the timer, and with it contexts that were made from this one and not
// cancelled yet.
func (r *reqContext) end() {
	r.ended.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel()
	}
}
