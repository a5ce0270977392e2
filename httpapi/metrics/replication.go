package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vectorizer-go/vectorizer/replication"
)

// Replication is what the metrics read of the node's part in a replicated set.
type Replication interface{ Status() replication.Status }

// MaxReplicas is how many replicas have series of their own.
const MaxReplicas = 256

// replication shows the node's state and, on a master, each replica's. Zero values
// are shown too, so that rules and rates work from the first scrape.
func (s *scrape) replication(gauge, count emit, out chan<- prometheus.Metric) {
	st := replication.Status{Role: replication.Standalone.String()}
	if s.m.src.Replication != nil {
		st = s.m.src.Replication.Status()
	}
	fs := st.Stats
	if fs == nil {
		fs = &replication.Stats{}
	}
	for _, role := range []replication.Role{replication.Standalone, replication.Master, replication.Replica} {
		out <- prometheus.MustNewConstMetric(desc("replication_role",
			"1 for the node's role.", "role"), prometheus.GaugeValue,
			flag(st.Role == role.String()), role.Word())
	}
	gauge("replication_lag_ms", "Milliseconds behind the master, or of the last replica behind this one.",
		value(fs.LagMS))
	count("replication_bytes_sent_total", "Bytes sent to peers.", float64(fs.BytesSent))
	count("replication_bytes_received_total", "Bytes received from peers.", float64(fs.BytesReceived))
	gauge("replication_operations_pending", "Log entries not confirmed, or not applied, yet.",
		float64(fs.OperationsPending))
	connected := 0
	if fs.ConnectedReplicas != nil {
		connected = *fs.ConnectedReplicas
	}
	gauge("replication_connected_replicas", "Replicas that are connected.", float64(connected))
	gauge("replication_epoch", "Epoch that this node has promised.", float64(st.Epoch))
	gauge("replication_writable", "1 if the node takes writes, as far as its role goes.",
		flag(st.Writable || !st.Enabled))
	gauge("replication_retained_log_entries", "Log entries kept.", float64(fs.RetainedEntries))
	gauge("replication_snapshot_bytes", "Size of the last full copy.", float64(fs.SnapshotSize))
	count("replication_operations_total", "Operations sent to replicas, or applied.",
		float64(fs.TotalReplicated))
	count("replication_partial_syncs_total", "Replicas that continued from the log.", float64(fs.PartialSyncs))
	count("replication_reconnects_total", "Connections that replicas opened again, or tried to.",
		float64(fs.Reconnects))
	full := desc("replication_full_syncs_total", "Full copies, by the reason.", "reason")
	for _, reason := range []string{replication.ReasonEmpty, replication.ReasonHistory, replication.ReasonAhead,
		replication.ReasonDiverged, replication.ReasonTrimmed, replication.ReasonApply, replication.ReasonOrder,
		replication.ReasonDamaged} {
		out <- prometheus.MustNewConstMetric(full, prometheus.CounterValue, float64(fs.FullSyncs[reason]), reason)
	}
	rejected := desc("replication_rejected_total", "Frames and peers refused, by the reason.", "reason")
	for _, reason := range []string{"stale_epoch", "bad_crc", "unauth", "too_big", "bad_magic", "bad_version",
		"malformed", "tls", "too_many", "io"} {
		out <- prometheus.MustNewConstMetric(rejected, prometheus.CounterValue, float64(fs.Rejected[reason]), reason)
	}
	done, total := int64(0), int64(0)
	if fs.Copy != nil {
		done, total = fs.Copy.BytesDone, fs.Copy.BytesTotal
	}
	gauge("replication_full_sync_bytes_done", "Bytes of the full copy under way that have arrived.", float64(done))
	gauge("replication_full_sync_bytes_total", "Its size.", float64(total))
	for i := range st.Replicas[:min(len(st.Replicas), MaxReplicas)] {
		emitReplica(&st.Replicas[i], out)
	}
}

func emitReplica(r *replication.ReplicaStatus, out chan<- prometheus.Metric) {
	emit := func(name, help string, kind prometheus.ValueType, v float64) {
		out <- prometheus.MustNewConstMetric(desc(name, help, "replica_id"), kind, v, r.ID)
	}
	gauge := func(name, help string, v float64) { emit(name, help, prometheus.GaugeValue, v) }
	gauge("replication_replica_lag_ms", "Age of the first write that the replica has not confirmed.", value(r.LagMS))
	gauge("replication_replica_lag_operations", "Log entries that it has not confirmed.", float64(r.Lag))
	gauge("replication_replica_received_offset", "Last entry that it has received.", float64(r.ReceivedOffset))
	gauge("replication_replica_durable_offset", "Last entry that it has on disk.", float64(r.Offset))
	gauge("replication_replica_applied_offset", "Last entry that its reads show.", float64(r.AppliedOffset))
	gauge("replication_replica_in_sync", "1 if it may take over without loss.", flag(r.InSync))
	gauge("replication_replica_last_contact_timestamp_seconds", "When it last said something.",
		float64(r.LastHeartbeat.UnixMilli())/1000)
	emit("replication_replica_bytes_sent_total", "Bytes of log entries sent to it.",
		prometheus.CounterValue, float64(r.BytesSent))
	emit("replication_replica_operations_total", "Operations sent to it.", prometheus.CounterValue,
		float64(r.OperationsSynced))
	emit("replication_replica_reconnects_total", "Times it came back.", prometheus.CounterValue,
		float64(r.Reconnects))
	for _, h := range []replication.Health{replication.Healthy, replication.Syncing, replication.Lagging,
		replication.Disconnected} {
		out <- prometheus.MustNewConstMetric(desc("replication_replica_status", "1 for its status.",
			"replica_id", "status"), prometheus.GaugeValue, flag(r.Status == h), r.ID, string(h))
	}
}

// value is *p, 0 for nothing.
func value(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}
