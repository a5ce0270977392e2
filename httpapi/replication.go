package httpapi

import (
	"context"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
	"github.com/vectorizer-go/vectorizer/replication"
)

// Replication is the node's part in a replicated set.
type Replication interface {
	ReplicationControl
	// Status reads what the node knows; it asks nobody.
	Status() replication.Status
	// Confirm waits until so many replicas have the write at offset on disk.
	Confirm(ctx context.Context, offset uint64, replicas int) error
}

// ReplicationControl changes roles and members.
type ReplicationControl interface {
	Configure(ctx context.Context, s replication.Settings) error
	Failover(ctx context.Context, replica string, maxLag uint64, unclean bool) (replication.Report, error)
	Resync(ctx context.Context) error
	Forget(ctx context.Context, id string) error
}

// replicated returns the node's replication if it takes part in one.
func (c *call) replicated() (Replication, *replication.Status, error) {
	r := c.s.opts.Replication
	if r == nil {
		return nil, nil, errNotReplicated()
	}
	st := r.Status()
	if !st.Enabled {
		return nil, nil, errNotReplicated()
	}
	return r, &st, nil
}

// replicationStatus answers GET /replication/status.
func (c *call) replicationStatus() error {
	if c.s.opts.Replication == nil {
		id := c.engine.Identity()
		return c.json(replication.Status{Role: replication.Standalone.String(), NodeID: id.NodeID,
			HistoryID: id.HistoryID, Branch: id.HistoryID, Epoch: c.engine.Position().Epoch,
			Position: wirePosition(c.engine.LogPosition()), Writable: true, Kept: []replication.Kept{}})
	}
	st := c.s.opts.Replication.Status()
	return c.json(&st)
}

// replicationStats answers GET /replication/stats.
func (c *call) replicationStats() error {
	_, st, err := c.replicated()
	if err != nil {
		return err
	}
	if st.Stats == nil {
		return errStatsOff()
	}
	return c.json(st.Stats)
}

func errStatsOff() error {
	return errs.New(errs.BadRequest, "Replication statistics are turned off (replication.stats_enabled)")
}

// replicationReplicas answers GET /replication/replicas.
func (c *call) replicationReplicas() error {
	_, st, err := c.replicated()
	if err != nil {
		return err
	}
	switch {
	case st.Stats == nil:
		return errStatsOff()
	case st.Replicas == nil:
		return errs.New(errs.BadRequest, "This node is not a master").With("role", st.Role)
	}
	return c.json(struct {
		Replicas []replication.ReplicaStatus `json:"replicas"`
		Count    int                         `json:"count"`
	}{st.Replicas, len(st.Replicas)})
}

// replicationConfigure answers POST /replication/configure.
func (c *call) replicationConfigure() error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	var s replication.Settings
	if err := codec.DecodeReplication(d, &s); err != nil {
		return err
	}
	r := c.s.opts.Replication
	if r == nil {
		return errs.New(errs.BadRequest, "This node was started without replication: set replication.secret")
	}
	if err := r.Configure(c.req, s); err != nil {
		return err
	}
	st := r.Status()
	return c.json(struct {
		Success bool   `json:"success"`
		Role    string `json:"role"`
		Epoch   uint64 `json:"epoch"`
		Message string `json:"message"`
	}{true, st.Role, st.Epoch, "This node is " + st.Role + " now; no restart is needed"})
}

type failoverReply struct {
	Promoted      string              `json:"promoted_replica_id"`
	MasterOffset  uint64              `json:"master_offset_at_promotion"`
	ReplicaOffset uint64              `json:"replica_offset_at_promotion"`
	Residual      uint64              `json:"residual_lag_operations"`
	Epoch         uint64              `json:"epoch"`
	Master        replication.Address `json:"master"`
}

// failover answers POST /cluster/failover.
func (c *call) failover() error {
	r, st, err := c.replicated()
	if err != nil {
		return err
	}
	d, err := c.decoder()
	if err != nil {
		return err
	}
	var q codec.Failover
	if err := q.Decode(d); err != nil {
		return err
	}
	if q.Replica == "" && st.Role == replication.Master.String() {
		return errs.Invalid("replica_id", "the id of a replica", "none")
	}
	c.limitTime(q.TimeoutMS)
	rep, err := r.Failover(c.req, q.Replica, q.MaxLag, q.Unclean)
	if err != nil {
		return err
	}
	return c.json(failoverReply{rep.Promoted, rep.MasterOffset, rep.ReplicaOffset,
		rep.MasterOffset - min(rep.MasterOffset, rep.ReplicaOffset), rep.Epoch, rep.Master})
}

// replicationResync answers POST /replication/resync.
func (c *call) replicationResync() error {
	r, _, err := c.replicated()
	if err != nil {
		return err
	}
	if err := r.Resync(c.req); err != nil {
		return err
	}
	return c.json(messageReply{"A full copy of the master is on its way", true})
}

// forgetReplica answers DELETE /replication/replicas/{id}.
func (c *call) forgetReplica() error {
	r, _, err := c.replicated()
	if err != nil {
		return err
	}
	if err := r.Forget(c.req, c.param(0)); err != nil {
		return err
	}
	return c.json(messageReply{"Replica forgotten", true})
}
