package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/metrics"
)

// Server answers HTTP requests with the engine of a slot. It does not own the slot:
// close that after Shutdown.
type Server struct {
	opts   Options
	slot   *engine.Slot
	log    zerolog.Logger
	limits Limits
	tree   node
	table  []route
	// unrouted stands for requests that have no route.
	unrouted  route
	metrics   *metrics.Metrics
	slow      *slowLog
	colls     collStates
	calls     sync.Pool
	http      *fasthttp.Server
	forwarder *fasthttp.Client // of writes that reach a replica
	started   time.Time
	openapi   []byte

	bare bool // for the benchmark of what measuring costs: neither metrics nor log lines

	held     atomic.Int64 // bytes of request bodies in memory
	draining atomic.Bool  // Shutdown has begun: /ready says so
	ln       atomic.Pointer[listener]

	base context.Context // of every request
	stop context.CancelFunc
}

// New makes a server. It registers its metrics and observes the engine, so an
// engine takes one Server. Errors: errs.Configuration.
func New(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Server{opts: o, slot: o.Slot, log: o.Logger, limits: o.Limits, started: time.Now()}
	s.base, s.stop = context.WithCancel(context.Background())
	s.slow = newSlowLog(o.SlowQueryThreshold, o.SlowQueryCapacity)
	s.calls.New = func() any { return new(call) }
	m, err := metrics.New(o.Registry, metrics.Source{
		Engine: current{o.Slot}, Replication: o.Replication, Version: o.Version, Connections: s.connections,
		InflightBytes: s.held.Load, Inflight: s.colls.inflight,
	})
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s.metrics = m
	s.slot.Engine().SetObserver(m) // an engine that replaces it takes it over
	s.table = routes()
	for i := range s.table {
		r := &s.table[i]
		r.metrics = m.Route(r.Method, r.Path)
		s.tree.add(r.Path, r)
	}
	s.unrouted.Path = "none"
	s.unrouted.metrics = m.Route("any", "none")
	if s.openapi, err = s.document(); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	s.http = s.fasthttpServer()
	s.forwarder = newForwarder(&s.limits)
	return s, nil
}

// fasthttpServer configures the server below. Bodies are streamed so that a
// declared length allocates nothing; the limits that fasthttp then leaves to its
// user are kept in body.go.
func (s *Server) fasthttpServer() *fasthttp.Server {
	l := &s.limits
	return &fasthttp.Server{
		Handler:                      s.serve,
		ErrorHandler:                 s.frameworkError,
		Name:                         "vectorizer",
		ReadBufferSize:               l.HeaderBytes,
		Concurrency:                  l.Concurrency + 1, // the listener refuses before it
		ReadTimeout:                  l.ReadTimeout,
		WriteTimeout:                 l.WriteTimeout,
		IdleTimeout:                  l.IdleTimeout,
		MaxRequestBodySize:           int(min(l.BodyBytes, 1<<31-1)),
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
		Logger:                       frameworkLog{s.log},
	}
}

// frameworkLog takes fasthttp's own log lines.
type frameworkLog struct{ log zerolog.Logger }

// Printf implements fasthttp.Logger.
func (l frameworkLog) Printf(format string, args ...any) {
	l.log.Warn().Str("from", "fasthttp").Msgf(format, args...)
}

// Serve answers on ln until Shutdown, which makes it return nil. It closes ln. A
// Shutdown that came first counts.
func (s *Server) Serve(ln net.Listener) error {
	l := newListener(ln, &s.limits, s.opts.ErrorFormat, s.metrics.Rejected)
	s.ln.Store(l)
	if s.draining.Load() {
		return l.Close()
	}
	err := s.http.Serve(l)
	if s.draining.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, lets requests finish until ctx ends, then cancels
// what still runs. It returns ctx's error if it did not wait for everything.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	var err error
	if l := s.ln.Load(); l != nil {
		// Serve may not have handed it to fasthttp yet.
		err = l.Close()
	}
	err = errors.Join(err, s.http.ShutdownWithContext(ctx))
	s.stop()
	s.forwarder.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("shut the HTTP server down: %w", err)
	}
	return nil
}

// connections is the number of open connections.
func (s *Server) connections() int64 {
	if l := s.ln.Load(); l != nil {
		return l.open.Load()
	}
	return 0
}

// Handler answers one request; it is what Serve calls. In-process callers may
// use it with a RequestCtx of their own.
func (s *Server) Handler(ctx *fasthttp.RequestCtx) { s.serve(ctx) }

// frameworkError answers a request that fasthttp could not read.
func (s *Server) frameworkError(ctx *fasthttp.RequestCtx, err error) {
	c := s.newCall(ctx)
	defer s.endCall(c)
	c.fail(frameworkFault(err, s.limits))
}

// frameworkFault types a failure of fasthttp to read a request's head.
func frameworkFault(err error, l Limits) error {
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case asErr(err, &small):
		return errs.New(kindHeaderTooLarge, "Request line and headers are larger than %d bytes",
			l.HeaderBytes).With("limit_bytes", l.HeaderBytes)
	case asErr(err, &network) && network.Timeout():
		return errs.New(kindRequestTimeout, "Request did not arrive in time")
	}
	return errs.New(errs.BadRequest, "Request is not well-formed HTTP").Wrap(err)
}

// current reads from the engine that serves now.
type current struct{ slot *engine.Slot }

// Stats implements metrics.Engine.
func (c current) Stats() engine.Stats {
	l := c.slot.Acquire()
	defer l.Release()
	return l.Engine.Stats()
}

// Collections implements metrics.Engine.
func (c current) Collections() []engine.CollectionInfo {
	l := c.slot.Acquire()
	defer l.Release()
	return l.Engine.Collections()
}
