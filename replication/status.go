package replication

import "time"

// Health is the state of a replica as its master sees it.
type Health string

// The states.
const (
	Healthy      Health = "Connected"    // it follows, and is not far behind
	Syncing      Health = "Syncing"      // it fetches a full copy, or has not caught up since it came
	Lagging      Health = "Lagging"      // it follows, later than the configuration calls good
	Disconnected Health = "Disconnected" // it is away, or silent for too long
)

// Status is what GET /replication/status answers.
type Status struct {
	Role     string          `json:"role"` // Master, Replica or Standalone
	Enabled  bool            `json:"enabled"`
	Stats    *Stats          `json:"stats"`    // nil when standalone
	Replicas []ReplicaStatus `json:"replicas"` // nil unless master

	NodeID    string   `json:"node_id"`
	HistoryID string   `json:"history_id"`
	Branch    string   `json:"branch_id"`
	Epoch     uint64   `json:"epoch"` // promised
	Position  Position `json:"position"`
	Address   Address  `json:"address"`
	Master    *Address `json:"master"` // of a replica
	Writable  bool     `json:"writable"`
	// Kept is what full copies replaced and what is kept of it, the oldest first.
	Kept []Kept `json:"kept"`
}

// Kept is a directory of data, or a file of log entries, that is kept in the data
// directory for inspection.
type Kept struct {
	Name      string    `json:"name"`
	Reason    string    `json:"reason"` // of the full copy; orphaned: entries that no master has
	At        time.Time `json:"at"`
	HistoryID string    `json:"history_id"` // "" for entries
	Epoch     uint64    `json:"epoch"`
	Offset    uint64    `json:"offset"` // of the last entry of data, or the first of a file
	Bytes     int64     `json:"bytes"`
}

// Stats are figures of the node. What does not apply is nil.
type Stats struct {
	Role          string     `json:"role"`
	LagMS         *float64   `json:"lag_ms"` // replica: behind its master; master: of the last of its replicas
	BytesSent     uint64     `json:"bytes_sent"`
	BytesReceived uint64     `json:"bytes_received"`
	LastSync      *time.Time `json:"last_sync"` // when it was last known to be level
	// Log entries that are sent and not confirmed, or received and not applied.
	OperationsPending uint64  `json:"operations_pending"`
	SnapshotSize      int64   `json:"snapshot_size"` // bytes of the last full copy, 0 = none
	ConnectedReplicas *int    `json:"connected_replicas"`
	MasterOffset      uint64  `json:"master_offset"`
	ReplicaOffset     *uint64 `json:"replica_offset"`
	LagOperations     *uint64 `json:"lag_operations"`
	TotalReplicated   uint64  `json:"total_replicated"` // operations sent, or applied

	RetainedEntries uint64            `json:"retained_log_entries"`
	RetainedFrom    uint64            `json:"retained_log_from"`
	PartialSyncs    uint64            `json:"partial_syncs"`
	FullSyncs       map[string]uint64 `json:"full_syncs"` // by reason
	Reconnects      uint64            `json:"reconnects"`
	Rejected        map[string]uint64 `json:"rejected"` // frames and peers, by reason
	Copy            *CopyStatus       `json:"full_sync"`
	InSync          *bool             `json:"in_sync"` // replica: may take over without loss, as its master last said
}

// CopyStatus is a full copy under way on a replica.
type CopyStatus struct {
	Reason     string    `json:"reason"`
	BytesDone  int64     `json:"bytes_done"`
	BytesTotal int64     `json:"bytes_total"`
	Files      int       `json:"files"`
	Since      time.Time `json:"since"`
}

// ReplicaStatus is one replica as its master sees it.
type ReplicaStatus struct {
	ID               string     `json:"id"`
	ReplicaID        string     `json:"replica_id"` // the same, for clients that read this
	Host             string     `json:"host"`
	Port             int        `json:"port"`
	Address          string     `json:"address"`
	API              string     `json:"api"`
	Status           Health     `json:"status"`
	Since            time.Time  `json:"since"` // of this connection, or of its end
	LagMS            *float64   `json:"lag_ms"`
	LastHeartbeat    *time.Time `json:"last_heartbeat"`
	OperationsSynced uint64     `json:"operations_synced"`
	BytesSent        uint64     `json:"bytes_sent"`
	Offset           uint64     `json:"offset"` // durable
	ReceivedOffset   uint64     `json:"received_offset"`
	AppliedOffset    uint64     `json:"applied_offset"`
	LagOperations    uint64     `json:"lag_operations"`
	Lag              uint64     `json:"lag"` // the same, for clients that read this
	InSync           bool       `json:"in_sync"`
	SyncReason       string     `json:"sync_reason"` // of its last full copy
	Reconnects       uint64     `json:"reconnects"`
}

// Settings are what POST /replication/configure may change.
type Settings struct {
	Role   string // master, replica or standalone
	Bind   string // host:port to listen on; "" stays
	Master string // host:port that a replica follows
	// Zero stays.
	Heartbeat  time.Duration
	LogEntries uint64 // kept for replicas that are away
}
