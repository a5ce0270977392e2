package replication

import (
	"fmt"
	"slices"
	"time"
)

// Phases of a replica's connection to its master.
const (
	idle = iota
	dialling
	greeting  // Hello is out
	fetching  // a full copy is on its way
	streaming // entries come
)

// follower is what a replica keeps about its master.
type follower struct {
	state   int
	conn    ConnID
	retryAt int64
	attempt int
	heard   int64 // when the master last said something
	sealing bool  // the last writes of clients are ending
	echoUs  int64
	inSync  bool
	resync  bool // an operator asked for a full copy
	damaged bool // the node's own data is: a full copy is needed
	failed  bool // what was received does not fit: a full copy is needed
	misfits int  // in a row, without an entry that fitted between them

	copyingNow bool     // FetchCopy is under way
	forOrder   bool     // it is what the operator asked for
	copyAt     Position // of the copy, once known
	welcome    *Welcome
	taking     *Takeover
	beginning  bool // Begin is out
}

func (c *Core) dial() {
	if c.promise.Master.Peer == "" || !c.still() || c.follow.copyingNow {
		return // nobody named the new master yet; or the position is not known yet
	}
	c.follow.state = dialling
	c.do(&Dial{c.promise.Master.Peer})
}

// still reports whether nothing that would move the end of the log is under way:
// a position that is told to a master must be the last one of the old branch.
func (c *Core) still() bool { return !c.follow.sealing && c.handed == c.tip.Offset }

// opened greets the master.
func (f *follower) opened(c *Core, conn ConnID) {
	f.state, f.conn, f.heard = greeting, conn, c.now
	p := c.tip
	if f.resync || f.failed || f.damaged {
		p = Position{} // as if there were nothing: a full copy
	}
	promised := c.promise.Epoch
	if c.cfg.Break == BreakLowerEpoch {
		promised = 0
	}
	c.do(&Send{conn, &Hello{NodeID: c.cfg.NodeID, HistoryID: c.history, Branch: c.branch,
		Position: p, Promised: promised, Address: c.cfg.Address}})
}

// lost schedules the next attempt.
func (f *follower) lost(c *Core) {
	// A full copy that is under way goes on by itself; what comes after its spool
	// is asked for when it is in place.
	d := c.cfg.BackoffMin << min(f.attempt, 20)
	if d > c.cfg.BackoffMax || d <= 0 {
		d = c.cfg.BackoffMax
	}
	f.attempt++
	f.state, f.conn, f.copyAt = idle, 0, Position{}
	f.retryAt = c.now + c.jitter(d)
}

// dropCopy gives up the copy under way, and what was spooled behind it.
func (c *Core) dropCopy() {
	c.handed = c.tip.Offset
	c.do(&DropCopy{})
}

// hangup closes the connection to the master and tries again later.
func (c *Core) hangup(why string) {
	c.do(&Hangup{c.follow.conn, why})
	c.follow.lost(c)
}

func (c *Core) tickFollower() {
	f := &c.follow
	c.tickTakeover()
	switch {
	case f.taking != nil, f.copyingNow && f.state == idle:
	case f.state == idle && c.now >= f.retryAt:
		c.dial()
	case f.state >= greeting && c.now-f.heard > int64(c.cfg.PeerTimeout):
		c.note(Note{What: NoteTimeout})
		c.hangup("master is silent")
	}
}

// stale refuses what comes from an epoch that is over.
func (c *Core) stale(epoch uint64) bool {
	if epoch >= c.promise.Epoch || c.cfg.Break == BreakLowerEpoch {
		return false
	}
	c.note(Note{What: NoteStale})
	c.do(&Send{c.follow.conn, &Refused{Code: RefuseStale, Epoch: c.promise.Epoch}})
	c.hangup("stale epoch")
	return true
}

// raise promises a later epoch of the master that is followed.
func (c *Core) raise(epoch uint64) {
	if epoch > c.promise.Epoch {
		c.promise.Epoch = epoch
		c.persist()
	}
}

// fromMaster takes a message of the master's connection.
func (c *Core) fromMaster(m Message) {
	f := &c.follow
	f.heard = c.now
	switch m := m.(type) {
	case *Welcome:
		c.welcomed(m)
	case *Entries:
		c.entries(m)
	case *Ping:
		if c.stale(m.Epoch) {
			return
		}
		c.raise(m.Epoch)
		f.echoUs, f.inSync = m.TimeUs, m.InSync
		if !slices.Equal(members(m.Members), members(c.promise.Members)) {
			c.promise.Members = slices.Clone(m.Members)
			c.persist()
		}
		c.ack()
	case *Promote:
		c.ordered(m)
	case *Repoint:
		if c.stale(m.Epoch) {
			return
		}
		c.become(Replica, m.Epoch, m.Master, "repointed")
	case *Refused:
		c.refusedBy(m)
	default:
		c.note(Note{What: NoteProtocol, Text: fmt.Sprintf("%T", m)})
		c.hangup("message out of place")
	}
}

// members strips what may differ from ping to ping.
func members(in []Member) []Member {
	out := slices.Clone(in)
	for i := range out {
		out[i].InSync = false
	}
	return out
}

// refusedBy follows a hint, if the one who gives it knows a later epoch.
func (c *Core) refusedBy(m *Refused) {
	c.note(Note{What: NoteRefused, Text: m.Code})
	if m.Master.Peer != "" && m.Master.Peer != c.cfg.Address.Peer && m.Master.Peer != c.promise.Master.Peer &&
		m.Epoch >= c.promise.Epoch {
		c.become(Replica, m.Epoch, m.Master, "sent on by "+c.promise.Master.Peer)
		return
	}
	c.hangup(m.Code)
}

