package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi"
	"github.com/vectorizer-go/vectorizer/replication/node"
)

// engineOptions translates the configuration for the engine.
func engineOptions(c *config.Config, b []compute.Backend, log zerolog.Logger) engine.Options {
	return engine.Options{
		Dir:           c.DataDir,
		Backends:      b,
		RequireDevice: c.Backend != "auto" && c.Backend != "cpu",
		Fsync:         engine.FsyncMode(c.Storage.Fsync),
		FsyncInterval: c.Storage.FsyncInterval,
		CacheBytes:    c.Storage.CacheBytes,
		MemtableBytes: uint64(c.Storage.MemtableBytes), //nolint:gosec // checked to be positive
		MinFreeBytes:  max(1, c.Storage.MinFreeBytes),  // the engine takes 0 for its default
		LinkWorkers:   c.Index.LinkWorkers,
		LinkShare:     c.Index.LinkShare,
		LoadWorkers:   c.Index.LoadWorkers,
		ImageMinRows:  c.Index.ImageRows,
		QueueOps:      c.Limits.QueueOps,
		QueueBytes:    int(c.Limits.QueueBytes),
		Logger:        log.With().Str("component", "engine").Logger(),
		Version:       readBuildInfo().Version,
	}
}

// apiOptions translates the configuration for the HTTP server.
func apiOptions(
	c *config.Config, slot *engine.Slot, n *node.Node, log zerolog.Logger,
) httpapi.Options {
	slow := c.Log.SlowQuery
	if slow == 0 {
		slow = -time.Second // none
	}
	return httpapi.Options{
		Slot:                slot,
		Replication:         n,
		ForwardWrites:       c.Replication.ForwardWrites,
		Logger:              log.With().Str("component", "http").Logger(),
		Version:             readBuildInfo().Version,
		Limits:              apiLimits(c.Limits),
		ErrorFormat:         httpapi.ErrorFormat(c.API.ErrorFormat),
		AccessLog:           c.Log.Access,
		CORSOrigins:         c.API.Origins(),
		SlowQueryThreshold:  slow,
		SlowQueryCapacity:   c.Log.SlowQueries,
		DefaultQuantization: engine.Quantization(c.Quantization),
		DefaultHNSW: engine.HNSWConfig{
			M: c.HNSW.M, EfConstruction: c.HNSW.EfConstruction, EfSearch: c.HNSW.EfSearch,
		},
	}
}

func apiLimits(l config.Limits) httpapi.Limits {
	return httpapi.Limits{
		BodyBytes: l.BodyBytes, BulkBytes: l.BulkBytes, HeaderBytes: int(l.HeaderBytes),
		InflightBytes: l.InflightBytes, ReplyBytes: l.ReplyBytes,
		BatchItems: l.BatchItems, Writes: l.Writes,
		Concurrency: l.Concurrency, ConnsPerIP: l.ConnsPerIP,
		ReadTimeout: l.ReadTimeout, WriteTimeout: l.WriteTimeout,
		IdleTimeout: l.IdleTimeout, RequestTimeout: l.RequestTimeout,
	}
}

// openError says why the data directory dir could not be opened.
func openError(dir string, err error) error {
	if !isConfiguration(err) {
		err = fmt.Errorf("data directory %s cannot be opened: %w", dir, err)
	}
	return withCode(exitDataDir, plainError(err))
}

// plainError drops the system's words behind an error that already says what to
// do in its own.
func plainError(err error) error {
	var e *errs.Error
	if errors.As(err, &e) && e.Kind == errs.Configuration {
		return errors.New(e.Message)
	}
	return err
}

// isConfiguration reports whether err says that a directory is refused.
func isConfiguration(err error) bool { return errors.Is(err, errs.Of(errs.Configuration)) }
