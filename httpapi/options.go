package httpapi

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Options are what a Server needs. Slot or Engine is required.
type Options struct {
	Slot   *engine.Slot   // the engine that serves, which a full copy from a master replaces
	Engine *engine.Engine // with no Slot: one that is never replaced
	// Replication is the node's part in a replicated set; nil = none.
	Replication Replication
	// ForwardWrites sends the writes that reach a replica on to its master; without
	// it they are refused with the master's address.
	ForwardWrites bool

	// Tracer follows writes; nil = nobody does, and traceparent headers are not read.
	Tracer Tracer

	Logger  zerolog.Logger // the zero Logger discards
	Version string         // of the product, shown by /health, /stats and the metrics

	// Registry receives the metrics and is served at /metrics; nil = a new one.
	// The global default registry is never used.
	Registry *prometheus.Registry

	Limits      Limits
	ErrorFormat ErrorFormat // "" = ErrorsStandard

	// AccessLog writes one line per request at level info. Without it requests
	// that succeed are lines at level debug, which cost nothing when that level
	// is off; requests that fail are logged at level warn or error either way.
	AccessLog bool

	// CORSOrigins lists the origins that browsers may call from; "*" allows every
	// one. Empty, the default, sends no CORS headers.
	CORSOrigins []string

	// DefaultHNSW fills what a new collection leaves open; zero fields are the
	// engine's defaults.
	DefaultHNSW engine.HNSWConfig
	// DefaultQuantization is that of a new collection which names none; empty is
	// the engine's default.
	DefaultQuantization engine.Quantization

	// SlowQueries is where /slow_queries starts; both can be changed while running.
	SlowQueryThreshold time.Duration // 0 = 100 ms; negative = record none
	SlowQueryCapacity  int           // entries kept, 0 = 1,000
}

// Limits bound what clients can make the server hold or do. A zero field takes
// its default; negative ones are refused.
type Limits struct {
	BodyBytes     int64 // largest body, also after decompression; 0 = 64 MiB
	BulkBytes     int64 // largest octet-stream bulk upsert, which is streamed; 0 = 4 GiB
	HeaderBytes   int   // request line and header fields; 0 = 16 KiB
	InflightBytes int64 // bodies held at once, over all requests; 0 = 1 GiB
	ReplyBytes    int64 // vectors in one reply; 0 = 256 MiB

	BatchItems int // items of one batch; 0 = 10,000
	// Writes is how many write requests one collection may have in flight. More
	// are answered 429 with Retry-After; 0 = 1,024.
	Writes int

	Concurrency int // connections; 0 = 16,384
	ConnsPerIP  int // connections of one address; 0 = no limit

	ReadTimeout    time.Duration // of a request, or of 1 MiB of a large body; 0 = 30 s
	WriteTimeout   time.Duration // of a reply; 0 = 60 s
	IdleTimeout    time.Duration // of a connection between requests; 0 = 120 s
	RequestTimeout time.Duration // of a search or a write; 0 = 60 s
}

// DefaultLimits returns the limits with every default filled in.
func DefaultLimits() Limits {
	var l Limits
	if err := l.fill(); err != nil {
		panic("BUG: defaults are not valid: " + err.Error())
	}
	return l
}

// fill sets defaults and reports every field that is out of range.
func (l *Limits) fill() error {
	var bad []string
	number(&bad, "body bytes", &l.BodyBytes, 64<<20, 1<<10, 4<<30)
	number(&bad, "bulk bytes", &l.BulkBytes, 4<<30, 1<<10, 1<<40)
	number(&bad, "header bytes", &l.HeaderBytes, 16<<10, 1<<10, 1<<20)
	number(&bad, "inflight bytes", &l.InflightBytes, 1<<30, 1<<20, 1<<40)
	number(&bad, "reply bytes", &l.ReplyBytes, 256<<20, 1<<20, 1<<32)
	number(&bad, "batch items", &l.BatchItems, 10_000, 1, 1_000_000)
	number(&bad, "writes", &l.Writes, 1024, 1, 1<<20)
	number(&bad, "concurrency", &l.Concurrency, 16384, 1, 1<<20)
	number(&bad, "connections per address", &l.ConnsPerIP, 0, 0, 1<<20)
	number(&bad, "read timeout", &l.ReadTimeout, 30*time.Second, time.Millisecond, time.Hour)
	number(&bad, "write timeout", &l.WriteTimeout, time.Minute, time.Millisecond, time.Hour)
	number(&bad, "idle timeout", &l.IdleTimeout, 2*time.Minute, time.Millisecond, 24*time.Hour)
	number(&bad, "request timeout", &l.RequestTimeout, time.Minute, time.Millisecond,
		24*time.Hour)
	if len(bad) > 0 {
		return errs.New(errs.Configuration, "HTTP limits: %v", bad).With("problems", bad)
	}
	if l.InflightBytes < l.BodyBytes {
		return errs.New(errs.Configuration,
			"HTTP limits: inflight bytes %d are fewer than body bytes %d",
			l.InflightBytes, l.BodyBytes)
	}
	return nil
}

// number sets a default and checks a range.
func number[T int | int64 | time.Duration](bad *[]string, name string, p *T, def, low, high T) {
	if *p == 0 {
		*p = def
		return
	}
	if *p < low || *p > high {
		*bad = append(*bad, fmt.Sprintf("%s: expected %v to %v, got %v", name, low, high, *p))
	}
}

// fill sets the defaults of o and checks it.
func (o *Options) fill() error {
	if o.Slot == nil && o.Engine == nil {
		return errs.New(errs.Configuration, "HTTP server has no engine")
	}
	if o.Slot == nil {
		o.Slot = engine.NewSlot(o.Engine)
	}
	switch o.ErrorFormat {
	case "":
		o.ErrorFormat = ErrorsStandard
	case ErrorsStandard, ErrorsLegacy:
	default:
		return errs.New(errs.Configuration, "error format %q is not one of standard, legacy",
			o.ErrorFormat)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.SlowQueryThreshold == 0 {
		o.SlowQueryThreshold = 100 * time.Millisecond
	}
	if o.SlowQueryCapacity == 0 {
		o.SlowQueryCapacity = 1000
	}
	if o.SlowQueryCapacity < 0 {
		return errs.New(errs.Configuration, "slow query capacity %d is negative",
			o.SlowQueryCapacity)
	}
	return o.Limits.fill()
}
