package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/local"
	"github.com/vectorizer-go/vectorizer/engine"
)

// transferFlags say which collection of which server rows go to or come from.
type transferFlags struct {
	server     serverFlags
	collection string
	offline    string
	timeout    time.Duration
}

func (f *transferFlags) add(cmd *cobra.Command) {
	f.server.add(cmd)
	cmd.Flags().StringVarP(&f.collection, "collection", "c", "", "collection (required)")
	cmd.Flags().StringVar(&f.offline, "offline", "", "data directory to use without a running server")
	cmd.MarkFlagsMutuallyExclusive("offline", "url")
}

// transfer is a connection to the server that rows go to or come from, which may
// be one in this process.
type transfer struct {
	*client.Client
	place string // names the server, for the state of an import
	own   *local.Server
}

// connect reaches the server that the flags name.
func (f *transferFlags) connect(ctx context.Context, a *app, cmd *cobra.Command) (*transfer, error) {
	if f.collection == "" {
		return nil, withCode(exitUsage, errors.New("--collection names the collection; it is required"))
	}
	f.timeout = max(f.server.timeout, time.Minute) // a batch may wait for the index
	if f.offline != "" {
		return f.openOffline(ctx)
	}
	c, err := f.server.connect(a, cmd)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	addr, err := client.HostPort(c.Base())
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return &transfer{Client: client.New(addr), place: addr}, nil
}

// openOffline runs a server on a data directory in this process.
func (f *transferFlags) openOffline(ctx context.Context) (*transfer, error) {
	dir, err := filepath.Abs(f.offline)
	if err != nil {
		return nil, err
	}
	s, err := local.Start(ctx, local.Options{Logger: zerolog.Nop(), Engine: engine.Options{Dir: dir,
		Version: readBuildInfo().Version}})
	if err != nil {
		return nil, withCode(exitDataDir, plainError(err))
	}
	t := &transfer{Client: client.New(s.Addr), place: dir, own: s}
	if err := t.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Close ends the connection, and the server if it is this process's own.
func (t *transfer) Close() error {
	err := t.Client.Close()
	if t.own != nil {
		err = errors.Join(err, t.own.Close())
	}
	return err
}

// explain gives a failure to reach the server its exit code.
func (t *transfer) explain(err error) error {
	var status *client.StatusError
	if errors.Is(err, syscall.ECONNREFUSED) && !errors.As(err, &status) {
		return withCode(exitUnreachable, fmt.Errorf("no server answers at http://%s: %w", t.Addr(), err))
	}
	return err
}
