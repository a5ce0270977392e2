package replication

import (
	"fmt"
	"slices"
)

// leader is what a master keeps: the connections of its replicas, and who waits
// for them.
type leader struct {
	conns    map[ConnID]*feed
	waits    []Await
	pingAt   int64
	handing  *handing
	probeEnd int64 // no writes before, unless everybody answered; 0 = writes
	telling  bool
	tellAt   int64
	tellFrom int
}

// feed is the connection of one replica.
type feed struct {
	conn      ConnID
	id        string
	address   Address
	hello     *Hello
	streaming bool   // it was accepted: acknowledgements count
	joined    uint64 // the master's last offset then: whoever has less may lack confirmed writes
	full      bool   // it was sent to fetch a full copy
	heard     int64  // when it last said something
	ack       Ack
}

// handing is a handover under way.
type handing struct {
	Handover
	sealed   bool
	tip      Position
	promoted bool // the order is out: there is no way back
}

// hello judges a replica that wants to follow.
func (c *Core) hello(conn ConnID, m *Hello) {
	refuse := func(code string, master Address) {
		c.note(Note{What: NoteRefused, Node: m.NodeID, Text: code})
		c.do(&Send{conn, &Refused{Code: code, Epoch: c.promise.Epoch, Master: master}})
		c.do(&Hangup{conn, code})
	}
	switch {
	case m.NodeID == c.cfg.NodeID:
		refuse(RefuseSelf, Address{})
	case m.Promised > c.promise.Epoch:
		// It has met a later master: ours is over.
		c.note(Note{What: NoteStale, Node: m.NodeID})
		refuse(RefuseStale, Address{})
		if c.isMaster() {
			c.fence(m.Promised, Address{})
		}
	case !c.isMaster():
		refuse(RefuseNotMaster, c.promise.Master)
	default:
		if old := c.feedOf(m.NodeID); old != nil {
			c.drop(old, "replaced by a newer connection")
		}
		f := &feed{conn: conn, id: m.NodeID, address: m.Address, hello: m, heard: c.now}
		c.lead.conns[conn] = f
		switch {
		case m.Position.Offset == 0:
			c.full(f, ReasonEmpty)
		case m.HistoryID != c.history:
			c.full(f, ReasonHistory)
		default:
			c.judge(f, m.Position)
		}
	}
}

// judge decides between the missing entries and a full copy, or asks the log.
func (c *Core) judge(f *feed, p Position) {
	f.hello.Position = p
	switch {
	case c.cfg.Break == BreakAnyPosition:
		c.accept(f, p)
	case p.Offset > c.tip.Offset:
		c.full(f, ReasonAhead)
	default:
		c.do(&Check{f.conn, p})
	}
}

// checked ends judge.
func (c *Core) checked(ev *Checked) {
	f := c.lead.conns[ev.Conn]
	switch {
	case f == nil || f.streaming || !c.isMaster():
	case ev.Continues:
		c.accept(f, f.hello.Position)
	case ev.Trimmed:
		c.full(f, ReasonTrimmed)
	default:
		c.full(f, ReasonDiverged)
	}
}

func (c *Core) welcome(f *feed, full bool, reason string) {
	c.do(&Send{f.conn, &Welcome{NodeID: c.cfg.NodeID, HistoryID: c.history, Epoch: c.promise.Epoch,
		Tip: c.tip, Full: full, Reason: reason, Address: c.cfg.Address}})
}

// full sends a replica to fetch a full copy. It comes back with Resume.
func (c *Core) full(f *feed, reason string) {
	f.full = true
	c.note(Note{What: NoteFull, Node: f.id, Text: reason})
	c.welcome(f, true, reason)
}

// accept feeds a replica from p on. From now on it is a member.
func (c *Core) accept(f *feed, p Position) {
	f.streaming, f.joined = true, c.tip.Offset
	f.ack = Ack{Received: p.Offset}
	if !f.full {
		f.ack.Durable, f.ack.Applied = p.Offset, p.Offset
		c.note(Note{What: NotePartial, Node: f.id})
		c.welcome(f, false, ReasonNone)
	}
	c.join(f)
	c.do(&Stream{f.conn, p.Offset + 1})
	c.ping(f)
	c.settle()
}

// join makes the replica one that "all" waits for.
func (c *Core) join(f *feed) {
	m := Member{ID: f.id, Address: f.address}
	for i := range c.promise.Members {
		if old := &c.promise.Members[i]; old.ID == f.id {
			if old.Address != f.address {
				*old = m
				c.persist()
			}
			return
		}
	}
	c.promise.Members = append(c.promise.Members, m)
	c.persist()
}

// feedOf finds the connection of a node.
func (c *Core) feedOf(id string) *feed {
	for _, conn := range c.connIDs() {
		if f := c.lead.conns[conn]; f.id == id {
			return f
		}
	}
	return nil
}

func (c *Core) drop(f *feed, why string) {
	delete(c.lead.conns, f.conn)
	c.do(&Hangup{f.conn, why})
}