// welcomed begins to follow.
func (c *Core) welcomed(m *Welcome) {
	f := &c.follow
	if c.stale(m.Epoch) {
		return
	}
	if f.state != greeting {
		c.hangup("welcome out of place")
		return
	}
	c.raise(m.Epoch)
	f.welcome = m
	if api := m.Address.API; api != "" && api != c.promise.Master.API {
		c.promise.Master.API = api
		c.persist()
		c.do(&Seal{c.promise.Master}) // refusals name it from now on
	}
	if !m.Full {
		f.state, f.attempt = streaming, 0
		c.ack()
		return
	}
	if m.Tip.Offset == 0 && c.tip.Offset > 0 && !f.resync {
		// A master that lost its disk must not wipe its replicas.
		c.note(Note{What: NoteEmpty})
		c.hangup("the master is empty and this replica is not")
		return
	}
	reason := m.Reason
	switch {
	case f.resync:
		reason = ReasonOrder
	case f.failed:
		reason = ReasonApply
	case f.damaged:
		reason = ReasonDamaged
	}
	f.state, f.copyingNow, f.copyAt = fetching, true, Position{}
	f.forOrder = f.resync
	c.handed = 0 // what was handed on before belongs to what goes
	c.do(&FetchCopy{Addr: c.promise.Master.Peer, Reason: reason, Lineage: m.Lineage, Tip: m.Tip})
}

// copying asks for what comes after the copy, to be spooled.
func (c *Core) copying(p Position) {
	f := &c.follow
	if !c.isReplica() || f.state != fetching || f.copyAt != (Position{}) {
		return
	}
	f.copyAt, c.handed = p, p.Offset
	c.do(&Send{f.conn, &Resume{p}})
}

// copied goes on from the copy that is in place.
func (c *Core) copied(ev *Copied) {
	f := &c.follow
	if ev.History != "" {
		c.tip, c.history, c.branch = ev.Tip, ev.History, ev.Branch
		f.failed, f.damaged = false, false
		f.resync = f.resync && !f.forOrder // an order that came meanwhile still stands
	}
	if !c.isReplica() || !f.copyingNow { // it was given up, but in place by then
		c.handed = c.tip.Offset
		return
	}
	f.copyingNow = false
	if ev.Failed {
		c.handed = c.tip.Offset // the spool is gone
	} else {
		c.handed = max(c.handed, c.tip.Offset)
	}
	switch {
	case f.state == idle: // the connection was lost meanwhile
		f.retryAt = c.now
	case ev.Failed || f.state != fetching || f.copyAt == (Position{}):
		c.hangup("the copy ended, or failed")
	default:
		f.state, f.attempt = streaming, 0
		c.raise(ev.Tip.Epoch)
		c.ack()
	}
}

// entries hands entries on if they are the next.
func (c *Core) entries(m *Entries) {
	f := &c.follow
	if c.stale(m.Epoch) {
		return
	}
	if f.taking != nil {
		c.hangup("this node is taking over")
		return
	}
	again := c.cfg.Break == BreakApplyTwice && m.First <= c.handed
	if f.state != streaming && (f.state != fetching || f.copyAt == (Position{})) ||
		m.First != c.handed+1 && !again || m.Last < m.First {
		c.note(Note{What: NoteProtocol, Text: fmt.Sprintf("entries %d to %d in state %d after %d",
			m.First, m.Last, f.state, c.handed)})
		c.hangup("entries out of place")
		return
	}
	c.handed = max(c.handed, m.Last)
	c.do(&Apply{m})
	if c.cfg.Break == BreakEarlyAck {
		c.ack()
	}
}

// applied acknowledges.
func (c *Core) applied(ev *Applied) {
	if ev.Diverged {
		c.follow.failed, c.handed = true, c.tip.Offset
		if ev := c.follow.taking; ev != nil && !c.follow.beginning {
			c.follow.taking = nil
			c.do(&Answer{ID: ev.ID, Outcome: NotInSync})
		}
		if c.isReplica() && c.follow.state >= greeting {
			// If copies do not help either they must not follow each other closely.
			c.follow.attempt = max(c.follow.attempt, 4*c.follow.misfits)
			c.follow.misfits++
			c.hangup("entries do not fit")
		}
		return
	}
	c.follow.misfits = 0
	c.logged(ev.Tip)
	if c.isReplica() {
		c.ack()
		c.pushTakeover()
	}
}

// ack tells the master how far we are.
func (c *Core) ack() {
	f := &c.follow
	if f.state != streaming && f.state != fetching {
		return
	}
	epoch := c.promise.Epoch
	if c.cfg.Break == BreakLowerEpoch && f.welcome != nil {
		epoch = f.welcome.Epoch
	}
	a := &Ack{Epoch: epoch, Received: c.handed, EchoUs: f.echoUs}
	if f.state == streaming {
		a.Durable, a.Applied = c.tip.Offset, c.tip.Offset
	}
	if c.cfg.Break == BreakEarlyAck {
		a.Durable = c.handed
	}
	c.do(&Send{f.conn, a})
}

// resync asks for a full copy.
func (c *Core) resync(ev *Resync) {
	if !c.isReplica() {
		c.do(&Answer{ID: ev.ID, Outcome: NotReplica})
		return
	}
	if ev.Damaged {
		c.follow.damaged = true
	} else {
		c.follow.resync = true
	}
	if c.follow.state >= greeting {
		c.hangup("a full copy was asked for")
		c.follow.retryAt = c.now
	}
	if ev.ID != 0 {
		c.do(&Answer{ID: ev.ID, Outcome: OK})
	}
}

// Silence is how long a replica has not heard of its master; 0 unless it follows.
func (c *Core) Silence(now int64) time.Duration {
	if !c.isReplica() || c.follow.state < greeting {
		return 0
	}
	return time.Duration(now - c.follow.heard)
}
