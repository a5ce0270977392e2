package replication

import (
	"cmp"
	"slices"
	"time"
)

// Config is what a Core needs to know of its node. Zero durations take defaults.
type Config struct {
	NodeID  string
	Address Address // of this node

	Heartbeat   time.Duration // between pings, 0 = 10 s
	PeerTimeout time.Duration // of silence before a connection is given up, 0 = 60 s
	BackoffMin  time.Duration // before the first reconnect, 0 = 100 ms
	BackoffMax  time.Duration // 0 = 10 s
	InSyncLag   uint64        // entries a replica may be behind and still count as in sync, 0 = 10,000

	Seed uint64 // of the jitter

	// Break plants a bug, for the simulator to find.
	Break Bug
}

// Bug is a mistake that Core makes on purpose. The simulator must catch each.
type Bug uint8

// The bugs.
const (
	BreakNothing       Bug = iota
	BreakEarlyAck          // a replica acknowledges what it has received as durable
	BreakLowerEpoch        // a lower epoch is followed and confirmed
	BreakApplyTwice        // entries that were received already are applied again
	BreakForgetPromise     // promises are not persisted
	BreakSealAfter         // a master that hands over goes on writing
	BreakAnyPosition       // any position is taken for one of our history
)

// Start is what a node finds on its disk.
type Start struct {
	Promise   Promise
	HistoryID string
	Branch    string
	Tip       Position
}

// Core is the protocol of one node. It is not safe for concurrent use.
type Core struct {
	cfg     Config
	now     int64
	out     []Action
	rng     uint64
	promise Promise
	history string
	branch  string
	tip     Position
	handed  uint64 // last offset handed to Apply, or in the log: what is between is under way

	started bool // the first role was entered
	lead    leader
	follow  follower
}

// probeTime is how long a master that starts waits for its replicas to say that
// it was replaced.
const probeTime = int64(time.Second)

// others are the members that can be told something.
func (c *Core) others(list []Member) []Member {
	var out []Member
	for _, m := range list {
		if m.ID != c.cfg.NodeID && m.Address.Peer != "" && m.Address.Peer != c.cfg.Address.Peer {
			out = append(out, m)
		}
	}
	return out
}

// New returns the Core of a node that starts at time now, nanoseconds of any
// monotonic clock, and the first actions.
func New(cfg Config, start Start, now int64) (*Core, []Action) {
	setDefault(&cfg.Heartbeat, 10*time.Second)
	setDefault(&cfg.PeerTimeout, 60*time.Second)
	setDefault(&cfg.BackoffMin, 100*time.Millisecond)
	setDefault(&cfg.BackoffMax, 10*time.Second)
	setDefault(&cfg.InSyncLag, 10000)
	c := &Core{cfg: cfg, now: now, rng: cfg.Seed | 1, promise: start.Promise,
		history: start.HistoryID, branch: start.Branch, tip: start.Tip}
	c.promise.Epoch = max(c.promise.Epoch, start.Tip.Epoch)
	c.handed = start.Tip.Offset
	c.promise.Members = slices.Clone(c.promise.Members)
	c.promise.Untold = slices.Clone(c.promise.Untold)
	c.enterRole()
	return c, c.take()
}

