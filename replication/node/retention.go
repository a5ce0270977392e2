package node

import (
	"sync/atomic"
	"time"
)

// Retention decides how much of the log is kept for replicas. It exists before
// the Node, because the engine asks from the start.
type Retention struct{ node atomic.Pointer[Node] }

// Keep returns the first offset to keep, given that the engine itself needs
// nothing up to upTo; 0 = no wish. It is engine.Options.RetainLog.
//
// What the slowest replica that is known still needs is kept, and a backlog of a
// tenth of the limits for those that are not known yet; but never more than the
// limits: a replica that is away for longer gets a full copy.
func (r *Retention) Keep(upTo uint64) uint64 {
	n := r.node.Load()
	if n == nil || n.role.Load() == 0 {
		return 0
	}
	return n.stats.keepFrom(upTo)
}

// Attach tells r about the node.
func (r *Retention) Attach(n *Node) { r.node.Store(n) }

// keepFrom is Keep for a node that takes part.
func (s *stats) keepFrom(upTo uint64) uint64 {
	tip := s.n.slot.Engine().LogPosition().Offset
	o := &s.n.opts
	need := upTo + 1
	s.mu.Lock()
	for _, f := range s.feeds {
		if time.Since(time.UnixMicro(f.heard.Load())) < o.LogAge {
			need = min(need, f.durable.Load()+1)
		}
	}
	s.mu.Unlock()
	need = min(need, s.history.floor(tip, s.n.entries.Load()/10, o.LogBytes/10, o.LogAge))
	return max(1, need, s.history.floor(tip, s.n.entries.Load(), o.LogBytes, o.LogAge))
}
