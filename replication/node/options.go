// Package node runs the protocol of package replication on an engine: it carries
// bytes between peers, the log and the disk, keeps a node's role over restarts,
// and measures. One goroutine owns the protocol; connections, the applier and the
// copier talk to it through one bounded queue of events.
package node

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
)

// Options are what a Node needs. Slot and Dir are required.
type Options struct {
	Slot *engine.Slot
	Dir  string // the data directory

	Role      replication.Role // by configuration; what a failover decided goes before it
	Master    string           // host:port that a replica follows
	Bind      string           // host:port to listen on; "" = not
	Advertise string           // host:port under which peers reach Bind; "" = the listener's own
	API       string           // URL of this node's HTTP server, told to peers
	Secret    []byte           // shared by all nodes; required unless there is TLS with client certificates

	TLSServer *tls.Config // nil = plain
	TLSClient *tls.Config // nil = plain
	Compress  bool        // zstd on the wire

	Heartbeat    time.Duration // 0 = 10 s
	PeerTimeout  time.Duration // 0 = 60 s
	ReconnectMin time.Duration // 0 = 100 ms
	ReconnectMax time.Duration // 0 = 10 s
	LaggingAfter time.Duration // lag from which a replica is Lagging, 0 = 1 s

	LogEntries uint64        // entries kept for replicas that are away, 0 = 1,000,000
	LogBytes   int64         // the same in bytes, 0 = 1 GiB; also the most that a spool takes
	LogAge     time.Duration // the same in time, 0 = 24 h

	CopyRate int64  // bytes per second of a full copy, 0 = unlimited
	NoStats  bool   // no sampling, no statistics
	Tracer   Tracer // told of applied entries that belong to a trace; nil = nobody

	Logger zerolog.Logger
}

// Tracer goes on with traces that began on the master.
type Tracer interface {
	// Applied says that the entry at offset, which t's span wrote, was applied here,
	// with others, between two times.
	Applied(t engine.TraceContext, offset uint64, from, to time.Time)
}

// Errors of options.
var (
	ErrNoSecret = errors.New("replication needs a secret (--replication-secret), or TLS with client certificates")
	ErrNoMaster = errors.New("a replica needs the address of its master (--replication-master-address)")
	ErrNoBind   = errors.New("a master needs an address to listen on (--replication-bind-address)")
)

func (o *Options) fill() error {
	setDefault(&o.Heartbeat, 10*time.Second)
	setDefault(&o.PeerTimeout, 60*time.Second)
	setDefault(&o.ReconnectMin, 100*time.Millisecond)
	setDefault(&o.ReconnectMax, 10*time.Second)
	setDefault(&o.LaggingAfter, time.Second)
	setDefault(&o.LogEntries, 1_000_000)
	setDefault(&o.LogBytes, 1<<30)
	setDefault(&o.LogAge, 24*time.Hour)
	return o.check(o.Role, o.Bind, o.Master)
}

// check reports what a role lacks.
func (o *Options) check(role replication.Role, bind, master string) error {
	switch {
	case role == replication.Standalone:
		return nil
	case len(o.Secret) == 0 && (o.TLSServer == nil || o.TLSServer.ClientAuth != tls.RequireAndVerifyClientCert):
		return ErrNoSecret
	case role == replication.Master && bind == "":
		return ErrNoBind
	case role == replication.Replica && master == "":
		return ErrNoMaster
	}
	return nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
