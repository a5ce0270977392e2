package sim

import (
	"github.com/vectorizer-go/vectorizer/replication"
)

// trouble makes something go wrong, now and then.
func (w *world) trouble() {
	if w.calm {
		return
	}
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	switch w.rng.IntN(6) {
	case 0:
		if w.on.crash && n.up && w.chance(3) {
			n.crash()
			life := n.life
			w.after(50*millisecond+w.rng.Int64N(1500*millisecond), func() {
				if !n.up && n.life == life {
					n.start()
				}
			})
		}
	case 1:
		if w.on.partition && w.chance(3) {
			w.partition(n)
		}
	case 2:
		if w.on.oneWay && w.chance(3) {
			m := w.nodes[w.rng.IntN(len(w.nodes))]
			w.cutFor([2]int{n.id, m.id}, 100*millisecond+w.rng.Int64N(1500*millisecond))
		}
	case 3:
		if w.on.cut && n.up {
			for _, p := range n.sortedPipes() {
				if w.chance(2) {
					n.closePipe(p)
				}
			}
		}
	case 4:
		if w.on.jump && w.chance(5) {
			n.skew += w.rng.Int64N(2000*millisecond) - 500*millisecond
		}
	}
}

// partition separates a node from all others for a while.
func (w *world) partition(n *node) {
	w.logf("n%d is cut off", n.id)
	d := 100*millisecond + w.rng.Int64N(2000*millisecond)
	for _, m := range w.nodes {
		if m != n {
			w.cutFor([2]int{n.id, m.id}, d)
			w.cutFor([2]int{m.id, n.id}, d)
		}
	}
}

func (w *world) cutFor(link [2]int, d int64) {
	w.cut[link] = true
	w.after(d, func() { delete(w.cut, link) })
}

// betweenChanges is how long an operator waits after one order before the next: an
// order that is still on its way must not meet another. It is longer than any
// order lasts: its deadline, a slow disk, and a jump of the clock.
const betweenChanges = 1500 * millisecond

// operate does what an operator, or a service that decides, would do: hand over,
// or promote a replica when the master does not answer. It asks only a node that
// knows the latest epoch, and does one thing at a time: two masters of one epoch
// are its own fault.
func (w *world) operate() {
	if w.now-w.changed < betweenChanges {
		return
	}
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	if !n.up {
		return
	}
	latest, master := uint64(0), false
	for _, m := range w.nodes {
		latest = max(latest, m.disk.promise.Epoch, m.core.Epoch())
		master = master || m.up && m.core.Role() == replication.Master
	}
	if n.core.Epoch() < latest {
		return
	}
	switch n.core.Role() {
	case replication.Master:
		if w.on.handover && !w.calm && w.chance(3) {
			m := w.nodes[w.rng.IntN(len(w.nodes))]
			w.changed = w.now
			n.asked++
			n.awaits[n.asked] = ask{what: "handover", target: m.id}
			n.step(&replication.Handover{ID: n.asked, Replica: peerName(m.id), MaxLag: 1000,
				Deadline: n.now() + 500*millisecond})
		}
	case replication.Replica:
		if w.on.takeover && !w.calm && w.chance(4) {
			n.takeOver(false)
		} else if w.calm && !master && w.best(n) {
			n.takeOver(true)
		}
	}
}

// best reports whether nobody's log is further than n's.
func (w *world) best(n *node) bool {
	tip := n.disk.tip()
	for _, m := range w.nodes {
		if t := m.disk.tip(); t.Epoch > tip.Epoch || t.Epoch == tip.Epoch && t.Offset > tip.Offset {
			return false
		}
	}
	return true
}

func (n *node) takeOver(unclean bool) {
	n.w.changed = n.w.now
	n.asked++
	n.awaits[n.asked] = ask{what: "takeover"}
	n.step(&replication.Takeover{ID: n.asked, Unclean: unclean, Deadline: n.now() + 300*millisecond})
}
