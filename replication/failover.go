package replication

import "slices"

// handover begins to hand the role to a replica: no more writes, wait until it
// has everything, then order it to take over.
func (c *Core) handover(ev *Handover) {
	answer := func(o Outcome) { c.do(&Answer{ID: ev.ID, Outcome: o, Report: c.lagReport(ev.Replica)}) }
	f := c.feedOf(ev.Replica)
	switch {
	case !c.isMaster():
		answer(NotMaster)
	case c.lead.handing != nil:
		answer(Busy)
	case f == nil || !f.streaming:
		answer(NoReplica)
	case f.address.Peer == "":
		answer(NoAddress) // nobody could follow it
	case c.tip.Offset > f.ack.Durable && c.tip.Offset-f.ack.Durable > ev.MaxLag:
		answer(LagTooHigh)
	default:
		c.lead.handing = &handing{Handover: *ev}
		if c.cfg.Break == BreakSealAfter {
			c.sealed(c.tip)
			return
		}
		c.do(&Seal{f.address})
	}
}

// lagReport is how far apart the master and a replica are.
func (c *Core) lagReport(replica string) Report {
	r := Report{Epoch: c.promise.Epoch, MasterOffset: c.tip.Offset}
	if f := c.feedOf(replica); f != nil {
		r.ReplicaOffset = f.ack.Durable
	}
	return r
}

// sealed notes that the log will not grow any more.
func (c *Core) sealed(tip Position) {
	c.logged(tip)
	if h := c.lead.handing; h != nil && !h.sealed {
		h.sealed, h.tip = true, c.tip
		c.pushHandover()
	}
	if f := &c.follow; c.isReplica() && f.sealing {
		f.sealing = false
		c.pushTakeover()
		if f.taking == nil && f.state == idle {
			c.dial()
		}
	}
}

// pushHandover orders the promotion once the replica has everything.
func (c *Core) pushHandover() {
	h := c.lead.handing
	if h == nil || !h.sealed || h.promoted {
		return
	}
	f := c.feedOf(h.Replica)
	if f == nil || !f.streaming || f.ack.Durable < h.tip.Offset {
		return
	}
	// From here on this node's epoch is over, whatever becomes of the order.
	h.promoted = true
	c.promise.Epoch++
	role, master := c.promise.Role, c.promise.Master
	c.promise.Role, c.promise.Master = Replica, f.address // what a restart must find
	c.persist()
	c.promise.Role, c.promise.Master = role, master
	c.do(&Send{f.conn, &Promote{Epoch: c.promise.Epoch, Offset: h.tip.Offset}})
}

// tickHandover gives up on a handover that takes too long.
func (c *Core) tickHandover() {
	h := c.lead.handing
	if h == nil {
		return
	}
	gone := c.feedOf(h.Replica) == nil
	late := c.now >= h.Deadline
	switch {
	case !gone && !late:
	case !h.promoted:
		c.lead.handing = nil
		c.do(&Unseal{})
		c.do(&Answer{ID: h.ID, Outcome: TimedOut, Report: c.lagReport(h.Replica)})
	default:
		// It may have become the master. This node stands aside until somebody
		// says who is.
		master := Address{}
		for _, m := range c.promise.Members {
			if m.ID == h.Replica {
				master = m.Address
			}
		}
		c.lead.handing = nil
		c.do(&Answer{ID: h.ID, Outcome: Unknown, Report: c.lagReport(h.Replica)})
		c.become(Replica, c.promise.Epoch, master, "a handover was not confirmed")
	}
}

// handedOver follows the node that has taken over and sends the others there.
func (c *Core) handedOver(f *feed, m *Promoted) {
	h := c.lead.handing
	if h == nil || !h.promoted || f.id != h.Replica || m.Epoch != c.promise.Epoch {
		c.drop(f, "promoted out of place")
		return
	}
	for _, id := range c.connIDs() {
		if o := c.lead.conns[id]; o != f {
			c.do(&Send{id, &Repoint{m.Epoch, m.Address}})
		}
	}
	c.lead.handing = nil
	c.do(&Answer{ID: h.ID, Outcome: OK, Report: Report{Promoted: f.id, Epoch: m.Epoch,
		MasterOffset: h.tip.Offset, ReplicaOffset: m.Position.Offset - 1, Master: m.Address}})
	c.become(Replica, m.Epoch, m.Address, "handed over")
}

// ordered obeys the master's order to take over.
func (c *Core) ordered(m *Promote) {
	f := &c.follow
	if m.Epoch <= c.promise.Epoch || m.Epoch <= c.tip.Epoch || c.tip.Offset != m.Offset ||
		f.state != streaming || f.taking != nil {
		c.do(&Send{f.conn, &Refused{Code: RefuseProtocol, Epoch: c.promise.Epoch}})
		return
	}
	c.begin(&Takeover{}, m.Epoch)
}

