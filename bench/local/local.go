// Package local runs a whole server inside this process, on a free loopback
// port, for the demo and for tests.
package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/httpapi"
)

// Options say how to run a server.
type Options struct {
	Engine   engine.Options    // Dir is required; without Backends the processor is used
	Logger   zerolog.Logger    // the zero Logger discards
	Backends []compute.Backend // the caller's to close; nil = a new cpu backend, closed with the Server
}

// Server is a running server.
type Server struct {
	Addr   string // host:port
	Engine *engine.Engine

	backend *cpu.Backend // nil when the caller's are used
	api     *httpapi.Server
	served  chan error
}

// Start opens the data directory and listens.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{served: make(chan error, 1)}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options) (err error) {
	o.Engine.Backends = o.Backends
	if len(o.Backends) == 0 {
		s.backend = cpu.New(cpu.Options{})
		o.Engine.Backends = []compute.Backend{s.backend}
	}
	o.Engine.Logger = o.Logger
	if s.Engine, err = engine.Open(ctx, o.Engine); err != nil {
		return err
	}
	api, err := httpapi.New(httpapi.Options{Engine: s.Engine, Logger: o.Logger,
		Version: o.Engine.Version})
	if err != nil {
		return fmt.Errorf("HTTP server: %w", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.api, s.Addr = api, ln.Addr().String()
	go func() { s.served <- api.Serve(ln) }()
	return nil
}

// closeTimeout bounds how long Close waits for requests.
const closeTimeout = 30 * time.Second

// Close lets requests finish, writes the index images and releases everything.
func (s *Server) Close() error {
	var all error
	if s.api != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		all = errors.Join(s.api.Shutdown(ctx), <-s.served)
		cancel()
		s.api = nil
	}
	if s.Engine != nil {
		all = errors.Join(all, s.Engine.Close())
		s.Engine = nil
	}
	if s.backend != nil {
		all = errors.Join(all, s.backend.Close())
		s.backend = nil
	}
	return all
}
