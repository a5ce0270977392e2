package crashtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/netfault"
)

// shortTimes are settings under which a dead peer is found quickly.
var shortTimes = []string{
	"REPLICATION_SECRET=a secret that the tests share", "REPLICATION_HEARTBEAT_INTERVAL=100ms",
	"REPLICATION_REPLICA_TIMEOUT=2s", "REPLICATION_RECONNECT_INTERVAL=10ms",
}

// member is a process of a replicated set. It keeps its directory and ports over
// restarts.
type member struct {
	*server
	t    *testing.T
	dir  string
	args []string
	env  []string
	peer string // replication address
	api  string // host:port of the HTTP server
	http *caller
}

// startMember starts a process and waits until it answers.
func startMember(t *testing.T, role string, follow string, env ...string) *member {
	t.Helper()
	m := &member{t: t, dir: filepath.Join(t.TempDir(), "data"), peer: "127.0.0.1:0", api: "127.0.0.1:0",
		env: append(append([]string{}, shortTimes...), env...)}
	m.args = []string{"--replication-role", role}
	if follow != "" {
		m.args = append(m.args, "--replication-master-address", follow)
	}
	m.start()
	return m
}

func startMaster(t *testing.T, env ...string) *member {
	t.Helper()
	m := startMember(t, "master", "", env...)
	m.awaitWritable()
	return m
}

// start starts the process, again on the ports that it had.
func (m *member) start() {
	m.t.Helper()
	host, port, _ := strings.Cut(m.api, ":")
	args := append([]string{"serve", "--host", host, "--port", port, "--data-dir", m.dir, "--backend", "cpu",
		"--replication-bind-address", m.peer}, m.args...)
	m.server = startCmd(m.t, exec.Command(binary, args...), m.env...)
	m.listening()
	if m.http != nil {
		m.http.close()
	}
	m.http = newCaller(m.url)
	m.t.Cleanup(m.http.close)
	m.api = strings.TrimPrefix(m.url, "http://")
	m.until("reachable", func() bool {
		st, ok := m.tryStatus()
		if ok {
			m.peer = st.Address.Peer
		}
		return ok
	})
}

func (m *member) tryStatus() (st replication.Status, ok bool) {
	code, err := m.http.try("GET", "/replication/status", nil, &st)
	return st, err == nil && code == 200
}

func (m *member) status() replication.Status {
	m.t.Helper()
	st, ok := m.tryStatus()
	if !ok {
		m.t.Fatalf("no status\n%s", m.stderr.String())
	}
	return st
}

func (m *member) awaitWritable() {
	m.t.Helper()
	m.until("a master that takes writes", func() bool {
		st, ok := m.tryStatus()
		return ok && st.Role == "Master" && st.Writable
	})
}

// awaitLevel waits until r holds what m holds: history, offset and checksum.
func awaitLevel(t *testing.T, m, r *member) {
	t.Helper()
	r.until("level with the master", func() bool {
		a, ok := m.tryStatus()
		b, ok2 := r.tryStatus()
		return ok && ok2 && a.Position == b.Position && a.HistoryID == b.HistoryID
	})
}

// awaitInSync waits until r may take over.
func (m *member) awaitInSync() {
	m.t.Helper()
	m.until("in sync", func() bool {
		st, ok := m.tryStatus()
		return ok && st.Stats != nil && st.Stats.InSync != nil && *st.Stats.InSync
	})
}

// seenBy is how a master sees m.
func (m *member) seenBy(master *member) replication.ReplicaStatus {
	id := m.status().NodeID
	for _, r := range master.status().Replicas {
		if r.ID == id {
			return r
		}
	}
	return replication.ReplicaStatus{}
}

// put writes one row; 200 is required.
func (m *member) put(id string, version int, query string) {
	m.t.Helper()
	m.http.ask(m.t, "POST", "/api/v1/collections/c/vectors"+query, row(id, version), nil)
}

func row(id string, version int) object {
	return object{"vectors": []object{{"id": id, "vector": vectorOf(id, version), "payload": payloadOf(id, version)}}}
}

// has compares one row on m.
func (m *member) has(id string, version int) {
	m.t.Helper()
	var got record
	m.http.ask(m.t, "GET", "/api/v1/collections/c/vectors/"+escape(id), nil, &got)
	if !got.is(id, state{version, version}) {
		m.t.Errorf("%s: %+v, want version %d", id, got, version)
	}
}

func (m *member) createC() {
	m.t.Helper()
	m.http.ask(m.t, "POST", "/api/v1/collections",
		object{"name": "c", "dimension": dimension, "metric": "euclidean"}, nil)
}

// sameContent compares everything in a collection on two nodes, through the index too.
func sameContent(t *testing.T, a, b *member, coll string) int {
	t.Helper()
	x, y := scroll(t, a.http, coll), scroll(t, b.http, coll)
	if len(x) != len(y) {
		t.Errorf("%s: %d and %d records", coll, len(x), len(y))
	}
	for id, r := range x {
		if fmt.Sprint(r) != fmt.Sprint(y[id]) {
			t.Errorf("%s: %s is %v and %v", coll, id, r, y[id])
			break
		}
	}
	var n, n2 struct{ Count int }
	a.http.ask(t, "GET", "/api/v1/collections/"+coll+"/count", nil, &n)
	b.http.ask(t, "GET", "/api/v1/collections/"+coll+"/count", nil, &n2)
	if n != n2 || n.Count != len(x) {
		t.Errorf("%s: counts %d and %d of %d records", coll, n.Count, n2.Count, len(x))
	}
	return len(x)
}

// between puts a proxy in front of a master.
func between(t *testing.T, target string) *netfault.Proxy {
	t.Helper()
	p, err := netfault.New(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// failover orders a change of masters and returns the report.
func (m *member) failover(body object) object {
	m.t.Helper()
	var out object
	m.http.ask(m.t, "POST", "/cluster/failover", body, &out)
	return out
}

// terminate ends the process in order.
func (m *member) terminate() {
	m.t.Helper()
	if err := m.cmd.Process.Signal(os.Interrupt); err != nil {
		m.t.Fatal(err)
	}
	m.wait()
}
