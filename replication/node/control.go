package node

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

// handoverTime is how long a planned failover may take if the caller does not say.
const handoverTime = 30 * time.Second

// outcomeTime is how long after its deadline a failover may still say how it ended.
const outcomeTime = 5 * time.Second

// Failover makes another node the master. On the master, replica names the one;
// it is caught up first, and the outcome is that of the whole change. On a
// replica, replica is its own id or "": it takes over although the old master does
// not hand over; unclean allows that when it may lack confirmed writes.
// Errors: errs.LagTooHigh, errs.Validation, errs.BadRequest, errs.Timeout.
func (n *Node) Failover(ctx context.Context, replica string, maxLag uint64, unclean bool) (replication.Report, error) {
	own := n.slot.Engine().Identity().NodeID
	var a *replication.Answer
	var err error
	// The protocol keeps the deadline: only it knows whether anything changed. The
	// last step, a write to the disk, may end a little after it.
	deadline := n.deadline(ctx, handoverTime)
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(deadline-n.now())+outcomeTime)
	defer cancel()
	if replication.Role(n.role.Load()) == replication.Replica && (replica == "" || replica == own) {
		a, err = n.ask(wait, func(id uint64) replication.Event {
			return &replication.Takeover{ID: id, Unclean: unclean, Deadline: deadline}
		})
	} else {
		a, err = n.ask(wait, func(id uint64) replication.Event {
			return &replication.Handover{ID: id, Replica: replica, MaxLag: maxLag, Deadline: deadline}
		})
	}
	if err != nil {
		return replication.Report{}, errs.New(errs.Timeout, "Failover has begun and its outcome is unknown").
			With("outcome", "unknown").Wrap(err)
	}
	return a.Report, n.failure(a, replica)
}

// failure turns an outcome into an error.
func (n *Node) failure(a *replication.Answer, node string) error {
	switch a.Outcome {
	case replication.OK:
		return nil
	case replication.NotMaster:
		return errs.New(errs.BadRequest,
			"This node is not the master: ask the master, or the replica that is to take over")
	case replication.NotReplica:
		return errs.New(errs.BadRequest, "This node is not a replica")
	case replication.NoReplica:
		return errs.New(errs.NotFound, "Replica not connected: %s", node).With("replica_id", node)
	case replication.NoAddress:
		return errs.Invalid("address", "a node with a replication address", "none").
			With("replica_id", node)
	case replication.LagTooHigh:
		lag := a.Report.MasterOffset - min(a.Report.MasterOffset, a.Report.ReplicaOffset)
		return errs.New(errs.LagTooHigh, "Replica %s is %d log entries behind, more than allowed", node, lag).
			With("replica_id", node).With("lag_operations", lag)
	case replication.NotInSync:
		return errs.New(errs.LagTooHigh, "This replica was not in sync when it last heard of its master: "+
			"writes may be lost; say unclean to accept that").With("in_sync", false)
	case replication.Busy:
		return errs.New(errs.RateLimited, "A change of roles is under way").With("retry_after", 1)
	case replication.TimedOut:
		return errs.New(errs.Timeout, "Replica %s could not take over in time; nothing changed", node).
			With("outcome", "unchanged")
	case replication.Unknown:
		return errs.New(errs.Timeout,
			"Replica %s did not confirm its promotion; this node takes no writes any more", node).
			With("outcome", "unknown")
	case replication.BeginFailed:
		return errs.New(errs.StorageError, "Promotion failed: the log could not be written")
	}
	return errs.New(errs.Internal, "Unexpected outcome %s", string(a.Outcome))
}

// Settings are what Configure changes. Empty fields stay.
type Settings = replication.Settings

// Configure changes role and addresses of the running node, durably.
func (n *Node) Configure(ctx context.Context, s Settings) error {
	role, ok := replication.ParseRole(s.Role)
	if !ok {
		return errs.New(errs.BadRequest, "Invalid role: expected master, replica or standalone, got %q", s.Role).
			With("field", "role")
	}
	ln := n.listener()
	if ln != nil && s.Bind != "" && s.Bind != n.opts.Bind && s.Bind != ln.Addr().String() {
		return errs.New(errs.BadRequest,
			"This node listens for replication on %s already; another address needs a restart",
			ln.Addr()).With("field", "bind_address")
	}
	bind := cmp.Or(s.Bind, n.opts.Bind)
	if ln != nil {
		bind = ln.Addr().String()
	}
	if err := n.opts.check(role, bind, s.Master); err != nil {
		return errs.New(errs.BadRequest, "%s", err.Error())
	}
	if ln == nil && bind != "" && role != replication.Standalone {
		if err := n.listen(ctx, bind); err != nil {
			return err
		}
		ln = n.listener()
		n.bg.Go(func() { n.accept(ln) })
	}
	if s.LogEntries > 0 {
		n.entries.Store(s.LogEntries)
	}
	n.wish.Store(&s)
	a, err := n.ask(ctx, func(id uint64) replication.Event {
		return &replication.Configure{ID: id, Role: role, Master: replication.Address{Peer: s.Master},
			Address: *n.address.Load(), Heartbeat: s.Heartbeat, Deadline: n.deadline(ctx, handoverTime)}
	})
	if err != nil {
		return err
	}
	return n.failure(a, s.Master)
}

// Resync makes a replica fetch a full copy.
func (n *Node) Resync(ctx context.Context) error {
	a, err := n.ask(ctx, func(id uint64) replication.Event { return &replication.Resync{ID: id} })
	if err != nil {
		return err
	}
	return n.failure(a, "")
}

// Forget drops a replica that will not come back.
func (n *Node) Forget(ctx context.Context, id string) error {
	a, err := n.ask(ctx, func(req uint64) replication.Event { return &replication.Forget{ID: req, Member: id} })
	if err != nil {
		return err
	}
	if err := n.failure(a, id); err != nil {
		return err
	}
	n.stats.mu.Lock()
	defer n.stats.mu.Unlock()
	delete(n.stats.feeds, id)
	return nil
}

// Confirm waits until replicas confirm the write at offset: that many, or every
// member for replication.ConcernAll. The write is durable here in any case.
// Errors: errs.Unreplicated, with outcome = unknown.
func (n *Node) Confirm(ctx context.Context, offset uint64, replicas int) error {
	deadline := n.deadline(ctx, n.opts.PeerTimeout)
	a, err := n.ask(context.WithoutCancel(ctx), func(id uint64) replication.Event {
		return &replication.Await{ID: id, Offset: offset, Replicas: replicas, Deadline: deadline}
	})
	if err == nil && a.Outcome == replication.OK {
		return nil
	}
	wanted := fmt.Sprint(replicas)
	if replicas == replication.ConcernAll {
		wanted = "all"
	}
	e := errs.New(errs.Unreplicated,
		"Write is durable on this node, but replicas did not confirm it in time: its outcome is unknown").
		With("outcome", "unknown").With("write_concern", wanted).With("offset", offset)
	if a != nil {
		e = e.With("required", a.Wanted).With("confirmed", a.Acked)
	}
	return e
}
