package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is the outcome of a command that a signal ended.
var errInterrupted = errors.New("interrupted")

// notify returns the signals that ask the process to stop, and what gives them
// back to the system.
func (a *app) notify() (signals <-chan os.Signal, restore func()) {
	if a.signals != nil {
		return a.signals, func() {}
	}
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return ch, func() { signal.Stop(ch) }
}

// interruptible returns a context that a signal ends, for commands that have
// something to clean up. restore must be called.
func (a *app) interruptible(ctx context.Context) (_ context.Context, restore func()) {
	signals, release := a.notify()
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
		release()
	}
}

// interrupted is err, or errInterrupted if a signal is the reason for it.
func interrupted(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		return errInterrupted
	}
	return err
}
