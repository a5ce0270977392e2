package node

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

// TestFailoverPromotes: a planned failover catches the replica up, moves the
// master's role, and repoints the rest by partial sync; nothing is lost.
// (Original: it reported success and promoted nobody.)
// Defects: routes-without-effect, failover-by-sent-offset.
func TestFailoverPromotes(t *testing.T) {
	m := master(t)
	b, c := replicaOf(t, m.peer()), replicaOf(t, m.peer())
	m.put("a", 1)
	level(t, m, b)
	level(t, m, c)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	acked := 0
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := m.tryPut(fmt.Sprint("w", i), 1); err != nil {
				return // sealed
			}
			acked = i + 1
		}
	})
	report, err := m.node.Failover(context.Background(), b.id(), 1000, false)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if report.Promoted != b.id() || report.Epoch != 2 || report.MasterOffset != report.ReplicaOffset {
		t.Errorf("%+v", report)
	}
	until(t, "writable", b.engine().Writable)
	b.put("after", 1)
	level(t, b, m)
	level(t, b, c)
	if _, err := m.tryPut("x", 1); !notMaster(err) {
		t.Errorf("the old master takes writes: %v", err)
	}
	n, err := b.engine().Count(context.Background(), "a", nil)
	if err != nil || n != acked+2 {
		t.Errorf("%d rows of %d, %v", n, acked+2, err)
	}
	if got := b.status().Stats; got.PartialSyncs < 2 || len(got.FullSyncs) != 1 { // its own first copy
		t.Errorf("partial %d, full %v", got.PartialSyncs, got.FullSyncs)
	}
}

