package sim

import "github.com/vectorizer-go/vectorizer/replication"

// copyJob is a full copy under way.
type copyJob struct {
	position replication.Position
	entries  []entry
	first    int
	branch   string
	spool    []batch
}

// perform carries out what the Core says, in order.
func (n *node) perform(actions []replication.Action) {
	for _, a := range actions {
		if !n.up {
			return
		}
		n.do(a)
	}
}

func (n *node) do(a replication.Action) {
	switch a := a.(type) {
	case *replication.Persist:
		n.disk.promise = a.Promise
	case *replication.Send:
		if p := n.conns[a.Conn]; p != nil {
			n.w.check.sends(n, a.Msg)
			n.w.deliver(p, a.Msg)
		}
	case *replication.Stream:
		if p := n.conns[a.Conn]; p != nil {
			n.streams[a.Conn] = &stream{a.From, n.core.Epoch()}
			n.feed(p)
		}
	case *replication.Hangup:
		n.hangup(a.Conn)
	case *replication.Dial:
		n.w.dial(n, a.Addr, func(p *pipe) {
			if p == nil {
				n.step(&replication.Closed{})
				return
			}
			n.step(&replication.Connected{Conn: p.id, Out: true})
		})
	case *replication.Tell:
		n.tell(a)
	case *replication.Apply:
		n.toApply(a.Entries)
	case *replication.Check:
		n.later(1, func() { n.checkPosition(a) })
	case *replication.FetchCopy:
		n.fetch(a)
	case *replication.DropCopy:
		n.dropCopy()
	case *replication.Seal:
		n.seal()
	case *replication.Unseal:
		n.sealed = false
	case *replication.Begin:
		n.later(n.diskTime(), func() { n.beginEpoch(a.Epoch) })
	case *replication.Answer:
		n.answered(a)
	case *replication.Note:
		n.w.logf("n%d %s %s %s", n.id, a.What, a.Node, a.Text)
	}
}

// hangup closes once what was sent before is on its way.
func (n *node) hangup(conn replication.ConnID) {
	p := n.conns[conn]
	if p == nil || !p.open {
		return
	}
	delete(n.conns, conn)
	delete(n.streams, conn)
	p.open = false
	peer, life := p.peer, p.peer.node.life
	at := max(p.lastAt, n.w.now) + 1
	if p.mute || !n.w.calm && n.w.on.cut && n.w.chance(4) {
		return // the other side does not learn of it
	}
	n.w.after(at-n.w.now, func() {
		if o := peer.node; peer.open && o.up && o.life == life {
			peer.open = false
			o.gone(peer)
		}
	})
}

// tell says one thing to a node and waits for the answer.
func (n *node) tell(a *replication.Tell) {
	done := false
	finish := func(m replication.Message) {
		if !done {
			done = true
			n.step(&replication.Told{Peer: a.Addr, Reply: m})
		}
	}
	n.w.dial(n, a.Addr, func(p *pipe) {
		if p == nil {
			finish(nil)
			return
		}
		p.told = func(m replication.Message) {
			n.closeTold(p)
			finish(m)
		}
		n.w.deliver(p, a.Msg)
		n.later(300*millisecond, func() {
			n.closeTold(p)
			finish(nil)
		})
	})
}

func (n *node) closeTold(p *pipe) {
	if p.open {
		p.open = false
		n.w.tellClosed(p.peer)
	}
	delete(n.conns, p.id)
}

// toApply queues entries, or spools them.
func (n *node) toApply(e *replication.Entries) {
	b := batch{e.First, n.lists[e]}
	n.w.check.handed(n, e)
	if n.copying != nil {
		n.copying.spool = append(n.copying.spool, b)
		return
	}
	n.queue = append(n.queue, b)
	n.apply()
}

// checkPosition compares a position with the log.
func (n *node) checkPosition(a *replication.Check) {
	p := a.Position
	ev := &replication.Checked{Conn: a.Conn}
	switch {
	case p.Offset > n.disk.synced:
	case p.Offset+1 < uint64(n.disk.first):
		ev.Trimmed = true
	default:
		ev.Continues = n.disk.entries[p.Offset].rolling == p.Rolling
	}
	n.step(ev)
}

