package sim

import (
	"cmp"
	"slices"

	"github.com/vectorizer-go/vectorizer/replication"
)

// payload is an Entries message with its simulated entries.
type payload struct {
	replication.Entries
	list []entry
}

// dial opens a connection to the node called addr.
func (w *world) dial(from *node, addr string, done func(p *pipe)) {
	to := w.find(addr)
	from.later(w.latency(), func() {
		if to == nil || !to.up || to == from || w.cut[[2]int{from.id, to.id}] || w.cut[[2]int{to.id, from.id}] {
			from.later(w.latency(), func() { done(nil) })
			return
		}
		w.conns++
		a := &pipe{id: replication.ConnID(2 * w.conns), node: from, open: true}
		b := &pipe{id: replication.ConnID(2*w.conns + 1), node: to, open: true, incoming: true}
		a.peer, b.peer = b, a
		from.conns[a.id], to.conns[b.id] = a, b
		done(a)
	})
}

func (w *world) find(addr string) *node {
	for _, n := range w.nodes {
		if peerName(n.id) == addr {
			return n
		}
	}
	return nil
}

func (w *world) latency() int64 { return millisecond/5 + w.rng.Int64N(3*millisecond) }

// deliver sends a message from an end of a connection.
func (w *world) deliver(p *pipe, m any) {
	if !p.open {
		return
	}
	from, to := p.node, p.peer.node
	if w.cut[[2]int{from.id, to.id}] {
		p.mute = true // TCP delivers nothing after a gap
	}
	if p.mute {
		return
	}
	at := w.now + w.latency()
	if !w.on.reorder || w.calm || !w.chance(50) {
		at = max(at, p.lastAt+1) // in order, but for now and then
	}
	p.lastAt = max(at, p.lastAt)
	times := 1
	if w.on.duplicate && !w.calm && w.chance(50) {
		times = 2
	}
	life := to.life
	for range times {
		w.after(at-w.now, func() {
			if to.up && to.life == life && p.peer.open {
				to.receive(p.peer, m)
			}
		})
	}
}

// tellClosed lets an end know that the other is gone, unless the network does not
// carry that: then it is half-open.
func (w *world) tellClosed(p *pipe) {
	if w.cut[[2]int{p.peer.node.id, p.node.id}] || !w.calm && w.on.cut && w.chance(3) {
		return
	}
	life := p.node.life
	w.after(w.latency(), func() {
		if n := p.node; p.open && n.up && n.life == life {
			p.open = false
			n.gone(p)
		}
	})
}

// closePipe closes an end by the node's own will.
func (n *node) closePipe(p *pipe) {
	if !p.open {
		return
	}
	p.open = false
	n.w.tellClosed(p.peer)
	n.gone(p)
}

// gone forgets a connection and tells the protocol.
func (n *node) gone(p *pipe) {
	delete(n.conns, p.id)
	delete(n.streams, p.id)
	if p.told != nil {
		p.told(nil)
		return
	}
	n.step(&replication.Closed{Conn: p.id})
}

// receive takes a message off the network.
func (n *node) receive(p *pipe, m any) {
	if p.told != nil {
		p.told(m.(replication.Message))
		return
	}
	if e, ok := m.(*payload); ok {
		n.fed(p, e)
		return
	}
	n.step(&replication.Received{Conn: p.id, Msg: m.(replication.Message)})
}

// fed hands entries to the protocol; if it wants them applied, these are applied.
func (n *node) fed(p *pipe, e *payload) {
	m := e.Entries
	ev := &replication.Received{Conn: p.id, Msg: &m}
	n.lists[&m] = e.list
	n.step(ev)
	delete(n.lists, &m)
}

// sortedPipes lists the connections in a fixed order.
func (n *node) sortedPipes() []*pipe {
	out := make([]*pipe, 0, len(n.conns))
	for _, p := range n.conns {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *pipe) int { return cmp.Compare(a.id, b.id) })
	return out
}
