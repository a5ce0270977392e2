package crashtest

import (
	"fmt"
	"testing"

	"github.com/vectorizer-go/vectorizer/replication"
)

// TestReplicationOverBadNetwork: cuts, a half-open connection, one byte a second and
// resets in the middle of a full copy delay a replica and cost the master nothing:
// it goes on answering, sees what happens, and the replica is level in the end.
// (Original: no time-outs, half-open connections hung for ever.)
// Defect: no-timeouts.
func TestReplicationOverBadNetwork(t *testing.T) {
	m := startMaster(t, "VECTORIZER_FSYNC=off")
	m.createC()
	version := 1
	write := func() {
		for i := range 30 {
			m.put(fmt.Sprint("n", i), version, "")
		}
		version++
	}
	for range 20 {
		write()
	}
	p := between(t, m.peer)
	p.ResetAt.Store(20_000) // in the middle of the first copy
	r := startMember(t, "replica", p.Addr())
	r.until("reset", func() bool { return p.ResetAt.Load() == 0 })
	write()
	awaitLevel(t, m, r)
	for range 3 {
		p.Cut()
		write()
	}
	awaitLevel(t, m, r)

	p.Stall.Store(true)
	write()
	m.until("noticed", func() bool { return r.seenBy(m).Status == replication.Disconnected })
	p.Stall.Store(false)
	p.Cut()
	awaitLevel(t, m, r)

	p.Rate.Store(1)
	write()
	m.until("behind", func() bool { return r.seenBy(m).Lag > 0 })
	write()
	p.Rate.Store(0)
	p.Cut()
	awaitLevel(t, m, r)
	if n := sameContent(t, m, r, "c"); n != 30 {
		t.Errorf("%d rows", n)
	}
	if st := r.status().Stats; st.Reconnects < 4 {
		t.Errorf("%d reconnects", st.Reconnects)
	}
}

// TestThreeReplicasOfDifferentLag: each is told apart by its master, and one that is
// away stays listed with what it had, over a restart of the master too.
// (Original: a status that was always Connected; who was away was not listed.)
func TestThreeReplicasOfDifferentLag(t *testing.T) {
	m := startMaster(t, "REPLICATION_LAGGING_AFTER=50ms", "REPLICATION_REPLICA_TIMEOUT=20s")
	m.createC()
	slow := between(t, m.peer)
	a := startMember(t, "replica", m.peer)
	b := startMember(t, "replica", slow.Addr(), "REPLICATION_REPLICA_TIMEOUT=20s")
	c := startMember(t, "replica", m.peer)
	m.put("x", 1, "")
	for _, r := range []*member{a, b, c} {
		awaitLevel(t, m, r)
		r.until("listed", func() bool { return r.seenBy(m).Offset == m.status().Position.Offset })
	}
	away := c.status().NodeID
	c.kill()
	slow.Rate.Store(2000)
	for i := range 60 {
		m.put(fmt.Sprint("y", i), 1, "")
	}
	m.until("told apart", func() bool {
		var last replication.ReplicaStatus
		for _, r := range m.status().Replicas {
			if r.ID == away {
				last = r
			}
		}
		return a.seenBy(m).Status == replication.Healthy && b.seenBy(m).Status == replication.Lagging &&
			last.Status == replication.Disconnected && last.Offset > 0 && last.Lag > 0
	})
	slow.Rate.Store(0)
	awaitLevel(t, m, b)
	m.terminate()
	m.start()
	m.awaitWritable()
	if n := len(m.status().Replicas); n != 3 {
		t.Errorf("%d replicas are listed after a restart of the master", n)
	}
	c.start()
	for _, r := range []*member{a, b, c} {
		awaitLevel(t, m, r)
		r.until("connected", func() bool { return r.seenBy(m).Status == replication.Healthy })
		if full := r.status().Stats.FullSyncs; full["empty"] > 1 || len(full) > 1 {
			t.Errorf("full copies: %v", full)
		}
	}
}
