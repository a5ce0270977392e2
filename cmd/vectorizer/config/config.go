// Package config holds the settings of a server process: their one definition,
// how they are read (defaults, then a YAML file, then VECTORIZER_* variables,
// then flags; the later wins) and how they are checked. Every problem is
// reported at once, and a key that does not exist is refused with the nearest
// one that does.
package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config is the effective configuration of a process. Nothing in it is part of
// the data: it may differ from start to start.
type Config struct {
	Server  Server
	DataDir string // directory of the data, made when missing
	Backend string // auto, cpu, cuda or metal
	// TilesBytes bounds the host memory of collections that do not fit into the device's.
	TilesBytes int64
	Storage    Storage
	Index      Index
	Limits     Limits
	Log        Log
	API        API
	HNSW       HNSW
	// Quantization is that of collections created without their own.
	Quantization string

	Replication Replication
	Tracing     Tracing
}

// Tracing says where spans of writes go.
type Tracing struct {
	Endpoint string // URL of an OTLP/HTTP receiver; "" = tracing is off
	Percent  int    // of the writes that come without a trace
}

// Server says where to listen and how to stop.
type Server struct {
	Host            string // address or name; 0.0.0.0 or :: for every interface
	Port            int    // 0 = any free port
	InsecureListen  bool   // allow an address that others can reach
	ShutdownTimeout time.Duration
}

// Address is host:port, as net.Listen takes it.
func (s Server) Address() string {
	return net.JoinHostPort(unbracket(s.Host), strconv.Itoa(s.Port))
}

// Dial is the host:port under which a client on the same machine reaches the
// server.
func (s Server) Dial() string {
	host := unbracket(s.Host)
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
		if addr.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(s.Port))
}

// Storage says how records reach the disk.
type Storage struct {
	Fsync         string        // always, interval or off
	FsyncInterval time.Duration // between syncs, with Fsync interval
	CacheBytes    int64         // block cache of the record store
	MemtableBytes int64         // writes held before a table is written
	MinFreeBytes  int64         // free disk below which writes are refused
}

// Index says how the graphs are kept.
type Index struct {
	LinkWorkers int // goroutines that link the rows of a collection; 0 = one per processor
	LinkShare   int // percent of the time that each of them works while searches run
	LoadWorkers int // collections loaded at once; 0 = one per processor
	ImageRows   int // changes after which an image is written at the earliest
}

// Limits bounds what clients can ask of the server.
type Limits struct {
	BodyBytes      int64 // largest request body
	BulkBytes      int64 // largest streamed bulk upsert
	HeaderBytes    int64 // request line and header fields
	InflightBytes  int64 // bodies held at once
	ReplyBytes     int64 // vectors in one reply
	BatchItems     int   // items of one batch request
	Writes         int   // write requests of one collection at once
	QueueOps       int   // changes waiting to be committed
	QueueBytes     int64 // the same in bytes
	Concurrency    int   // connections at once
	ConnsPerIP     int   // connections of one address; 0 = no limit
	ReadTimeout    time.Duration
	WriteTimeout   time.Duration
	IdleTimeout    time.Duration
	RequestTimeout time.Duration // of one search or write
}

// Log says what is logged to standard error.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // json or console
	Access bool   // one line per request
	// SlowQuery is the time from which a search is kept in /slow_queries; 0 keeps
	// none.
	SlowQuery   time.Duration
	SlowQueries int // searches kept
}

// API says how the HTTP surface answers.
type API struct {
	ErrorFormat string // standard or legacy
	// CORSOrigins lists, with commas, the origins that browsers may call from.
	CORSOrigins string
}

// Origins splits CORSOrigins.
func (a API) Origins() []string {
	var out []string
	for o := range strings.SplitSeq(a.CORSOrigins, ",") {
		if o = strings.TrimSpace(o); o != "" {
			out = append(out, o)
		}
	}
	return out
}

// HNSW holds the graph parameters of collections created without their own.
type HNSW struct {
	M              int
	EfConstruction int
	EfSearch       int
}
