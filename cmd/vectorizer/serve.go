package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/listen"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/tracing"
	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/httpapi"
	"github.com/vectorizer-go/vectorizer/replication/node"
)

func newServeCmd(a *app) *cobra.Command {
	var printConfig bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server. It listens at once; a collection answers as soon as it is
loaded, and GET /ready is 200 when all are.

SIGTERM, SIGINT or SIGHUP stops it: requests under way are finished within
--shutdown-timeout, then the collections are written out. A second signal stops
it at once; nothing that was acknowledged is lost.

` + exitCodeHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := a.loadConfig(cmd)
			if err != nil {
				return err
			}
			if printConfig {
				return loaded.Print(a.out)
			}
			return serve(cmd.Context(), a, loaded)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&printConfig, "print-config", false,
		"print the effective configuration with where each value came from, and exit")
	return cmd
}

// server is what a running process owns, in the order in which it is made.
type server struct {
	log        zerolog.Logger
	config     *config.Config
	processors int // of the machine
	fetch      foundFetch
	backends   []compute.Backend
	ln         net.Listener
	slot       *engine.Slot
	node       *node.Node
	retain     node.Retention
	api        *httpapi.Server
	tracer     *tracing.Tracer // nil = off
	failed     chan error      // of Serve
	bg         sync.WaitGroup
}

// errBroken is the outcome of a second signal.
var errBroken = errors.New("stopped by a second signal before everything was written out")

// serve runs the server until a signal, ctx's end, or a failure to go on.
func serve(ctx context.Context, a *app, loaded *config.Loaded) error {
	log := newLogger(a.errOut, loaded.Config.Log)
	signals, restore := a.notify()
	defer restore()
	logStart(log, loaded)
	limitMemory(log, machine.Root(), a.environ())
	s := &server{log: log, config: &loaded.Config, processors: a.processors(),
		failed: make(chan error, 1)}

	started := make(chan error, 1)
	go func() {
		s.takeFetch(a.measure)
		started <- s.start(ctx)
	}()
	err := s.run(ctx, started, signals)
	if errors.Is(err, errBroken) {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop(context.WithoutCancel(ctx)) }()
	select {
	case stopErr := <-stopped:
		return errors.Join(err, stopErr)
	case sig := <-signals:
		return s.brokenBy(sig)
	}
}

// run returns when the server is to be stopped: nil if somebody asked for it.
func (s *server) run(ctx context.Context, started <-chan error, signals <-chan os.Signal) error {
	select {
	case err := <-started:
		if err != nil {
			return err
		}
	case sig := <-signals: // it cannot be closed before it is open
		s.log.Info().Stringer("signal", sig).Msg("stopping once the start is through")
		select {
		case err := <-started:
			return err
		case sig := <-signals:
			return s.brokenBy(sig)
		}
	}
	select {
	case sig := <-signals:
		s.log.Info().Stringer("signal", sig).Msg("stopping")
	case <-ctx.Done():
		s.log.Info().Msg("stopping")
	case err := <-s.failed:
		return fmt.Errorf("serving ended: %w", err)
	}
	return nil
}

// brokenBy gives up on stopping in order.
func (s *server) brokenBy(sig os.Signal) error {
	s.log.Warn().Stringer("signal", sig).Msg("stopping at once")
	return errBroken
}

// start opens everything. What it opened before a failure is closed by stop.
func (s *server) start(ctx context.Context) (err error) {
	options := backendOptions{tiles: s.config.TilesBytes,
		host: cpu.Options{Workers: s.processors, Fetch: s.fetch.Fetch}}
	if s.backends, err = openBackends(ctx, s.config.Backend, options, s.log); err != nil {
		return err
	}
	begin := time.Now()
	if s.ln, err = listen.TCP(ctx, s.config.Server.Host, s.config.Server.Port); err != nil {
		return withCode(exitListen, err)
	}
	o := engineOptions(s.config, s.backends, s.log)
	o.RetainLog, o.Fetch, o.Processors = s.retain.Keep, s.fetch.Fetch, s.processors
	e, err := engine.Open(ctx, o)
	if errors.Is(err, engine.ErrDevice) {
		return cannotUse(s.config.Backend, err)
	}
	if err != nil {
		return openError(s.config.DataDir, err)
	}
	s.slot = engine.NewSlot(e)
	s.saveFetch()
	step(s.log, "data directory opened", begin, nil)
	if err := s.joinSet(ctx); err != nil {
		return err
	}
	api := apiOptions(s.config, s.slot, s.node, s.log)
	if s.tracer != nil {
		api.Tracer = s.tracer
	}
	if s.api, err = httpapi.New(api); err != nil {
		return fmt.Errorf("HTTP server: %w", err)
	}
	s.bg.Go(func() { s.failed <- s.api.Serve(s.ln) })
	s.log.Info().Str("address", "http://"+s.ln.Addr().String()).Msg("listening")
	s.bg.Go(func() { s.logReady(begin) })
	return nil
}

// joinSet starts the node's part in a replicated set. A standalone node has one
// too: it can be given a role while it runs.
func (s *server) joinSet(ctx context.Context) (err error) {
	o, err := nodeOptions(s.config, s.slot, s.ln.Addr(), s.log)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if t := s.config.Tracing; t.Endpoint != "" {
		s.tracer = tracing.New(tracing.Options{Endpoint: t.Endpoint, Percent: t.Percent,
			Node: s.slot.Engine().Identity().NodeID, Version: readBuildInfo().Version,
			Logger: s.log.With().Str("component", "tracing").Logger()})
		o.Tracer = s.tracer
	}
	if s.node, err = node.Open(ctx, o); err != nil {
		return withCode(exitListen, plainError(err))
	}
	s.retain.Attach(s.node)
	return nil
}

// logReady says when every collection serves. It ends with the engine.
func (s *server) logReady(begin time.Time) {
	if s.slot.Engine().WaitReady(context.Background()) != nil {
		return
	}
	infos, quarantined := s.slot.Engine().Collections(), 0
	for i := range infos {
		if infos[i].State == engine.StateQuarantined {
			quarantined++
		}
	}
	event, message := s.log.Info(), "ready"
	if quarantined > 0 {
		event, message = s.log.Error(), "ready but for what is quarantined"
	}
	event.Dur("took_ms", time.Since(begin)).Int("collections", len(infos)).
		Int("quarantined", quarantined).Msg(message)
}

// stop closes in reverse order what start opened.
func (s *server) stop(ctx context.Context) error {
	var all error
	if s.api != nil {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(ctx, s.config.Server.ShutdownTimeout)
		err := s.api.Shutdown(ctx)
		cancel()
		step(s.log, "requests finished", begin, err)
		all = errors.Join(all, err)
	} else if s.ln != nil {
		all = errors.Join(all, s.ln.Close())
	}
	if s.node != nil {
		all = errors.Join(all, s.node.Close())
	}
	if s.slot != nil {
		begin := time.Now()
		err := s.slot.Close()
		step(s.log, "data directory closed", begin, err)
		all = errors.Join(all, err)
	}
	if s.tracer != nil {
		all = errors.Join(all, s.tracer.Close(ctx))
	}
	s.bg.Wait()
	return errors.Join(all, closeBackends(s.backends))
}

// logStart says what this process is and where its settings come from.
func logStart(log zerolog.Logger, l *config.Loaded) {
	b := readBuildInfo()
	e := log.Info().Str("version", b.Version).Str("commit", b.Commit).Int("pid", os.Getpid()).
		Str("simd", b.SIMD).Str("data_dir", l.Config.DataDir).Str("fsync", l.Config.Storage.Fsync)
	if l.File != "" {
		e = e.Str("config", l.File)
	}
	e.Msg("starting")
	if len(l.Ignored) > 0 {
		log.Warn().Strs("variables", l.Ignored).
			Msg("ignored: made for a service of the same name, not settings")
	}
	if l.Config.Server.InsecureListen && !config.IsLoopback(l.Config.Server.Host) {
		log.Warn().Str("host", l.Config.Server.Host).
			Msg("everyone who reaches this address can read and delete everything")
	}
	if l.Config.Storage.Fsync != "always" {
		log.Warn().Str("fsync", l.Config.Storage.Fsync).
			Msg("acknowledged writes can be lost when the machine fails")
	}
}
