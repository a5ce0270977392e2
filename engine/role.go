package engine

import "context"

// ownCommand marks a command that runs although writes are refused: it is not a
// client's.
type ownCommand interface{ own() }

// own implements ownCommand: what the engine does for itself.
func (f funcCommand) own() {}

// RefuseWrites makes every write of a client fail with why, until AcceptWrites;
// one that is in the committer's hands may still succeed, see Barrier. Replicated
// entries are applied all the same.
func (e *Engine) RefuseWrites(why error) { e.refusing.Store(&why) }

// Barrier returns when every write that began before the call has ended. After
// RefuseWrites the log then is what it will be. Errors: errs.ShuttingDown.
func (e *Engine) Barrier(ctx context.Context) error {
	return e.submitAlways(ctx, funcCommand(func(*txn) error { return nil }))
}

// AcceptWrites ends RefuseWrites.
func (e *Engine) AcceptWrites() { e.refusing.Store(nil) }

// Writable reports whether clients may write, as far as the node's role goes.
func (e *Engine) Writable() bool { return e.refusing.Load() == nil }

// refused returns why cmd may not run now, nil if it may.
func (e *Engine) refused(cmd command) error {
	why := e.refusing.Load()
	if why == nil {
		return nil
	}
	if _, ok := cmd.(ownCommand); ok {
		return nil
	}
	return *why
}