// fetch copies everything from another node.
func (n *node) fetch(a *replication.FetchCopy) {
	job := &copyJob{}
	n.copying, n.queue = job, nil
	fail := func() {
		if n.copying == job {
			n.step(&replication.Copied{Failed: true})
			n.copying, n.queue = nil, nil
		}
	}
	n.w.dial(n, a.Addr, func(p *pipe) {
		if n.copying != job {
			return
		}
		if p == nil || p.peer.node.core.Role() != replication.Master {
			fail()
			return
		}
		source := p.peer.node
		life := source.life
		n.closeTold(p)
		job.position = source.disk.position(source.disk.synced)
		job.entries = append([]entry(nil), source.disk.entries[:source.disk.synced+1]...)
		job.first, job.branch = source.disk.first, source.disk.branch
		n.later(n.w.latency(), func() {
			if n.copying == job {
				n.step(&replication.Copying{Position: job.position})
			}
		})
		n.later(10*millisecond+n.w.rng.Int64N(300*millisecond), func() {
			if n.copying != job {
				return
			}
			if !source.up || source.life != life || !n.w.calm && n.w.chance(5) {
				fail()
				return
			}
			n.install(job)
		})
	})
}

// dropCopy gives a copy up, now and then a moment after it was put in place.
func (n *node) dropCopy() {
	job := n.copying
	n.copying, n.queue = nil, nil
	if job == nil || job.entries == nil || !n.w.chance(3) {
		return
	}
	n.w.logf("n%d gives a copy up that is in place", n.id)
	n.replace(job)
	n.late = &replication.Copied{Tip: n.disk.tip(), Branch: n.disk.branch, History: historyID}
}

// replace puts a copy in place, without its spool.
func (n *node) replace(job *copyJob) {
	n.w.res.Copies++
	n.disk.copies++
	n.disk.entries, n.disk.first, n.disk.branch = job.entries, job.first, job.branch
	n.disk.synced = n.disk.last()
}

// install puts a copy in place with what was spooled.
func (n *node) install(job *copyJob) {
	n.replace(job)
	if !n.w.calm && n.w.chance(8) { // the spool is lost
		n.copying = nil
		n.step(&replication.Copied{Tip: n.disk.tip(), Branch: n.disk.branch, History: historyID, Failed: true})
		return
	}
	for _, b := range job.spool {
		if !n.disk.continues(b.first, b.list) {
			n.w.violated("n%d: spooled entries from %d do not follow the copy at %d", n.id, b.first, n.disk.last())
			return
		}
		n.disk.entries = append(n.disk.entries, b.list...)
	}
	n.disk.synced = n.disk.last()
	n.copying = nil
	n.w.logf("n%d has a copy of %d, with the spool %d", n.id, job.position.Offset, n.disk.last())
	n.step(&replication.Copied{Tip: n.disk.tip(), Branch: n.disk.branch, History: historyID})
	n.apply()
}

// seal refuses writes, and says when the last one has ended.
func (n *node) seal() {
	n.sealed = true
	var wait func()
	wait = func() {
		if n.commits > 0 {
			n.later(millisecond, wait)
			return
		}
		n.step(&replication.Sealed{Tip: n.disk.position(n.disk.synced)})
	}
	n.later(1, wait)
}

// beginEpoch writes the entry that begins an epoch.
func (n *node) beginEpoch(epoch uint64) {
	prev := n.disk.entries[n.disk.last()]
	if epoch <= max(prev.epoch, 1) {
		n.step(&replication.Begun{Failed: true})
		return
	}
	n.disk.entries = append(n.disk.entries, next(prev, epoch, n.w.rng.Uint64()))
	n.disk.synced = n.disk.last()
	n.disk.branch = peerName(n.id) + "'s"
	n.w.check.begins(n, epoch)
	n.w.res.Promotions++
	n.step(&replication.Begun{Tip: n.disk.tip(), Branch: n.disk.branch})
}

// answered ends a request.
func (n *node) answered(a *replication.Answer) {
	q, ok := n.awaits[a.ID]
	delete(n.awaits, a.ID)
	if !ok {
		return
	}
	n.w.logf("n%d %s of %d: %s", n.id, q.what, q.offset, a.Outcome)
	switch {
	case a.Outcome != replication.OK:
	case q.what == "write":
		n.w.res.Confirmed++
		n.w.check.confirmed(n, q.tip)
	case q.what == "handover":
		n.w.check.handedOver(n, n.w.nodes[q.target])
	}
}
