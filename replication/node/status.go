package node

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// inSyncLag is how many entries a replica may be behind and still be in sync.
const inSyncLag = 10000

// Status describes the node now. It reads atomics and asks nobody.
func (n *Node) Status() replication.Status {
	l := n.slot.Acquire()
	defer l.Release()
	e := l.Engine
	role := replication.Role(n.role.Load())
	lineage := e.Lineage()
	st := replication.Status{Role: role.String(), Enabled: role != replication.Standalone,
		NodeID: e.Identity().NodeID, HistoryID: e.Identity().HistoryID,
		Branch: lineage[len(lineage)-1].ID, Epoch: n.epoch.Load(), Position: position(e.LogPosition()),
		Address: *n.address.Load(), Writable: e.Writable(), Kept: *n.kept.Load()}
	if role == replication.Standalone {
		return st
	}
	if role == replication.Replica {
		st.Master = n.lead.Load()
	}
	if n.opts.NoStats {
		return st
	}
	tip := e.LogPosition().Offset
	if role == replication.Master {
		st.Replicas = n.stats.replicas(tip)
	}
	st.Stats = n.stats.figures(role, tip, st.Replicas)
	st.Stats.RetainedFrom = e.LogFirst()
	st.Stats.RetainedEntries = tip + 1 - min(tip+1, e.LogFirst())
	return st
}

// replicas describes every replica that was ever here, by id.
func (s *stats) replicas(tip uint64) []replication.ReplicaStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	out := make([]replication.ReplicaStatus, 0, len(s.feeds))
	for _, f := range s.feeds {
		out = append(out, s.replica(f, tip, now))
	}
	slices.SortFunc(out, func(a, b replication.ReplicaStatus) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// replica describes one.
func (s *stats) replica(f *feedStats, tip uint64, now time.Time) replication.ReplicaStatus {
	heard := time.UnixMicro(f.heard.Load()).UTC()
	address := f.address.Peer
	if address == "" {
		address = f.remote
	}
	host, port, err := net.SplitHostPort(address)
	number, _ := strconv.Atoi(port)
	if err != nil {
		host = address
	}
	durable := f.durable.Load()
	away := !f.connected || now.Sub(heard) > s.n.opts.PeerTimeout
	lag := float64(s.samples.Behind(durable, now.UnixMicro())) / 1000
	if away {
		lag = max(lag, float64(now.Sub(heard).Microseconds())/1000)
	}
	r := replication.ReplicaStatus{ID: f.id, ReplicaID: f.id, Host: host, Port: number, Address: address,
		API: f.address.API, Since: f.since.UTC(), LagMS: &lag, LastHeartbeat: &heard,
		OperationsSynced: f.ops.Load(), BytesSent: f.bytes.Load(), Offset: durable,
		ReceivedOffset: f.received.Load(), AppliedOffset: f.applied_.Load(),
		LagOperations: tip - min(tip, durable), SyncReason: f.reason, Reconnects: f.reconnects}
	r.Lag = r.LagOperations
	level := f.streaming && durable >= f.joined.Load()
	r.InSync = !away && level && r.Lag <= inSyncLag
	switch {
	case away:
		r.Status = replication.Disconnected
	case !level:
		r.Status = replication.Syncing
	case lag > float64(s.n.opts.LaggingAfter.Microseconds())/1000:
		r.Status = replication.Lagging
	default:
		r.Status = replication.Healthy
	}
	return r
}

// figures are the node's own.
func (s *stats) figures(role replication.Role, tip uint64, replicas []replication.ReplicaStatus) *replication.Stats {
	out := &replication.Stats{Role: role.String(), SnapshotSize: s.snapshotSize.Load(),
		PartialSyncs: s.partial.Load(), Reconnects: s.reconnects.Load()}
	out.BytesSent, out.BytesReceived = s.traffic.sent.Load(), s.traffic.received.Load()
	s.mu.Lock()
	out.FullSyncs, out.Rejected = maps.Clone(s.full), maps.Clone(s.reject)
	if s.copying != nil {
		c := *s.copying
		c.BytesDone = s.copyDone.Load()
		out.Copy = &c
	}
	s.mu.Unlock()
	if role == replication.Replica {
		s.ofReplica(out, tip)
		return out
	}
	connected, worst, behind := 0, float64(0), uint64(0)
	var level time.Time
	for i := range replicas {
		r := &replicas[i]
		if r.Status != replication.Disconnected {
			connected++
		}
		worst, behind = max(worst, *r.LagMS), max(behind, r.Lag)
		out.TotalReplicated += r.OperationsSynced
		if r.LastHeartbeat.After(level) {
			level = *r.LastHeartbeat
		}
		if r.ReceivedOffset <= tip {
			out.OperationsPending = max(out.OperationsPending, tip-min(tip, r.Offset))
		}
	}
	out.ConnectedReplicas, out.MasterOffset = &connected, tip
	if len(replicas) > 0 {
		out.LagMS, out.LagOperations, out.LastSync = &worst, &behind, &level
	}
	return out
}

// ofReplica adds what a replica knows of its master.
func (s *stats) ofReplica(out *replication.Stats, tip uint64) {
	out.MasterOffset = max(tip, s.masterOffset.Load())
	out.ReplicaOffset = &tip
	behind := out.MasterOffset - tip
	out.LagOperations = &behind
	out.TotalReplicated = s.applied_.Load()
	if r := s.received_.Load(); r > tip {
		out.OperationsPending = r - tip
	}
	inSync := s.inSync.Load()
	out.InSync = &inSync
	heard := s.lastHeard.Load()
	if heard == 0 {
		return
	}
	now := time.Now().UnixMicro()
	lag := float64(0)
	silent := now-heard > 2*s.n.opts.Heartbeat.Microseconds() || !s.n.following()
	switch {
	case silent:
		lag = float64(now-heard) / 1000
	case behind > 0:
		lag = float64(max(0, now-s.clock.get()-s.behindSince.Load(), s.lagUs.Load())) / 1000
		if s.behindSince.Load() == 0 {
			lag = float64(now-s.lastLevel.Load()) / 1000
		}
	}
	out.LagMS = &lag
	if at := s.lastLevel.Load(); at > 0 {
		t := time.UnixMicro(at).UTC()
		out.LastSync = &t
	}
}

// following reports whether the connection to the master is open.
func (n *Node) following() bool {
	n.conns.mu.Lock()
	defer n.conns.mu.Unlock()
	return len(n.conns.all) > 0
}
