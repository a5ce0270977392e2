package replication

// Position is a place in a history with the checksum of everything up to it.
type Position struct {
	Epoch   uint64 `json:"epoch"`
	Offset  uint64 `json:"offset"`
	Rolling uint64 `json:"rolling,string"` // a string: JavaScript has no 64-bit numbers
}

// Branch is the part of a history that one master wrote.
type Branch struct {
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"`
	From  uint64 `json:"from"` // offset of its first entry
}

// Role is what a node does in a replicated set.
type Role uint8

// The roles.
const (
	Standalone Role = iota
	Master
	Replica
)

// String is the role as the API shows it.
func (r Role) String() string {
	switch r {
	case Master:
		return "Master"
	case Replica:
		return "Replica"
	}
	return "Standalone"
}

// Word is the role in lower case, as settings have it.
func (r Role) Word() string {
	switch r {
	case Master:
		return "master"
	case Replica:
		return "replica"
	}
	return "standalone"
}

// ParseRole reads a role in lower case.
func ParseRole(s string) (Role, bool) {
	for _, r := range []Role{Standalone, Master, Replica} {
		if r.Word() == s {
			return r, true
		}
	}
	return Standalone, false
}

// Address is where a node is reached: by its peers and by clients.
type Address struct {
	Peer string `json:"peer,omitempty"` // host:port of its replication listener; "" = none
	API  string `json:"api,omitempty"`  // URL of its HTTP server
}

// Member is a replica that the master counts on: "all" waits for it.
type Member struct {
	ID      string  `json:"id"`
	Address Address `json:"address"`
	InSync  bool    `json:"-"`
}

// Promise is what a node must remember across restarts, besides its data.
type Promise struct {
	Epoch   uint64   `json:"epoch"` // nothing below is followed
	Role    Role     `json:"role"`
	Master  Address  `json:"master"`           // whom a replica follows
	Members []Member `json:"members"`          // of a master; as a replica last heard
	Untold  []Member `json:"untold,omitempty"` // have not heard that this node is the master
}

// Message is what nodes say to each other. Every type of this file that ends in a
// comment "message" is one.
type Message interface{ message() }

// Hello opens a replica's connection. Message, to the master.
type Hello struct {
	NodeID    string
	HistoryID string
	Branch    string
	Position  Position
	Promised  uint64
	Address   Address
}

// Welcome answers Hello. Message, to the replica.
type Welcome struct {
	NodeID    string
	HistoryID string
	Epoch     uint64
	Tip       Position
	Full      bool   // the replica needs a full copy
	Reason    string // why, one of the Reason constants
	Lineage   []Branch
	Address   Address
}

// Reasons of a full copy.
const (
	ReasonNone     = ""
	ReasonEmpty    = "empty"         // the replica holds nothing
	ReasonHistory  = "other_history" // it holds another history
	ReasonAhead    = "ahead"         // it has entries that the master has not
	ReasonDiverged = "diverged"      // its checksum differs at its position
	ReasonTrimmed  = "log_trimmed"   // the master keeps no longer what it misses
	ReasonApply    = "apply_failed"  // an entry did not fit its data
	ReasonOrder    = "ordered"       // an operator asked for it
	ReasonDamaged  = "damaged"       // a collection of the replica is damaged
)

// Resume asks for the entries after a position: that of the full copy under way.
// Message, to the master.
type Resume struct{ Position Position }

// Entries are a run of log entries. Message, to the replica.
type Entries struct {
	Epoch       uint64 // of the master, not of the entries
	First, Last uint64
	TimeUs      int64  // commit time of the last, by the master's clock
	Data        []byte // as engine.AppendLog makes them
}

// Ack says how far a replica is. Message, to the master.
type Ack struct {
	Epoch    uint64
	Received uint64
	Durable  uint64
	Applied  uint64
	EchoUs   int64 // TimeUs of the last Ping
	Bytes    uint64
}

// Ping tells a replica that the master lives, and what it needs to know to take
// its place. Message, to the replica.
type Ping struct {
	Epoch   uint64
	Offset  uint64 // the master's last
	TimeUs  int64  // by the master's clock
	InSync  bool   // whether the master counts this replica as in sync
	Members []Member
}

// Promote orders a replica to become the master. Message, to the replica.
type Promote struct{ Epoch, Offset uint64 }

// Promoted answers Promote. Message, to the old master.
type Promoted struct {
	Epoch    uint64
	Position Position
	Address  Address
}

// Repoint sends a replica to another master. Message, to the replica.
type Repoint struct {
	Epoch  uint64
	Master Address
}

// Announce tells a node about a new master. Message, on a connection of its own.
type Announce struct {
	NodeID string
	Epoch  uint64
	Master Address
}

// Agreed answers Announce: the node follows. Message.
type Agreed struct{ Epoch uint64 }

// Refused ends a connection. Message, both ways.
type Refused struct {
	Code   string // one of the Refuse constants
	Epoch  uint64 // promised by the sender
	Master Address
}

// Codes of Refused.
const (
	RefuseStale     = "stale_epoch" // the receiver's epoch is over
	RefuseNotMaster = "not_master"
	RefuseSelf      = "same_node"
	RefuseProtocol  = "protocol"
)

func (*Hello) message()    {}
func (*Welcome) message()  {}
func (*Resume) message()   {}
func (*Entries) message()  {}
func (*Ack) message()      {}
func (*Ping) message()     {}
func (*Promote) message()  {}
func (*Promoted) message() {}
func (*Repoint) message()  {}
func (*Announce) message() {}
func (*Agreed) message()   {}
func (*Refused) message()  {}

// ConnID names a connection; the shell never uses one twice.
type ConnID uint64
