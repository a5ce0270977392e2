package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

// TestReplicaFollows is the scenario of a master and a replica: what is written on
// the one is read on the other, deletions and drops too, and writes at the replica
// are refused by name. (Original: most writes never reached a replica.)
// Defect: writes-not-replicated.
func TestReplicaFollows(t *testing.T) {
	m := master(t)
	for i := range 100 {
		m.put(fmt.Sprint(i), float32(i))
	}
	r := replicaOf(t, m.peer())
	level(t, m, r)
	for i := range 50 {
		m.put(fmt.Sprint(i), float32(-i))
	}
	_, err := m.engine().Write(context.Background(), engine.Mutation{Collection: "a",
		Ops: []engine.Op{{Kind: engine.OpDelete, ID: "7"}}})
	if err != nil {
		t.Fatal(err)
	}
	m.create("b", 2)
	level(t, m, r)
	if err := m.engine().DeleteCollection(context.Background(), "b"); err != nil {
		t.Fatal(err)
	}
	level(t, m, r)
	if _, err := r.tryPut("x", 1); !notMaster(err) {
		t.Errorf("write at a replica: %v", err)
	}
	if st := r.status(); st.Stats.FullSyncs[replication.ReasonEmpty] != 1 || st.Writable {
		t.Errorf("%+v", st.Stats)
	}
}

// TestReplicaContinues: a replica that was away gets what it missed, not a full
// copy, whether it, the master or the connection was gone. (Original: the offset
// was in memory only; a restart was a full sync, or an empty partial one.)
// Defect: offset-in-memory.
func TestReplicaContinues(t *testing.T) {
	m := master(t)
	p := newProxy(t, m.peer())
	r := replicaOf(t, p.Addr())
	m.put("a", 1)
	level(t, m, r)
	p.Cut()
	m.put("b", 2)
	level(t, m, r)
	r.stop()
	m.put("c", 3)
	r.start()
	level(t, m, r)

	address := m.peer()
	m.stop()
	m.opts.Bind = address
	m.start()
	until(t, "writable", m.engine().Writable) // it asks its replicas first
	m.put("d", 4)
	level(t, m, r)
	st := m.status()
	if st.Stats.PartialSyncs < 3 || len(st.Stats.FullSyncs) != 1 {
		t.Errorf("partial %d, full %v", st.Stats.PartialSyncs, st.Stats.FullSyncs)
	}
	if st := r.status(); st.Stats.FullSyncs[replication.ReasonEmpty] != 1 || len(st.Stats.FullSyncs) != 1 {
		t.Errorf("the replica fetched copies: %v", st.Stats.FullSyncs)
	}
}

// TestFullCopyReplaces: what the replica had and the master has not goes, every
// setting comes, readers see the old state until then, and the index is not built
// again. (Original: collections stayed, settings were lost, apply was not atomic.)
// Defect: full-sync-merges.
func TestFullCopyReplaces(t *testing.T) {
	m := master(t)
	for i := range 600 {
		m.put(fmt.Sprint(i), float32(i))
	}
	ef := 99
	_, err := m.engine().UpdateCollection(context.Background(), "a", engine.CollectionPatch{EfSearch: &ef})
	if err != nil {
		t.Fatal(err)
	}
	o := fast()
	r := open(t, o, engine.Options{}) // standalone at first
	r.create("mine", 3)
	r.stop()
	r.opts.Role, r.opts.Master = replication.Replica, m.peer()
	r.start()
	level(t, m, r)
	infos := r.engine().Collections()
	if len(infos) != 1 || infos[0].HNSW.EfSearch != 99 || infos[0].Rebuilt != "" {
		t.Errorf("%+v", infos)
	}
	if got := r.status().Stats.FullSyncs; got[replication.ReasonHistory] != 1 {
		t.Errorf("%v", got)
	}
	r.stop()
	r.start()
	m.put("later", 1)
	level(t, m, r)
	if n := len(r.status().Stats.FullSyncs); n != 1 {
		t.Error("a restart after a copy needs another one")
	}
}

// TestCopyResumes: a connection that is reset in the middle of a full copy, again
// and again, goes on where it was, and the live stream is spooled meanwhile.
// Defect: unbounded-frames.
func TestCopyResumes(t *testing.T) {
	m := master(t)
	fill(t, m, 4000, 256)
	p := newProxy(t, m.peer())
	p.ResetAt.Store(1 << 20)
	r := replicaOf(t, p.Addr())
	for i := range 3 {
		until(t, "reset", func() bool { return p.ResetAt.Load() == 0 })
		m.put(fmt.Sprint("live", i), 1)
		p.ResetAt.Store(700_000 << i)
	}
	p.ResetAt.Store(0)
	level(t, m, r)
}