// fromReplica takes a message of an accepted connection.
func (c *Core) fromReplica(f *feed, m Message) {
	f.heard = c.now
	switch m := m.(type) {
	case *Ack:
		c.acked(f, m)
	case *Resume:
		if !f.full || f.streaming {
			c.drop(f, "resume out of place")
			return
		}
		c.judge(f, m.Position)
	case *Promoted:
		c.handedOver(f, m)
	case *Refused:
		if m.Epoch > c.promise.Epoch {
			c.note(Note{What: NoteStale, Node: f.id})
			c.fence(m.Epoch, m.Master)
			return
		}
		c.drop(f, m.Code)
	default:
		c.note(Note{What: NoteProtocol, Node: f.id, Text: fmt.Sprintf("%T", m)})
		c.drop(f, "message out of place")
	}
}

// acked takes an acknowledgement. Only those of our own epoch count: a replica
// that promised another will never confirm.
func (c *Core) acked(f *feed, m *Ack) {
	if m.Epoch > c.promise.Epoch {
		c.note(Note{What: NoteStale, Node: f.id})
		c.fence(m.Epoch, Address{})
		return
	}
	if m.Epoch < c.promise.Epoch || !f.streaming {
		return
	}
	f.ack = *m
	c.settle()
	c.pushHandover()
}

// confirmed counts the members that hold offset durably.
func (c *Core) confirmed(offset uint64) (n int, all bool) {
	all = true
	for i := range c.promise.Members {
		f := c.feedOf(c.promise.Members[i].ID)
		if f != nil && f.streaming && f.ack.Durable >= offset {
			n++
		} else {
			all = false
		}
	}
	return n, all && n > 0
}

// await answers at once if the write is confirmed already.
func (c *Core) await(ev *Await) {
	if !c.isMaster() {
		c.do(&Answer{ID: ev.ID, Outcome: Unknown})
		return
	}
	c.lead.waits = append(c.lead.waits, *ev)
	c.settle()
}

// settle answers every wait that is over.
func (c *Core) settle() {
	c.lead.waits = slices.DeleteFunc(c.lead.waits, func(w Await) bool {
		n, all := c.confirmed(w.Offset)
		wanted := w.Replicas
		if wanted == ConcernAll {
			wanted = max(1, len(c.promise.Members))
		}
		switch {
		case w.Replicas == ConcernAll && all, w.Replicas != ConcernAll && n >= w.Replicas:
			c.do(&Answer{ID: w.ID, Outcome: OK, Acked: n, Wanted: wanted})
		case c.now >= w.Deadline:
			c.do(&Answer{ID: w.ID, Outcome: TimedOut, Acked: n, Wanted: wanted})
		default:
			return false
		}
		return true
	})
}

// inSync reports whether the replica is close enough to take over.
func (c *Core) inSync(f *feed) bool {
	return f.streaming && f.ack.Durable >= f.joined && f.ack.Durable+c.cfg.InSyncLag >= c.tip.Offset &&
		c.now-f.heard < int64(c.cfg.PeerTimeout)
}

// ping tells one replica what it needs to know.
func (c *Core) ping(f *feed) {
	members := make([]Member, 0, len(c.promise.Members))
	for _, m := range c.promise.Members {
		if m.ID != f.id {
			members = append(members, m)
		}
	}
	// Who takes over must also reach those that this master could not reach.
	for _, m := range c.promise.Untold {
		if m.ID != f.id && !slices.ContainsFunc(members, func(o Member) bool { return o.ID == m.ID }) {
			members = append(members, m)
		}
	}
	members = append(members, Member{ID: c.cfg.NodeID, Address: c.cfg.Address})
	c.do(&Send{f.conn, &Ping{Epoch: c.promise.Epoch, Offset: c.tip.Offset,
		InSync: c.inSync(f), Members: members}})
}

func (c *Core) tickLeader() {
	for _, id := range c.connIDs() {
		if f := c.lead.conns[id]; c.now-f.heard > int64(c.cfg.PeerTimeout) {
			c.note(Note{What: NoteTimeout, Node: f.id})
			c.drop(f, "silent for too long")
		}
	}
	if c.now >= c.lead.pingAt {
		c.lead.pingAt = c.now + int64(c.cfg.Heartbeat)
		for _, id := range c.connIDs() {
			if f := c.lead.conns[id]; f.streaming || f.full {
				c.ping(f)
			}
		}
	}
	c.settle()
	c.tickHandover()
	c.tellNext()
	c.endProbe()
}

// endProbe accepts writes once nobody said that this node was replaced.
func (c *Core) endProbe() {
	if l := &c.lead; l.probeEnd > 0 && (len(c.promise.Untold) == 0 || c.now >= l.probeEnd) {
		l.probeEnd = 0
		if l.handing == nil {
			c.do(&Unseal{})
		}
	}
}

// forget drops a member that will not come back.
func (c *Core) forget(ev *Forget) {
	if !c.isMaster() {
		c.do(&Answer{ID: ev.ID, Outcome: NotMaster})
		return
	}
	n := len(c.promise.Members)
	c.promise.Members = slices.DeleteFunc(c.promise.Members, func(m Member) bool { return m.ID == ev.Member })
	if len(c.promise.Members) == n {
		c.do(&Answer{ID: ev.ID, Outcome: NoReplica})
		return
	}
	if f := c.feedOf(ev.Member); f != nil {
		c.drop(f, "forgotten")
	}
	c.persist()
	c.settle()
	c.do(&Answer{ID: ev.ID, Outcome: OK})
}
