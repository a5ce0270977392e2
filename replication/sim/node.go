package sim

import (
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// node is one simulated node: the shell around a Core.
type node struct {
	w      *world
	id     int
	up     bool
	life   int // how often it was started; what an earlier life planned does not happen
	core   *replication.Core
	disk   disk
	sealed bool
	skew   int64 // of its clock

	conns   map[replication.ConnID]*pipe
	streams map[replication.ConnID]*stream
	commits int      // of clients, under way
	queue   []batch  // of entries to apply
	busy    bool     // one is being applied
	copying *copyJob // a full copy under way
	late    *replication.Copied
	awaits  map[uint64]ask // by request
	asked   uint64
	lists   map[*replication.Entries][]entry // of entries that are being received
}

type batch struct {
	first uint64
	list  []entry
}

type ask struct {
	what   string
	offset uint64
	tip    replication.Position
	target int
}

// stream feeds one replica.
type stream struct{ next, epoch uint64 }

// pipe is one end of a connection.
type pipe struct {
	id       replication.ConnID
	node     *node
	peer     *pipe
	open     bool
	mute     bool  // what is sent gets lost from now on
	lastAt   int64 // arrival of the last message, to keep the order
	told     func(m replication.Message)
	incoming bool
}

const historyID = "history"

// start boots the node from its disk.
func (n *node) start() {
	n.up, n.life = true, n.life+1
	n.sealed, n.busy, n.commits, n.queue, n.copying = false, false, 0, nil, nil
	clear(n.conns)
	clear(n.streams)
	n.awaits = make(map[uint64]ask)
	n.lists = make(map[*replication.Entries][]entry)
	if n.disk.branch == "" {
		n.disk.branch = historyID
	}
	id := peerName(n.id)
	core, actions := replication.New(replication.Config{
		NodeID: id, Address: replication.Address{Peer: id}, Heartbeat: 100 * time.Millisecond,
		PeerTimeout: 600 * time.Millisecond, BackoffMin: 10 * time.Millisecond,
		BackoffMax: 200 * time.Millisecond, Seed: n.w.rng.Uint64(), Break: n.w.opts.Break,
	}, replication.Start{Promise: n.disk.promise, HistoryID: n.history(), Branch: n.disk.branch,
		Tip: n.disk.tip()}, n.now())
	n.core = core
	n.w.logf("n%d starts as %v, epoch %d, tip %d", n.id, core.Role(), core.Epoch(), n.disk.last())
	n.perform(actions)
	n.tick(n.life)
}

// history is the id of the node's data; a node that never copied has its own.
func (n *node) history() string {
	if n.id == 0 || n.disk.last() > 0 {
		return historyID
	}
	return peerName(n.id)
}

func (n *node) now() int64 { return n.w.now + n.skew }

// tick keeps the node's clock going.
func (n *node) tick(life int) {
	if !n.up || n.life != life {
		return
	}
	n.step(&replication.Tick{})
	n.w.after(10*millisecond+n.w.rng.Int64N(5*millisecond), func() { n.tick(life) })
}

// step feeds one event.
func (n *node) step(ev replication.Event) {
	if !n.up {
		return
	}
	if n.core.Role() == replication.Master {
		n.perform(n.core.Step(n.now(), &replication.Logged{Tip: n.disk.position(n.disk.synced)}))
	}
	n.perform(n.core.Step(n.now(), ev))
	if late := n.late; late != nil {
		n.late = nil
		n.perform(n.core.Step(n.now(), late))
	}
	n.w.check.promised(n)
}

// later plans something in this life of the node.
func (n *node) later(d int64, fn func()) {
	life := n.life
	n.w.after(d, func() {
		if n.up && n.life == life {
			fn()
		}
	})
}

// diskTime is how long a write takes.
func (n *node) diskTime() int64 {
	d := millisecond/10 + n.w.rng.Int64N(2*millisecond)
	if n.w.on.slowDisk && !n.w.calm && n.w.chance(10) {
		d += n.w.rng.Int64N(300 * millisecond)
	}
	return d
}

// crash ends the node; its connections are found dead by the others, or not.
func (n *node) crash() {
	n.w.logf("n%d crashes at %d, synced %d", n.id, n.disk.last(), n.disk.synced)
	n.w.res.Crashes++
	n.up = false
	n.disk.crash()
	for _, p := range n.sortedPipes() {
		p.open = false
		n.w.tellClosed(p.peer)
	}
}

// write is a client's write. With confirm the client asks for concern all.
func (n *node) write(confirm bool) {
	if n.sealed || n.core.Role() != replication.Master {
		return
	}
	n.w.res.Writes++
	prev := n.disk.entries[n.disk.last()]
	epoch := max(prev.epoch, 1)
	n.disk.entries = append(n.disk.entries, next(prev, epoch, n.w.rng.Uint64()))
	offset := n.disk.last()
	n.commits++
	copies := n.disk.copies
	n.later(n.diskTime(), func() {
		n.commits--
		if n.disk.copies != copies {
			return // it ended in the data that was replaced
		}
		n.sync(offset)
		n.step(&replication.Logged{Tip: n.disk.position(n.disk.synced)})
		n.feedAll()
		if confirm {
			n.asked++
			n.awaits[n.asked] = ask{what: "write", offset: offset, tip: n.disk.position(offset)}
			n.step(&replication.Await{ID: n.asked, Offset: offset, Replicas: replication.ConcernAll,
				Deadline: n.now() + 400*millisecond})
		}
		if n.disk.last() > 60 && n.w.chance(20) {
			n.disk.first = max(n.disk.first, len(n.disk.entries)-20)
		}
	})
}

// sync makes everything up to offset survive a crash.
func (n *node) sync(offset uint64) {
	if n.w.opts.SkipFsync && n.w.chance(3) {
		return
	}
	n.disk.synced = max(n.disk.synced, min(offset, n.disk.last()))
}

// apply commits the next batch of entries of a master.
func (n *node) apply() {
	if n.busy || len(n.queue) == 0 || n.copying != nil {
		return
	}
	n.busy = true
	b := n.queue[0]
	n.queue = n.queue[1:]
	n.later(n.diskTime(), func() {
		n.busy = false
		if n.copying != nil {
			return
		}
		if !n.disk.continues(b.first, b.list) {
			n.queue = nil
			n.step(&replication.Applied{Diverged: true})
			return
		}
		n.disk.entries = append(n.disk.entries, b.list...)
		n.sync(n.disk.last())
		n.step(&replication.Applied{Tip: n.disk.tip()})
		n.apply()
	})
}

// feedAll sends what is new to every replica.
func (n *node) feedAll() {
	for _, p := range n.sortedPipes() {
		n.feed(p)
	}
}

// feed sends what a replica lacks, a few entries at a time.
func (n *node) feed(p *pipe) {
	s := n.streams[p.id]
	if s == nil || !p.open {
		return
	}
	for s.next <= n.disk.synced {
		if s.next < uint64(n.disk.first) {
			n.closePipe(p) // trimmed
			return
		}
		last := min(n.disk.synced, s.next+uint64(n.w.rng.IntN(5)))
		list := append([]entry(nil), n.disk.entries[s.next:last+1]...)
		n.w.deliver(p, &payload{replication.Entries{Epoch: s.epoch, First: s.next, Last: last}, list})
		s.next = last + 1
	}
}
