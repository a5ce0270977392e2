package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// statsFile keeps the statistics over restarts, in the data directory.
const statsFile = "REPLICATION.stats"

// statsEvery is how often it is written; a crash loses what came after.
const statsEvery = 10 * time.Second

// keptStats is its content. What is kept of replicas also decides how much of the
// log a master keeps for those that are away while it restarts.
type keptStats struct {
	Sent       uint64            `json:"bytes_sent"`
	Received   uint64            `json:"bytes_received"`
	Applied    uint64            `json:"operations_applied"`
	Reconnects uint64            `json:"reconnects"`
	Partial    uint64            `json:"partial_syncs"`
	Full       map[string]uint64 `json:"full_syncs"`
	Rejected   map[string]uint64 `json:"rejected"`
	Snapshot   int64             `json:"snapshot_size"`
	LastLevel  int64             `json:"last_sync_us"`
	LastHeard  int64             `json:"master_heard_us"`
	Master     uint64            `json:"master_offset"`
	Replicas   []keptReplica     `json:"replicas"`
}

type keptReplica struct {
	ID         string              `json:"id"`
	Address    replication.Address `json:"address"`
	Remote     string              `json:"remote"`
	Offset     uint64              `json:"offset"`
	Operations uint64              `json:"operations"`
	Bytes      uint64              `json:"bytes"`
	Reconnects uint64              `json:"reconnects"`
	Reason     string              `json:"sync_reason"`
	HeardUs    int64               `json:"heard_us"`
	SinceUs    int64               `json:"since_us"`
}

// load reads what an earlier process kept. Statistics that cannot be read are no
// reason not to start: they begin anew.
func (s *stats) load(dir string) {
	b, err := os.ReadFile(filepath.Join(dir, statsFile))
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var k keptStats
	if err == nil {
		err = decodeStats(b, &k)
	}
	if err != nil {
		s.n.log.Warn().Err(err).Str("file", statsFile).Msg("replication statistics begin anew")
		return
	}
	s.traffic.sent.Store(k.Sent)
	s.traffic.received.Store(k.Received)
	s.applied_.Store(k.Applied)
	s.reconnects.Store(k.Reconnects)
	s.partial.Store(k.Partial)
	s.snapshotSize.Store(k.Snapshot)
	s.lastLevel.Store(k.LastLevel)
	s.lastHeard.Store(k.LastHeard)
	s.masterOffset.Store(k.Master)
	s.mu.Lock()
	defer s.mu.Unlock()
	for reason, n := range k.Full {
		s.full[reason] = n
	}
	for reason, n := range k.Rejected {
		s.reject[reason] = n
	}
	for i := range k.Replicas {
		r := &k.Replicas[i]
		f := &feedStats{id: r.ID, reconnects: r.Reconnects, address: r.Address, remote: r.Remote,
			reason: r.Reason, since: time.UnixMicro(r.SinceUs)}
		f.durable.Store(r.Offset)
		f.applied_.Store(r.Offset)
		f.received.Store(r.Offset)
		f.ops.Store(r.Operations)
		f.bytes.Store(r.Bytes)
		f.heard.Store(r.HeardUs)
		s.feeds[r.ID] = f
	}
}

func decodeStats(b []byte, k *keptStats) error {
	if err := json.Unmarshal(b, k); err != nil {
		return fmt.Errorf("%s is damaged: %w", statsFile, err)
	}
	return nil
}

// save writes them.
func (s *stats) save(dir string) error {
	k := keptStats{Sent: s.traffic.sent.Load(), Received: s.traffic.received.Load(),
		Applied: s.applied_.Load(), Reconnects: s.reconnects.Load(), Partial: s.partial.Load(),
		Snapshot: s.snapshotSize.Load(), LastLevel: s.lastLevel.Load(), LastHeard: s.lastHeard.Load(),
		Master: s.masterOffset.Load()}
	s.mu.Lock()
	k.Full, k.Rejected = s.full, s.reject
	for _, f := range s.feeds {
		k.Replicas = append(k.Replicas, keptReplica{ID: f.id, Address: f.address, Remote: f.remote,
			Offset: f.durable.Load(), Operations: f.ops.Load(), Bytes: f.bytes.Load(),
			Reconnects: f.reconnects, Reason: f.reason, HeardUs: f.heard.Load(), SinceUs: f.since.UnixMicro()})
	}
	b, err := json.MarshalIndent(&k, "", "  ")
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return writeDurable(dir, statsFile, append(b, '\n'))
}

// keepStats writes the statistics now and then.
func (n *Node) keepStats() {
	for n.ctx.Err() == nil {
		n.pause(statsEvery)
		if replication.Role(n.role.Load()) == replication.Standalone {
			continue
		}
		if err := n.stats.save(n.opts.Dir); err != nil {
			n.log.Warn().Err(err).Msg("replication statistics cannot be written")
		}
	}
}
