package engine

import (
	"sync"
	"sync/atomic"
)

// Slot holds the engine that serves now. A full copy from another node replaces
// it: requests that began with the old one end with it, and then it is closed.
type Slot struct {
	now atomic.Pointer[Lease]

	mu      sync.Mutex // guards: retired
	retired sync.WaitGroup
}

// Lease is a claim on an engine. It stays open until Release.
type Lease struct {
	Engine *Engine
	refs   atomic.Int64  // 1 for the slot, 1 per claim
	idle   chan struct{} // closed when refs reaches 0
	gone   chan struct{} // closed when another engine has the place
}

// Release gives the claim back.
func (l *Lease) Release() {
	if l.refs.Add(-1) == 0 {
		close(l.idle)
	}
}

// Replaced is closed when another engine has taken the place of this one, which
// then gets no more writes: whoever waits for some must look for the other.
func (l *Lease) Replaced() <-chan struct{} { return l.gone }

func newLease(e *Engine) *Lease {
	l := &Lease{Engine: e, idle: make(chan struct{}), gone: make(chan struct{})}
	l.refs.Store(1)
	return l
}

// NewSlot returns a slot that holds e.
func NewSlot(e *Engine) *Slot {
	s := &Slot{}
	s.now.Store(newLease(e))
	return s
}

// Acquire claims the present engine.
func (s *Slot) Acquire() *Lease {
	for {
		l := s.now.Load()
		n := l.refs.Load()
		if n > 0 && l.refs.CompareAndSwap(n, n+1) {
			return l
		}
	}
}

// Engine is the present engine without a claim: for whoever knows that it is not
// replaced meanwhile.
func (s *Slot) Engine() *Engine { return s.now.Load().Engine }

// Replace makes e the present engine, and has the one before closed with its data
// once nobody uses it; done is then called with the outcome.
func (s *Slot) Replace(e *Engine, done func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now.Swap(newLease(e))
	close(old.gone)
	old.Release()
	s.retired.Go(func() {
		<-old.idle
		done(old.Engine.CloseReplaced())
	})
}

// Close waits for replaced engines to be gone and closes the present one.
func (s *Slot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired.Wait()
	return s.now.Load().Engine.Close()
}