// takeover makes this node the master without the old one's word.
func (c *Core) takeover(ev *Takeover) {
	f := &c.follow
	switch {
	case !c.isReplica():
		c.do(&Answer{ID: ev.ID, Outcome: NotReplica})
	case f.taking != nil:
		c.do(&Answer{ID: ev.ID, Outcome: Busy})
	case f.copyingNow:
		c.do(&Answer{ID: ev.ID, Outcome: NotInSync})
	case !f.inSync && !ev.Unclean:
		c.do(&Answer{ID: ev.ID, Outcome: NotInSync})
	case !c.still():
		f.taking = ev // what is under way comes first
	default:
		c.begin(ev, c.promise.Epoch+1)
	}
}

// pushTakeover goes on with a takeover that waited for entries.
func (c *Core) pushTakeover() {
	if ev := c.follow.taking; ev != nil && !c.follow.beginning && c.still() {
		c.begin(ev, c.promise.Epoch+1)
	}
}

// tickTakeover gives up on a takeover that waits for too long: an operator who was
// told that it did not happen may promote another node.
func (c *Core) tickTakeover() {
	ev := c.follow.taking
	if ev == nil || c.follow.beginning || ev.Deadline == 0 || c.now < ev.Deadline {
		return
	}
	c.follow.taking = nil
	c.do(&Answer{ID: ev.ID, Outcome: TimedOut})
}

// begin promises the new epoch to itself and writes the entry that begins it.
func (c *Core) begin(ev *Takeover, epoch uint64) {
	c.follow.taking, c.follow.beginning = ev, true
	c.promise.Epoch = epoch
	c.persist()
	c.do(&Begin{epoch})
}

// begun is the moment of promotion.
func (c *Core) begun(ev *Begun) {
	f := &c.follow
	taking := f.taking
	if taking == nil || !c.isReplica() {
		return
	}
	f.taking, f.beginning = nil, false
	if ev.Failed || ev.Tip.Epoch != c.promise.Epoch {
		if taking.ID != 0 {
			c.do(&Answer{ID: taking.ID, Outcome: BeginFailed})
		}
		return
	}
	report := Report{Promoted: c.cfg.NodeID, Epoch: ev.Tip.Epoch, MasterOffset: ev.Tip.Offset - 1,
		ReplicaOffset: ev.Tip.Offset - 1, Master: c.cfg.Address}
	c.tip, c.branch = ev.Tip, ev.Branch
	if f.conn != 0 {
		c.do(&Send{f.conn, &Promoted{ev.Tip.Epoch, ev.Tip, c.cfg.Address}})
	}
	c.note(Note{What: NotePromoted})
	// Those that were members, the old master too, must hear of it; only those
	// that then follow are members again.
	c.promise.Untold, c.promise.Members = c.others(c.promise.Members), nil
	ordered := taking.ID == 0
	c.becomeMaster(ordered)
	if !ordered {
		c.do(&Answer{ID: taking.ID, Outcome: OK, Report: report})
	}
	c.tellNext()
}

// becomeMaster ends the time as replica; keep leaves the connection to the old
// master open, so that the answer to its order arrives.
func (c *Core) becomeMaster(keep bool) {
	if keep {
		c.follow.conn = 0
	}
	c.become(Master, c.promise.Epoch, Address{}, "promoted")
}

// tellNext announces the epoch to one more of those who have not heard of it, in
// turn, until all have.
func (c *Core) tellNext() {
	l, untold := &c.lead, c.promise.Untold
	if l.telling || len(untold) == 0 || c.now < l.tellAt {
		return
	}
	m := untold[l.tellFrom%len(untold)]
	l.telling = true
	c.do(&Tell{Addr: m.Address.Peer, Msg: &Announce{c.cfg.NodeID, c.promise.Epoch, c.cfg.Address}})
}

// told takes the answer.
func (c *Core) told(ev *Told) {
	l := &c.lead
	if !c.isMaster() || !l.telling {
		return
	}
	l.telling = false
	switch m := ev.Reply.(type) {
	case *Agreed:
		c.knows(ev.Peer)
	case *Refused:
		if m.Epoch > c.promise.Epoch {
			c.note(Note{What: NoteStale})
			c.fence(m.Epoch, m.Master)
			return
		}
		// It follows somebody of the same epoch, or nobody: nothing to say to it.
		c.knows(ev.Peer)
	default:
		l.tellFrom++
	}
	l.tellAt = c.now
	if n := len(c.promise.Untold); n > 0 && l.tellFrom%n == 0 {
		l.tellAt = c.now + 4*int64(c.cfg.BackoffMin) // a whole round without success
	}
	c.tellNext()
	c.endProbe()
}

// knows notes that a node has heard of this epoch.
func (c *Core) knows(peer string) {
	c.promise.Untold = slices.DeleteFunc(c.promise.Untold, func(u Member) bool { return u.Address.Peer == peer })
	c.persist()
}