func setDefault[T cmp.Ordered](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Step feeds one event at time now and returns what to do, valid until the next
// Step.
func (c *Core) Step(now int64, ev Event) []Action {
	c.now = max(c.now, now)
	switch ev := ev.(type) {
	case *Tick:
		c.tick()
	case *Logged:
		c.logged(ev.Tip)
	case *Applied:
		c.applied(ev)
	case *Connected:
		c.connected(ev)
	case *Closed:
		c.closed(ev.Conn)
	case *Received:
		c.received(ev.Conn, ev.Msg)
	case *Checked:
		c.checked(ev)
	case *Copying:
		c.copying(ev.Position)
	case *Copied:
		c.copied(ev)
	case *Await:
		c.await(ev)
	case *Handover:
		c.handover(ev)
	case *Sealed:
		c.sealed(ev.Tip)
	case *Takeover:
		c.takeover(ev)
	case *Begun:
		c.begun(ev)
	case *Told:
		c.told(ev)
	case *Configure:
		c.configure(ev)
	case *Forget:
		c.forget(ev)
	case *Resync:
		c.resync(ev)
	}
	return c.take()
}

// Role is the present role.
func (c *Core) Role() Role { return c.promise.Role }

// Epoch is the highest epoch that the node has promised.
func (c *Core) Epoch() uint64 { return c.promise.Epoch }

// Changing reports whether a change of masters is under way here.
func (c *Core) Changing() bool { return c.lead.handing != nil || c.follow.taking != nil }

// MasterAddress is whom a replica follows.
func (c *Core) MasterAddress() Address { return c.promise.Master }

func (c *Core) do(a Action)     { c.out = append(c.out, a) }
func (c *Core) take() []Action  { out := c.out; c.out = nil; return out }
func (c *Core) note(n Note)     { c.do(&n) }
func (c *Core) isMaster() bool  { return c.promise.Role == Master }
func (c *Core) isReplica() bool { return c.promise.Role == Replica }

// persist makes the promise durable before anything that follows.
func (c *Core) persist() {
	if c.cfg.Break == BreakForgetPromise {
		return
	}
	p := c.promise
	p.Members, p.Untold = slices.Clone(p.Members), slices.Clone(p.Untold)
	c.do(&Persist{p})
}

// jitter returns a duration between half of d and d.
func (c *Core) jitter(d time.Duration) int64 {
	c.rng ^= c.rng << 13 // xorshift64 (Marsaglia 2003)
	c.rng ^= c.rng >> 7
	c.rng ^= c.rng << 17
	half := int64(d) / 2
	return half + int64(c.rng%uint64(half+1))
}

// enterRole begins to act in the role of the promise.
func (c *Core) enterRole() {
	defer func() { c.started = true }()
	c.lead = leader{conns: make(map[ConnID]*feed)}
	c.follow = follower{}
	switch c.promise.Role {
	case Replica:
		c.follow.sealing, c.follow.retryAt = true, c.now
		c.do(&Seal{c.promise.Master}) // the master is greeted once the log is still
	case Master:
		if !c.started {
			// Those that follow it may have found another master meanwhile.
			for _, m := range c.promise.Members {
				c.promise.Untold = slices.DeleteFunc(c.promise.Untold, func(u Member) bool { return u.ID == m.ID })
				c.promise.Untold = append(c.promise.Untold, m)
			}
		}
		c.promise.Untold = c.others(c.promise.Untold)
		if !c.started && len(c.promise.Untold) > 0 {
			// Another may have taken over while this node was down: ask first.
			c.lead.probeEnd = c.now + probeTime
			c.do(&Seal{})
			c.tellNext()
		} else {
			c.do(&Unseal{})
		}
	case Standalone:
		c.do(&Unseal{})
	}
}

// leaveRole ends every connection and answers whoever waits.
func (c *Core) leaveRole(why string) {
	for _, id := range c.connIDs() {
		c.do(&Hangup{id, why})
	}
	for i := range c.lead.waits {
		c.do(&Answer{ID: c.lead.waits[i].ID, Outcome: Unknown})
	}
	if h := c.lead.handing; h != nil {
		c.do(&Answer{ID: h.ID, Outcome: Unknown})
	}
	if c.follow.conn != 0 {
		c.do(&Hangup{c.follow.conn, why})
	}
	if c.follow.copyingNow {
		c.dropCopy()
	}
}

// become changes role and promise at once.
func (c *Core) become(role Role, epoch uint64, master Address, why string) {
	if master.Peer == c.cfg.Address.Peer {
		master = Address{} // said by somebody who still follows us
	}
	c.leaveRole(why)
	c.promise.Role, c.promise.Epoch, c.promise.Master = role, max(epoch, c.promise.Epoch), master
	if role != Master {
		c.promise.Untold = nil
	}
	c.persist()
	c.note(Note{What: NoteRole, Text: role.Word() + ": " + why})
	c.enterRole()
}

// fence ends the node's time as master: epoch is somebody else's.
func (c *Core) fence(epoch uint64, master Address) {
	if epoch <= c.promise.Epoch && !c.isMaster() {
		return
	}
	c.note(Note{What: NoteFenced, Text: master.Peer})
	c.become(Replica, epoch, master, "fenced by a higher epoch")
}

// connIDs lists the connections of replicas in a fixed order.
func (c *Core) connIDs() []ConnID {
	ids := make([]ConnID, 0, len(c.lead.conns))
	for id := range c.lead.conns {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// tick does what is due.
func (c *Core) tick() {
	switch c.promise.Role {
	case Master:
		c.tickLeader()
	case Replica:
		c.tickFollower()
	case Standalone:
	}
}

// connected notes a connection that the node dialled; one that a peer opened
// says itself what it is.
func (c *Core) connected(ev *Connected) {
	if !ev.Out {
		return
	}
	if !c.isReplica() || c.follow.state != dialling {
		c.do(&Hangup{ev.Conn, "not wanted any more"})
		return
	}
	c.follow.opened(c, ev.Conn)
}

func (c *Core) closed(conn ConnID) {
	if _, ok := c.lead.conns[conn]; ok {
		delete(c.lead.conns, conn)
		return
	}
	if c.isReplica() && (conn == c.follow.conn && conn != 0 || conn == 0 && c.follow.state == dialling) {
		c.follow.lost(c)
	}
}

// received sorts messages by who may say them.
func (c *Core) received(conn ConnID, m Message) {
	switch m := m.(type) {
	case *Announce:
		c.announced(conn, m)
		return
	case *Hello:
		c.hello(conn, m)
		return
	}
	if f := c.lead.conns[conn]; f != nil && c.isMaster() {
		c.fromReplica(f, m)
		return
	}
	if c.isReplica() && conn == c.follow.conn && conn != 0 {
		c.fromMaster(m)
		return
	}
	c.do(&Hangup{conn, "message out of place"})
}

// announced judges the claim of another node to be the master.
func (c *Core) announced(conn ConnID, m *Announce) {
	known := c.promise.Role == Replica && c.promise.Epoch == m.Epoch && c.promise.Master.Peer == m.Master.Peer
	switch {
	case m.NodeID == c.cfg.NodeID, c.promise.Role == Standalone:
		c.do(&Send{conn, &Refused{Code: RefuseNotMaster, Epoch: c.promise.Epoch}})
	case m.Epoch > c.promise.Epoch, known, c.cfg.Break == BreakLowerEpoch,
		// Two nodes were promoted to the same epoch, which nobody but an operator who
		// does not look can bring about: the greater id stays.
		m.Epoch == c.promise.Epoch && c.isMaster() && m.NodeID > c.cfg.NodeID,
		// An epoch that was promised to a master that nobody named yet.
		m.Epoch == c.promise.Epoch && c.isReplica() && c.promise.Master.Peer == "":
		if !known {
			if c.isMaster() {
				c.note(Note{What: NoteFenced, Node: m.NodeID})
			}
			c.become(Replica, m.Epoch, m.Master, "a new master announced itself")
		}
		c.do(&Send{conn, &Agreed{m.Epoch}})
	default:
		if m.Epoch < c.promise.Epoch {
			c.note(Note{What: NoteStale, Node: m.NodeID})
		}
		master := c.promise.Master
		if c.isMaster() {
			master = c.cfg.Address
		}
		c.do(&Send{conn, &Refused{Code: RefuseStale, Epoch: c.promise.Epoch, Master: master}})
	}
	c.do(&Hangup{conn, "announced"})
}

// logged moves the end of the log.
func (c *Core) logged(tip Position) {
	if c.follow.copyingNow {
		return // it is about data that goes
	}
	if tip.Offset >= c.tip.Offset {
		c.tip = tip
	}
	c.handed = max(c.handed, c.tip.Offset)
}

// configure changes the role by an operator's word.
func (c *Core) configure(ev *Configure) {
	if c.lead.handing != nil || c.follow.taking != nil {
		c.do(&Answer{ID: ev.ID, Outcome: Busy})
		return
	}
	if ev.Role == Replica && ev.Master.Peer == "" {
		c.do(&Answer{ID: ev.ID, Outcome: NoAddress})
		return
	}
	if ev.Address != (Address{}) {
		c.cfg.Address = ev.Address
	}
	if ev.Heartbeat > 0 {
		c.cfg.Heartbeat = ev.Heartbeat
	}
	if ev.Role == Master && c.promise.Role == Replica {
		// It begins an epoch of its own: whoever followed the old master must be
		// told apart.
		c.takeover(&Takeover{ID: ev.ID, Unclean: true, Deadline: ev.Deadline})
		return
	}
	if ev.Role != c.promise.Role || ev.Master.Peer != c.promise.Master.Peer {
		c.become(ev.Role, c.promise.Epoch, ev.Master, "configured")
	} else {
		c.persist() // the shell keeps other settings beside the promise
	}
	c.do(&Answer{ID: ev.ID, Outcome: OK})
}
