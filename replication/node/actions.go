package node

import (
	"cmp"
	"context"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

// perform carries out actions in order.
func (n *Node) perform(actions []replication.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case *replication.Persist:
			n.persist(a.Promise)
		case *replication.Send:
			n.send(a)
		case *replication.Stream:
			n.stream(a)
		case *replication.Hangup:
			n.conns.hangup(a.Conn)
		case *replication.Dial:
			if n.dialled == a.Addr {
				n.stats.reconnects.Add(1)
			}
			n.dialled = a.Addr
			n.bg.Go(func() { n.dial(a.Addr) })
		case *replication.Tell:
			n.bg.Go(func() { n.tell(a) })
		case *replication.Apply:
			n.fresh = nil
			n.apply.push(a.Entries)
		case *replication.Check:
			n.bg.Go(func() { n.check(a) })
		case *replication.FetchCopy:
			n.fetchCopy(a)
		case *replication.DropCopy:
			n.dropCopy()
		case *replication.Seal:
			n.seal(a.Master)
		case *replication.Unseal:
			n.slot.Engine().AcceptWrites()
		case *replication.Begin:
			n.bg.Go(func() { n.begin(a.Epoch) })
		case *replication.Answer:
			n.answer(a)
		case *replication.Note:
			n.noted(a)
		}
	}
}

// persist makes a promise durable. A node that cannot must not act on it: it stops
// taking part.
func (n *Node) persist(p replication.Promise) {
	n.state.Promise = p
	if w := n.wish.Load(); w != nil {
		n.state.Bind = cmp.Or(w.Bind, n.state.Bind)
		n.state.Heartbeat = cmp.Or(w.Heartbeat, n.state.Heartbeat)
		n.state.LogEntries = cmp.Or(w.LogEntries, n.state.LogEntries)
	}
	if err := n.state.write(n.opts.Dir); err != nil {
		n.log.Error().Err(err).Msg("the replication state cannot be written: replication stops on this node")
		n.slot.Engine().RefuseWrites(errs.New(errs.StorageError, "Replication state cannot be written").Wrap(err))
		n.cancel()
	}
}

// errNotMaster says who takes writes.
func errNotMaster(master replication.Address) error {
	if master == (replication.Address{}) {
		return errs.New(errs.NotMaster, "This node takes no writes before it knows which node is the master").
			With("retry_after", 1)
	}
	e := errs.New(errs.NotMaster, "This node is a replica and takes no writes: send them to the master").
		With("role", "replica").With("retry_after", 1)
	if master.API != "" {
		e = e.With("master", master.API)
		e.Message = "This node is a replica and takes no writes: send them to the master at " + master.API
	}
	if master.Peer != "" {
		e = e.With("master_replication_address", master.Peer)
	}
	return e
}

// seal refuses writes at once, and says when the last one has ended.
func (n *Node) seal(master replication.Address) {
	e := n.slot.Engine()
	e.RefuseWrites(errNotMaster(master))
	n.bg.Go(func() {
		l := n.slot.Acquire()
		defer l.Release()
		// If it fails nothing commits any more either.
		if err := l.Engine.Barrier(n.ctx); err != nil {
			n.log.Warn().Err(err).Msg("waiting for the last writes")
		}
		n.post(&replication.Sealed{Tip: position(l.Engine.LogPosition())})
	})
}

// check compares a position with the log.
func (n *Node) check(a *replication.Check) {
	l := n.slot.Acquire()
	defer l.Release()
	ok, err := l.Engine.LogContinues(logPosition(a.Position))
	n.post(&replication.Checked{Conn: a.Conn, Continues: ok && err == nil, Trimmed: err != nil})
}

// begin writes the entry that begins an epoch.
func (n *Node) begin(epoch uint64) {
	l := n.slot.Acquire()
	defer l.Release()
	_, err := l.Engine.Promote(n.ctx, epoch)
	lineage := l.Engine.Lineage()
	if err != nil {
		n.log.Error().Err(err).Uint64("epoch", epoch).Msg("promotion failed")
	}
	n.post(&replication.Begun{Tip: position(l.Engine.LogPosition()),
		Branch: lineage[len(lineage)-1].ID, Failed: err != nil})
}

// answer wakes who asked.
func (n *Node) answer(a *replication.Answer) {
	if ch, ok := n.answers.LoadAndDelete(a.ID); ok {
		ch.(chan *replication.Answer) <- a // it has room for one
	}
}

// ask posts what with returns for a fresh id and waits for its answer.
func (n *Node) ask(ctx context.Context, with func(id uint64) replication.Event) (*replication.Answer, error) {
	id := n.requestID.Add(1)
	ch := newAnswer()
	n.answers.Store(id, ch)
	defer n.answers.Delete(id)
	n.post(with(id))
	select {
	case a := <-ch:
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-n.ctx.Done():
		return nil, errs.New(errs.ShuttingDown, "Server is shutting down")
	}
}

// noted counts and logs.
func (n *Node) noted(a *replication.Note) {
	n.stats.note(a)
	e := n.log.Info()
	switch a.What {
	case replication.NoteStale, replication.NoteFenced, replication.NoteEmpty, replication.NoteProtocol:
		e = n.log.Warn()
	}
	e.Str("event", a.What).Str("peer", a.Node).Str("detail", a.Text).
		Uint64("epoch", n.core.Epoch()).Msg("replication")
}

// deadline turns a context's deadline into the protocol's clock.
func (n *Node) deadline(ctx context.Context, def time.Duration) int64 {
	if at, ok := ctx.Deadline(); ok {
		return n.now() + int64(time.Until(at))
	}
	return n.now() + int64(def)
}

func newAnswer() chan *replication.Answer { return make(chan *replication.Answer, 1) }