// fill writes rows of dim random-like components to a collection of their own.
func fill(t testing.TB, m *member, rows, dim int) {
	t.Helper()
	m.create("big", dim)
	for at := 0; at < rows; at += 500 {
		var ops []engine.Op
		for i := at; i < min(rows, at+500); i++ {
			v := make([]float32, dim)
			for j := range v {
				v[j] = float32((i*7919+j*104729)%1000) / 1000
			}
			ops = append(ops, engine.Op{Kind: engine.OpUpsert, ID: fmt.Sprint(i), Vector: v})
		}
		if _, err := m.engine().Write(context.Background(), engine.Mutation{Collection: "big", Ops: ops}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrimmedLogMeansFullCopy: a replica that is away for longer than the log is
// kept gets a full copy, and the reason is counted. (Original: from above or below
// the log it got an empty partial sync and was taken for current.)
// Defect: log-not-durable.
func TestTrimmedLogMeansFullCopy(t *testing.T) {
	o := fast()
	o.Role, o.LogEntries = replication.Master, 10
	m := open(t, o, engine.Options{ImageMinRows: 100})
	m.create("a", 4)
	r := replicaOf(t, m.peer())
	m.put("x", 1)
	level(t, m, r)
	r.stop()
	for i := range 1500 {
		m.put(fmt.Sprint(i%300), float32(i))
	}
	until(t, "trimmed", func() bool {
		m.put("y", 1)
		return m.engine().LogFirst() > 100
	})
	r.start()
	level(t, m, r)
	if got := m.status().Stats.FullSyncs; got[replication.ReasonTrimmed] != 1 {
		t.Errorf("%v", got)
	}
}

// TestEmptyMasterWipesNobody: a master that lost its disk does not take its
// replicas' data with it.
// Defects: no-history, empty-directory.
func TestEmptyMasterWipesNobody(t *testing.T) {
	m := master(t)
	r := replicaOf(t, m.peer())
	m.put("a", 1)
	level(t, m, r)
	address := m.peer()
	m.stop()
	o := fast()
	o.Role, o.Bind = replication.Master, address
	open(t, o, engine.Options{}) // the same address, an empty directory
	until(t, "refused", func() bool { return r.node.stats.emptied.Load() > 0 })
	if n, err := r.engine().Count(context.Background(), "a", nil); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestStrangersGetNothing: without the secret a peer gets a nonce and no more, and
// one that says nothing is hung up. (Original: the port was open, a stranger could
// pull everything or fake confirmations.)
// Defect: open-port.
func TestStrangersGetNothing(t *testing.T) {
	m := master(t)
	o := fast()
	o.Role, o.Master, o.Secret = replication.Replica, m.peer(), []byte("another secret of some length")
	r := open(t, o, engine.Options{})
	until(t, "refused", func() bool { return m.status().Stats.Rejected["unauth"] > 0 })
	if r.engine().LogPosition().Offset != 0 {
		t.Error("it got something")
	}
	nc, err := net.Dial("tcp", m.peer())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := nc.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(nc) // it ends because the node hangs up
	if len(got) > 64 {
		t.Errorf("a stranger got %d bytes", len(got))
	}
	until(t, "counted", func() bool { return m.status().Stats.Rejected["bad_magic"] > 0 })
}

func TestNoSecretNoReplication(t *testing.T) {
	for _, o := range []Options{
		{Role: replication.Master, Bind: "127.0.0.1:0"},
		{Role: replication.Replica, Master: "127.0.0.1:1"},
		{Role: replication.Master, Secret: testSecret},
		{Role: replication.Replica, Secret: testSecret},
		{Role: replication.Master, Bind: "127.0.0.1:0", TLSServer: &tls.Config{}},
	} {
		if _, err := Open(context.Background(), o); errs.KindOf(err) != errs.Configuration {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestHalfOpenIsFound: a peer that is silent is given up on both sides. (Original:
// no time-outs, half-open connections hung for ever.)
// Defects: no-timeouts, invented-statistics.
func TestHalfOpenIsFound(t *testing.T) {
	o := fast()
	o.Role, o.PeerTimeout = replication.Master, 300*time.Millisecond
	m := open(t, o, engine.Options{})
	m.create("a", 4)
	p := newProxy(t, m.peer())
	o = fast()
	o.Role, o.Master, o.PeerTimeout = replication.Replica, p.Addr(), 300*time.Millisecond
	r := open(t, o, engine.Options{})
	m.put("a", 1)
	level(t, m, r)
	p.Stall.Store(true)
	m.put("b", 2)
	until(t, "seen as gone", func() bool { return seen(m, r).Status == replication.Disconnected })
	lag := *seen(m, r).LagMS
	before := *r.status().Stats.LastSync
	until(t, "growing", func() bool { return *seen(m, r).LagMS > lag+50 && *r.status().Stats.LagMS > 50 })
	if !r.status().Stats.LastSync.Equal(before) {
		t.Error("last_sync moves while the replica is cut off")
	}
	p.Stall.Store(false)
	p.Cut()
	level(t, m, r)
}

// TestSlowLink: one that takes few bytes a second delays, and costs nothing else.
// Defect: unbounded-queues.
func TestSlowLink(t *testing.T) {
	m := master(t)
	p := newProxy(t, m.peer())
	r := replicaOf(t, p.Addr())
	fastOne := replicaOf(t, m.peer())
	m.put("a", 1)
	level(t, m, r)
	p.Rate.Store(20_000)
	for i := range 200 {
		m.put(fmt.Sprint(i), float32(i))
	}
	level(t, m, fastOne)
	if seen(m, r).Lag == 0 {
		t.Error("the slow one is as far as the fast one")
	}
	p.Rate.Store(0)
	level(t, m, r)
}

// TestResyncOnOrder: an operator can have a replica fetch a full copy.
// Defect: routes-without-effect.
func TestResyncOnOrder(t *testing.T) {
	m := master(t)
	r := replicaOf(t, m.peer())
	m.put("a", 1)
	level(t, m, r)
	if err := r.node.Resync(context.Background()); err != nil {
		t.Fatal(err)
	}
	until(t, "copied", func() bool { return r.status().Stats.FullSyncs[replication.ReasonOrder] >= 1 })
	m.put("b", 1)
	level(t, m, r)
	if err := m.node.Resync(context.Background()); errs.KindOf(err) != errs.BadRequest {
		t.Errorf("%v", err)
	}
}
