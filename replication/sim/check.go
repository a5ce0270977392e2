package sim

import (
	"github.com/vectorizer-go/vectorizer/replication"
)

// checker holds what must never be untrue. The numbers are those of package
// replication.
type checker struct {
	w     *world
	acked []replication.Position // confirmed with concern all
	begun map[uint64]int         // epoch -> node that began it
	said  []uint64               // highest epoch that a node has acted on, per node
}

// all is run after every step.
func (c *checker) all() {
	if c.begun == nil {
		c.begun = map[uint64]int{1: 0}
	}
	for _, n := range c.w.nodes {
		if n.up && n.disk.synced > n.disk.last() {
			c.w.violated("n%d: synced %d of %d", n.id, n.disk.synced, n.disk.last())
		}
	}
}

// promised: an epoch that was promised stays promised, over crashes too (P1).
func (c *checker) promised(n *node) {
	for len(c.said) <= n.id {
		c.said = append(c.said, 0)
	}
	if e := n.core.Epoch(); e < c.said[n.id] {
		c.w.violated("P1: n%d promised epoch %d and is at %d", n.id, c.said[n.id], e)
	} else {
		c.said[n.id] = e
	}
}

// sends: an acknowledgement claims no more than is on the disk (P2), and none of a
// lower epoch (P1).
func (c *checker) sends(n *node, m replication.Message) {
	a, ok := m.(*replication.Ack)
	if !ok {
		return
	}
	if a.Durable > n.disk.synced {
		c.w.violated("P2: n%d acknowledges %d and has %d on disk", n.id, a.Durable, n.disk.synced)
	}
	if p := n.disk.promise.Epoch; a.Epoch < p {
		c.w.violated("P1: n%d acknowledges in epoch %d after promising %d", n.id, a.Epoch, p)
	}
}

// handed: entries are handed on in order, each once (P3).
func (c *checker) handed(n *node, e *replication.Entries) {
	expect := n.disk.last() + 1
	switch {
	case n.copying != nil:
		expect = n.copying.position.Offset + 1
		if k := len(n.copying.spool); k > 0 {
			b := n.copying.spool[k-1]
			expect = b.first + uint64(len(b.list))
		}
	case len(n.queue) > 0:
		b := n.queue[len(n.queue)-1]
		expect = b.first + uint64(len(b.list))
	case n.busy:
		return // what is being applied comes between
	}
	if e.First < expect && e.First <= n.disk.last() && n.copying == nil && !n.busy {
		c.w.violated("P3: n%d is handed %d again, it has %d", n.id, e.First, expect-1)
	}
}

// begins: an epoch has one master, whose log has everything that was confirmed (P4).
func (c *checker) begins(n *node, epoch uint64) {
	if other, ok := c.begun[epoch]; ok && other != n.id {
		c.w.violated("P1: n%d and n%d are both masters of epoch %d", other, n.id, epoch)
	}
	c.begun[epoch] = n.id
	for _, p := range c.acked {
		c.holds(n, p, "begins an epoch")
	}
}

// confirmed: every master of a later epoch has what is confirmed now (P4).
func (c *checker) confirmed(n *node, p replication.Position) {
	c.acked = append(c.acked, p)
	replicas := 0
	for _, m := range c.w.nodes {
		if m != n && m.disk.synced >= p.Offset && m.disk.entries[p.Offset].rolling == p.Rolling {
			replicas++
		}
		if m.core.Role() == replication.Master && m.disk.tip().Epoch > p.Epoch {
			c.holds(m, p, "is a later master")
		}
	}
	if replicas == 0 {
		c.w.violated("P4: write %d was confirmed and no replica has it on disk", p.Offset)
	}
}

// holds: n's log has the entry at p.
func (c *checker) holds(n *node, p replication.Position, why string) {
	if n.disk.last() < p.Offset || n.disk.entries[p.Offset].rolling != p.Rolling {
		c.w.violated("P4: n%d %s without the confirmed write %d of epoch %d", n.id, why, p.Offset, p.Epoch)
	}
}

// handedOver: a planned handover loses nothing.
func (c *checker) handedOver(old, now *node) {
	if now.disk.last() < old.disk.last() {
		c.w.violated("n%d handed over to n%d, which has %d of its %d entries",
			old.id, now.id, now.disk.last(), old.disk.last())
		return
	}
	if at := old.disk.last(); now.disk.entries[at].rolling != old.disk.entries[at].rolling {
		c.w.violated("n%d handed over to n%d, whose log differs at %d", old.id, now.id, at)
	}
}
