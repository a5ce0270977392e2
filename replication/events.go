package replication

import "time"

// Event is something that happened to a node.
type Event interface{ event() }

// Tick is the passing of time; at least four per heartbeat.
type Tick struct{}

// Logged says that the node's log is durable up to Tip: the master's commits.
type Logged struct{ Tip Position }

// Applied says that replicated entries are durable and visible up to Tip, or why
// they cannot be.
type Applied struct {
	Tip      Position
	Diverged bool // they do not fit: a full copy is needed
}

// Connected says that a connection is open and its peer authenticated.
type Connected struct {
	Conn ConnID
	Out  bool // the node dialled, as Dial asked
}

// Closed says that a connection is gone, or that Dial failed (Conn 0).
type Closed struct{ Conn ConnID }

// Received is a message of a peer.
type Received struct {
	Conn ConnID
	Msg  Message
}

// Checked answers Check.
type Checked struct {
	Conn      ConnID
	Continues bool // the log continues the position
	Trimmed   bool // what follows the position is gone
}

// Copying says that a full copy made at Position is on its way; entries after it
// can be spooled.
type Copying struct{ Position Position }

// Copied ends FetchCopy. With a History the copy is in place, and Tip is what the
// node holds now; Failed with a History says that what was spooled behind it was
// lost. It also comes, after DropCopy, if the copy was in place before that.
type Copied struct {
	Tip     Position
	Branch  string
	History string // "" = the copy failed and nothing changed
	Failed  bool
}

// Await asks to be told when a write is confirmed.
type Await struct {
	ID       uint64
	Offset   uint64
	Replicas int   // that must confirm; ConcernAll = every member
	Deadline int64 // nanoseconds
}

// ConcernAll is Await.Replicas for every member.
const ConcernAll = -1

// Handover asks the master to hand its role to a replica.
type Handover struct {
	ID       uint64
	Replica  string
	MaxLag   uint64
	Deadline int64
}

// Sealed says that no write of a client is under way any more.
type Sealed struct{ Tip Position }

// Takeover asks a replica to become the master although the old one does not
// hand over.
type Takeover struct {
	ID      uint64
	Unclean bool // even if it was not in sync when it last heard of the master
	// Deadline is when it is given up unless the epoch has begun to be written:
	// an order must not outlive whoever gave it. 0 = never.
	Deadline int64
}

// Begun says that the log has the entry that begins the node's own epoch.
type Begun struct {
	Tip    Position
	Branch string
	Failed bool
}

// Told says how Tell ended: with the peer's answer, or nil.
type Told struct {
	Peer  string
	Reply Message
}

// Configure changes the role by an operator's word.
type Configure struct {
	ID        uint64
	Role      Role
	Master    Address
	Address   Address       // of this node; zero stays
	Heartbeat time.Duration // 0 stays
	Deadline  int64         // of a promotion; 0 = none
}

// Forget drops a member: "all" does not wait for it any more.
type Forget struct {
	ID     uint64
	Member string
}

// Resync asks a replica for a full copy.
type Resync struct {
	ID      uint64
	Damaged bool // because its own data is; nobody asked
}

func (*Tick) event()      {}
func (*Logged) event()    {}
func (*Applied) event()   {}
func (*Connected) event() {}
func (*Closed) event()    {}
func (*Received) event()  {}
func (*Checked) event()   {}
func (*Copying) event()   {}
func (*Copied) event()    {}
func (*Await) event()     {}
func (*Handover) event()  {}
func (*Sealed) event()    {}
func (*Takeover) event()  {}
func (*Begun) event()     {}
func (*Told) event()      {}
func (*Configure) event() {}
func (*Forget) event()    {}
func (*Resync) event()    {}

// Action is what the shell must do. Actions are done in order, each before the
// next; only what is marked asynchronous ends later, with an event.
type Action interface{ action() }

// Persist makes Promise durable.
type Persist struct{ Promise Promise }

// Send sends a message. It may be lost with the connection.
type Send struct {
	Conn ConnID
	Msg  Message
}

// Stream sends the log from From on, and goes on as it grows. Asynchronous.
type Stream struct {
	Conn ConnID
	From uint64
}

// Hangup closes a connection. Closed does not follow.
type Hangup struct {
	Conn   ConnID
	Reason string
}

// Dial opens a connection. Asynchronous: Connected or Closed.
type Dial struct{ Addr string }

// Tell sends one message to a peer on a connection of its own and brings the
// answer. Asynchronous: Told.
type Tell struct {
	Addr string
	Msg  Message
}

// Apply commits entries, or spools them while a full copy is under way.
// Asynchronous: Applied.
type Apply struct{ Entries *Entries }

// Check compares a position with the log. Asynchronous: Checked.
type Check struct {
	Conn     ConnID
	Position Position
}

// FetchCopy replaces everything by a full copy of the master. Asynchronous:
// Copying, then Copied.
type FetchCopy struct {
	Addr    string
	Reason  string
	Lineage []Branch // of the master
	Tip     Position // of the master
}

// DropCopy gives up the copy under way. No event follows.
type DropCopy struct{}

// Seal refuses the writes of clients from now on. Asynchronous: Sealed.
type Seal struct{ Master Address }

// Unseal accepts the writes of clients.
type Unseal struct{}

// Begin writes the entry that begins an epoch. Asynchronous: Begun.
type Begin struct{ Epoch uint64 }

// Answer ends an Await, Handover, Takeover, Configure, Forget or Resync.
type Answer struct {
	ID      uint64
	Outcome Outcome
	// Of a Handover or Takeover that worked.
	Report Report
	Acked  int // replicas that confirmed, of an Await
	Wanted int
}

// Note tells the shell what to count and log.
type Note struct {
	What string // one of the Note constants
	Node string
	Text string
}

// What a Note is about.
const (
	NotePartial  = "partial_sync"
	NoteFull     = "full_sync"
	NoteStale    = "stale_epoch"
	NoteFenced   = "fenced"
	NotePromoted = "promoted"
	NoteRefused  = "refused"
	NoteTimeout  = "peer_timeout"
	NoteRole     = "role"
	NoteProtocol = "protocol"
	NoteEmpty    = "empty_master"
)

// Outcome is how a request ended.
type Outcome string

// The outcomes.
const (
	OK          Outcome = "ok"
	TimedOut    Outcome = "timeout"
	NotMaster   Outcome = "not_master"
	NotReplica  Outcome = "not_replica"
	NoReplica   Outcome = "no_such_replica"
	LagTooHigh  Outcome = "lag_too_high"
	NotInSync   Outcome = "not_in_sync"
	Busy        Outcome = "busy"
	Unknown     Outcome = "unknown"
	NoAddress   Outcome = "no_address"
	BeginFailed Outcome = "begin_failed"
)

// Report describes a change of masters.
type Report struct {
	Promoted      string
	Epoch         uint64
	MasterOffset  uint64
	ReplicaOffset uint64
	Master        Address
}

func (*Persist) action()   {}
func (*Send) action()      {}
func (*Stream) action()    {}
func (*Hangup) action()    {}
func (*Dial) action()      {}
func (*Tell) action()      {}
func (*Apply) action()     {}
func (*Check) action()     {}
func (*FetchCopy) action() {}
func (*DropCopy) action()  {}
func (*Seal) action()      {}
func (*Unseal) action()    {}
func (*Begin) action()     {}
func (*Answer) action()    {}
func (*Note) action()      {}
