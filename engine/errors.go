package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// errShuttingDown says that Close has begun. Nothing ran.
func errShuttingDown() error {
	return errs.New(errs.ShuttingDown, "Server is shutting down").With("retry_after", 1)
}

// errContext turns a context's error into a typed one. Nothing ran, or, for a
// read, nothing changed.
func errContext(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errs.New(errs.Timeout, "Request timed out").Wrap(context.Cause(ctx))
	}
	return errs.New(errs.Cancelled, "Request was cancelled").Wrap(context.Cause(ctx))
}

// errOutcomeUnknown says that the caller stopped waiting for a write that had
// begun: it may or may not become durable.
func errOutcomeUnknown(ctx context.Context) error {
	e := errs.New(errs.Timeout, "Write has begun and its outcome is unknown").
		With("outcome", "unknown")
	return e.Wrap(context.Cause(ctx))
}

// errStorage wraps a failure of the disk below the engine.
func errStorage(err error) error {
	var typed *errs.Error
	if errors.As(err, &typed) {
		return typed
	}
	e := errs.New(errs.StorageError, "Storage error")
	switch {
	case errors.Is(err, store.ErrCorrupt):
		e = errs.New(errs.StorageError, "Stored data is damaged").With("damaged", true)
	case errors.Is(err, store.ErrFailed):
		e = errs.New(errs.StorageError, "A write to disk failed; writes are refused until restart").
			With("read_only", true)
	}
	return e.Wrap(err)
}

// errNotReady says that c is loading.
func errNotReady(c *collection) error {
	return errs.New(errs.NotReady, "Collection '%s' is loading (%.0f %%)",
		c.name(), 100*c.progressNow()).
		With("collection", c.name()).With("progress", c.progressNow()).With("retry_after", 1)
}

// errQuarantined says that c is damaged and why.
func errQuarantined(c *collection, reason string) error {
	return errs.New(errs.Quarantined, "Collection '%s' is damaged and quarantined: %s",
		c.name(), reason).
		With("collection", c.name()).With("reason", reason)
}

// bug is for states that cannot be: it panics.
func bug(format string, args ...any) {
	panic("BUG: " + fmt.Sprintf(format, args...))
}
