package httpapi

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/metrics"
)

// collState is what the front end keeps of a collection that exists.
type collState struct {
	name    string
	writes  atomic.Int64 // requests in flight
	metrics *metrics.Collection
}

// collStates holds the states by name. Reads take no lock: the map is replaced,
// never changed.
type collStates struct {
	mu sync.Mutex // guards: writing m
	m  atomic.Pointer[map[string]*collState]
}

// get returns the state for a name, or nil.
func (s *collStates) get(name []byte) *collState {
	m := s.m.Load()
	if m == nil {
		return nil
	}
	return (*m)[string(name)]
}

// put returns the state for a name, made by fresh if there is none.
func (s *collStates) put(name string, fresh func() *collState) *collState {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.m.Load()
	next := make(map[string]*collState)
	if old != nil {
		if cs := (*old)[name]; cs != nil {
			return cs
		}
		maps.Copy(next, *old)
	}
	next[name] = fresh()
	s.m.Store(&next)
	return next[name]
}

// drop forgets a name.
func (s *collStates) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.m.Load(); old != nil {
		next := maps.Clone(*old)
		delete(next, name)
		s.m.Store(&next)
	}
}

// inflight visits the number of writes in flight of every collection.
func (s *collStates) inflight(visit func(string, int64)) {
	m := s.m.Load()
	if m == nil {
		return
	}
	for name, cs := range *m {
		visit(name, cs.writes.Load())
	}
}

// enter notes which collection the request concerns. The name may alias the
// request; the state's name is the server's own.
func (c *call) enter(name []byte) (*collState, error) {
	cs := c.s.colls.get(name)
	if cs == nil {
		own := string(name)
		if _, err := c.engine.Collection(own); err != nil {
			return nil, err
		}
		cs = c.s.colls.put(own, func() *collState {
			return &collState{name: own, metrics: c.s.metrics.Collection(own)}
		})
	}
	c.collection = cs
	if c.route.kind == writes {
		return cs, c.require(c.engine.WriteConcern(cs.name))
	}
	return cs, nil
}

// forget drops what the front end keeps of a collection that is gone.
func (s *Server) forget(name string) {
	s.colls.drop(name)
	s.metrics.Forget(name)
}

// beginWrite counts a write request in, or refuses it: more requests in flight
// than the limit only wait for one another. endWrite counts it out.
func (c *call) beginWrite(cs *collState) error {
	limit := c.s.limits.Writes
	if depth := cs.writes.Add(1); depth > int64(limit) {
		cs.writes.Add(-1)
		c.s.metrics.WriteRefused(errs.QueueFull)
		return errs.New(errs.QueueFull, "Too many writes in flight for collection %s", cs.name).
			With("collection", cs.name).With("depth", depth-1).With("hard_limit", limit).
			With("retry_after_seconds", writeRetrySeconds)
	}
	return nil
}

func (c *call) endWrite(cs *collState) { cs.writes.Add(-1) }

// writeRetrySeconds is when a refused write may be tried again.
const writeRetrySeconds = 2