// Defect: failover-by-sent-offset.
func TestFailoverRefuses(t *testing.T) {
	m := master(t)
	p := newProxy(t, m.peer())
	r := replicaOf(t, p.Addr())
	m.put("a", 1)
	level(t, m, r)
	if _, err := m.node.Failover(context.Background(), "nobody", 0, false); errs.KindOf(err) != errs.NotFound {
		t.Errorf("%v", err)
	}
	p.Stall.Store(true)
	for i := range 20 {
		m.put(fmt.Sprint(i), 1)
	}
	if _, err := m.node.Failover(context.Background(), r.id(), 5, false); errs.KindOf(err) != errs.LagTooHigh {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := m.node.Failover(ctx, r.id(), 1000, false); errs.KindOf(err) != errs.Timeout {
		t.Errorf("%v", err)
	}
	until(t, "writable again", m.engine().Writable) // nothing changed
	m.put("still", 1)
}

// TestOldMasterIsFenced: a master that was away while a replica took over takes
// no writes when it comes back; what it could not hand over is kept in a file, and
// it follows. (Original: no epochs, the old leader went on.)
// Defect: old-leader-not-fenced.
func TestOldMasterIsFenced(t *testing.T) {
	m := master(t)
	address := m.peer()
	p := newProxy(t, address)
	r := replicaOf(t, p.Addr())
	m.put("a", 1)
	level(t, m, r)
	until(t, "in sync", func() bool { s := r.status().Stats.InSync; return s != nil && *s })
	p.Refuse.Store(true)
	p.Cut()
	m.put("lost", 1) // nobody else has it
	m.stop()
	if _, err := r.node.Failover(context.Background(), "", 0, false); err != nil {
		t.Fatal(err)
	}
	until(t, "writable", r.engine().Writable)
	r.put("b", 2)
	m.opts.Bind = address
	m.start()
	until(t, "fenced", func() bool { return m.status().Role == "Replica" })
	level(t, r, m)
	if _, err := m.tryPut("x", 1); !notMaster(err) {
		t.Errorf("%v", err)
	}
	kept, err := filepath.Glob(filepath.Join(m.dir, "orphaned-*.jsonl"))
	if err != nil || len(kept) != 1 {
		t.Errorf("%v %v", kept, err)
	}
	until(t, "listed", func() bool {
		l := m.status().Kept
		return len(l) == 1 && l[0].Name == filepath.Base(kept[0]) && l[0].Reason == "orphaned" && l[0].Bytes > 0
	})
	if got := m.status().Stats.FullSyncs; got[replication.ReasonAhead]+got[replication.ReasonDiverged] != 1 {
		t.Errorf("%v", got)
	}
	bound := r.peer()
	r.stop() // roles survive restarts of both
	r.opts.Bind = bound
	r.start()
	until(t, "master again", func() bool { return r.status().Role == "Master" && r.engine().Writable() })
	m.stop()
	m.start()
	r.put("c", 3)
	level(t, r, m)
}

// TestWriteConcern: a write is confirmed when replicas have it on disk, one
// replica counts once, and nobody is not enough for "all". (Original: "all" of no
// replica succeeded, a reconnect counted twice, dead replicas counted.)
// Defects: replicas-counted-twice, all-of-nobody.
func TestWriteConcern(t *testing.T) {
	m := master(t)
	confirm := func(replicas int, limit time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		return m.node.Confirm(ctx, m.put("x", 1).Offset, replicas)
	}
	short, long := 60*time.Millisecond, 10*time.Second
	if err := confirm(replication.ConcernAll, short); errs.KindOf(err) != errs.Unreplicated {
		t.Errorf("all of nobody: %v", err)
	}
	p := newProxy(t, m.peer())
	r := replicaOf(t, p.Addr())
	level(t, m, r)
	for _, n := range []int{1, replication.ConcernAll} {
		if err := confirm(n, long); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	if err := confirm(2, short); errs.KindOf(err) != errs.Unreplicated {
		t.Errorf("two of one: %v", err)
	}
	for range 3 {
		p.Cut()
		m.put("y", 1)
		level(t, m, r)
	}
	if err := confirm(2, short); errs.KindOf(err) != errs.Unreplicated {
		t.Errorf("one that came back counts twice: %v", err)
	}
	r.stop()
	if err := confirm(replication.ConcernAll, short); errs.KindOf(err) != errs.Unreplicated {
		t.Errorf("one that is away counts: %v", err)
	}
	if err := m.node.Forget(context.Background(), firstReplica(m)); err != nil {
		t.Fatal(err)
	}
	if n := len(m.status().Replicas); n != 0 {
		t.Errorf("%d replicas after forgetting", n)
	}
}

func firstReplica(m *member) string { return m.status().Replicas[0].ID }

// TestConfigureAtRunTime: a standalone node becomes a replica, and a master again,
// without a restart, and remembers it. (Original: values that nobody read.)
// Defect: routes-without-effect.
func TestConfigureAtRunTime(t *testing.T) {
	m := master(t)
	m.put("a", 1)
	o := fast()
	o.Bind = ""
	r := open(t, o, engine.Options{})
	ctx := context.Background()
	for _, bad := range []replication.Settings{{Role: "king"}, {Role: "replica"}, {Role: "master"}} {
		if err := r.node.Configure(ctx, bad); errs.KindOf(err) != errs.BadRequest {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := r.node.Configure(ctx, replication.Settings{Role: "replica", Master: m.peer(),
		Bind: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	level(t, m, r)
	r.stop()
	r.start()
	if st := r.status(); st.Role != "Replica" {
		t.Errorf("%s after a restart", st.Role)
	}
	m.put("b", 1)
	level(t, m, r)
	if err := r.node.Configure(ctx, replication.Settings{Role: "master"}); err != nil {
		t.Fatal(err)
	}
	until(t, "writable", r.engine().Writable)
	until(t, "a master of epoch 2", func() bool {
		st := r.status() // shown a moment after writes are taken
		return st.Role == "Master" && st.Epoch == 2
	})
	until(t, "followed", func() bool { return m.status().Role == "Replica" })
	r.put("c", 1)
	level(t, r, m)
}
