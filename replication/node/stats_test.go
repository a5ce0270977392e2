package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
)

// TestStatsAreMeasured: bytes are what the sockets carried, offsets and operations
// what was written, and an idle replica has no lag. (Original: bytes were 100 times
// the operations, lag the time since the last heartbeat, status always Connected.)
// Defect: invented-statistics.
func TestStatsAreMeasured(t *testing.T) {
	m := master(t)
	p := newProxy(t, m.peer())
	r := replicaOf(t, p.Addr())
	for i := range 300 {
		m.put(fmt.Sprint(i), float32(i))
	}
	level(t, m, r)
	until(t, "counted", func() bool {
		sent, carried := int64(m.status().Stats.BytesSent), p.Carried.Load()
		diff := sent - carried
		return diff == 0
	})
	until(t, "confirmed", func() bool { return seen(m, r).Lag == 0 })
	ms, rs := m.status(), r.status()
	tip := m.engine().LogPosition().Offset
	one := seen(m, r)
	if ms.Stats.MasterOffset != tip || *rs.Stats.ReplicaOffset != tip || one.Offset != tip ||
		one.AppliedOffset != tip || *ms.Stats.ConnectedReplicas != 1 || *rs.Stats.LagOperations != 0 {
		t.Errorf("master %+v, replica %+v, seen %+v", ms.Stats, rs.Stats, one)
	}
	if one.Status != replication.Healthy || *one.LagMS > 50 || *rs.Stats.LagMS > 50 {
		t.Errorf("idle: %s, %v ms, %v ms", one.Status, *one.LagMS, *rs.Stats.LagMS)
	}
	heard := *one.LastHeartbeat
	until(t, "heard again", func() bool { return seen(m, r).LastHeartbeat.After(heard) })
}

// TestStatsOfThree: replicas with different lag are told apart, and one that is
// away stays listed with what it had.
// Defect: invented-statistics.
func TestStatsOfThree(t *testing.T) {
	m := master(t)
	slow, cut := newProxy(t, m.peer()), newProxy(t, m.peer())
	a, b, c := replicaOf(t, m.peer()), replicaOf(t, slow.Addr()), replicaOf(t, cut.Addr())
	m.put("x", 1)
	for _, r := range []*member{a, b, c} {
		level(t, m, r)
	}
	until(t, "confirmed", func() bool { return seen(m, c).Offset > 0 }) // the master hears of it a moment later
	m.node.opts.LaggingAfter = 30 * time.Millisecond
	slow.Rate.Store(5_000)
	cut.Refuse.Store(true)
	cut.Cut()
	for i := range 150 {
		m.put(fmt.Sprint(i), 1)
	}
	until(t, "told apart", func() bool {
		return seen(m, a).Status == replication.Healthy && seen(m, b).Status == replication.Lagging &&
			seen(m, c).Status == replication.Disconnected && seen(m, b).Lag > 0
	})
	if len(m.status().Replicas) != 3 || seen(m, c).Offset == 0 {
		t.Errorf("%+v", m.status().Replicas)
	}
	slow.Rate.Store(0)
	cut.Refuse.Store(false)
	level(t, m, b)
	level(t, m, c)
}

// TestStatsOff: without statistics nothing is sampled.
func TestStatsOff(t *testing.T) {
	o := fast()
	o.Role, o.NoStats = replication.Master, true
	m := open(t, o, engine.Options{})
	m.create("a", 4)
	m.put("x", 1)
	if st := m.status(); st.Stats != nil || st.Replicas != nil || !st.Enabled {
		t.Errorf("%+v", st)
	}
	if m.node.stats.samples.Behind(0, time.Now().UnixMicro()) != 0 {
		t.Error("a commit was sampled")
	}
}

// TestReadYourWrites: a read at a replica can wait for a write at the master.
// Defect: stale-reads.
func TestReadYourWrites(t *testing.T) {
	m := master(t)
	r := replicaOf(t, m.peer())
	level(t, m, r)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for i := range 50 {
		id := fmt.Sprint(i)
		pos := m.put(id, 1)
		if err := r.engine().WaitApplied(ctx, pos.Offset); err != nil {
			t.Fatal(err)
		}
		if _, err := r.engine().Get(ctx, "a", id, engine.Fields{}); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
}
