package httpapi

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

// scripted is a Replication that answers what a test says.
type scripted struct {
	status  replication.Status
	confirm error
	asked   int
	offset  uint64
}

func (s *scripted) Status() replication.Status { return s.status }

func (s *scripted) Configure(context.Context, replication.Settings) error { return nil }

func (s *scripted) Failover(_ context.Context, replica string, _ uint64, _ bool) (replication.Report, error) {
	return replication.Report{Promoted: replica, Epoch: 2, MasterOffset: 9, ReplicaOffset: 9}, nil
}

func (s *scripted) Resync(context.Context) error { return nil }

func (s *scripted) Forget(context.Context, string) error { return nil }

func (s *scripted) Confirm(_ context.Context, offset uint64, replicas int) error {
	s.offset, s.asked = offset, replicas
	return s.confirm
}

// master is the status of a master with two replicas, one of them away.
func masterStatus() replication.Status {
	now, lag, n := time.Now().UTC(), 1.5, 1
	behind := uint64(3)
	return replication.Status{Role: "Master", Enabled: true, Writable: true, NodeID: "m", HistoryID: "h",
		Branch: "h", Epoch: 1, Kept: []replication.Kept{},
		Stats: &replication.Stats{Role: "Master", LagMS: &lag, LastSync: &now,
			ConnectedReplicas: &n, LagOperations: &behind, MasterOffset: 9,
			FullSyncs: map[string]uint64{"empty": 1}},
		Replicas: []replication.ReplicaStatus{
			{ID: "a", ReplicaID: "a", Status: replication.Healthy, LagMS: &lag, LastHeartbeat: &now, Since: now},
			{ID: "b", ReplicaID: "b", Status: replication.Disconnected, LagMS: &lag, LastHeartbeat: &now,
				Since: now, Lag: 3, LagOperations: 3}}}
}

func TestReplicationRoutesOfAStandalone(t *testing.T) {
	e := start(t, nil)
	m := e.send("GET", "/replication/status", nil).ok()
	if m["role"] != "Standalone" || m["enabled"] != false || m["stats"] != nil || m["replicas"] != nil {
		t.Errorf("%v", m)
	}
	for _, path := range []string{"/replication/stats", "/api/v1/replication/replicas"} {
		if text := e.send("GET", path, nil).fails(400, "bad_request"); text != "Replication not enabled" {
			t.Errorf("%s: %s", path, text)
		}
	}
	e.send("POST", "/cluster/failover", `{"replica_id":"x"}`).fails(400, "bad_request")
	e.send("POST", "/replication/configure", `{"role":"master"}`).fails(400, "bad_request")
	e.send("POST", "/replication/configure", `{"rol":"master"}`).fails(400, "validation_error")
}

// Defect: wrong-metrics.
func TestReplicationMetrics(t *testing.T) {
	r := &scripted{status: masterStatus()}
	e := start(t, func(o *Options) { o.Replication = r })
	text := string(e.send("GET", "/metrics", nil).body)
	for _, want := range []string{
		`vectorizer_replication_replica_lag_ms{replica_id="a"} 1.5`,
		`vectorizer_replication_replica_status{replica_id="b",status="Disconnected"} 1`,
		`vectorizer_replication_full_syncs_total{reason="empty"} 1`,
		`vectorizer_replication_full_syncs_total{reason="ahead"} 0`,
		`vectorizer_replication_connected_replicas 1`,
		`vectorizer_replication_role{role="master"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestWriteConcern: a concern is waited for and never degrades; without
// replication it is refused before anything is written.
// Defect: all-of-nobody.
func TestWriteConcern(t *testing.T) {
	r := &scripted{status: masterStatus()}
	e := start(t, func(o *Options) { o.Replication = r })
	e.collection("c", 2, "dot")
	const row = `{"vectors":[{"id":"a","vector":[1,2]}]}`
	reply := e.send("POST", "/collections/c/vectors?write_concern=2&write_timeout_ms=50", row)
	reply.ok()
	position := reply.header.Get("X-Vectorizer-Position")
	if r.asked != 2 || position != "1:"+uitoa(r.offset) {
		t.Errorf("asked for %d at %d, position %s", r.asked, r.offset, position)
	}
	e.send("POST", "/collections/c/vectors?write_concern=all", row).ok()
	if r.asked != replication.ConcernAll {
		t.Errorf("asked for %d", r.asked)
	}
	r.confirm = errs.New(errs.Unreplicated, "not in time").With("outcome", "unknown")
	e.send("DELETE", "/collections/c/vectors/a", nil, "X-Write-Concern", "all").fails(504, "not_replicated")
	for _, bad := range []string{"some", "-1", "1.5", "1001"} {
		e.send("POST", "/collections/c/vectors?write_concern="+bad, row).fails(400, "validation_error")
	}
	alone := start(t, nil)
	alone.collection("c", 2, "dot")
	alone.send("POST", "/collections/c/vectors?write_concern=1", row).fails(400, "bad_request")
	if n := alone.send("GET", "/collections/c/count", nil).ok()["count"]; n != float64(0) {
		t.Errorf("%v rows were written", n)
	}
}

// TestWriteConcernOfACollection: writes wait for what the collection says, unless
// the request says something else; where nobody can confirm, nothing is written.
// Defect: all-of-nobody.
func TestWriteConcernOfACollection(t *testing.T) {
	r := &scripted{status: masterStatus()}
	e := start(t, func(o *Options) { o.Replication = r })
	const row = `{"vectors":[{"id":"a","vector":[1,2]}]}`
	asks := func(want int, method, path, body string, header ...string) {
		t.Helper()
		r.asked = 0
		e.send(method, path, body, header...).ok()
		if r.asked != want {
			t.Errorf("%s %s asked for %d replicas, want %d", method, path, r.asked, want)
		}
	}
	asks(2, "POST", "/collections", `{"name":"c","dimension":2,"metric":"dot","write_concern":2}`)
	asks(2, "POST", "/collections/c/vectors", row)
	asks(2, "POST", "/insert_vectors", `{"collection":"c","vectors":[{"id":"b","vector":[1,2]}]}`)
	asks(1, "POST", "/collections/c/vectors?write_concern=1", row)
	asks(0, "POST", "/collections/c/vectors?write_concern=0", row)
	asks(0, "POST", "/collections/c/vectors", row, "X-Write-Concern", "0")
	asks(replication.ConcernAll, "POST", "/collections/c/vectors?write_concern=all", row)
	asks(2, "PUT", "/collections/c", `{"write_concern":"all"}`)
	asks(replication.ConcernAll, "DELETE", "/collections/c/vectors/a", "")
	info := e.send("GET", "/collections/c", nil).ok()["indexing_status"].(map[string]any)
	if info["write_concern"] != "all" {
		t.Errorf("%v", info)
	}
	asks(0, "POST", "/collections/c/search", `{"vector":[1,2]}`)

	r.confirm = errs.New(errs.Unreplicated, "not in time").With("outcome", "unknown")
	e.send("POST", "/collections/c/vectors", row).fails(504, "not_replicated")
	asks(0, "PUT", "/collections/c?write_concern=0", `{"write_concern":0}`)
	asks(0, "POST", "/collections/c/vectors", row)
	for _, bad := range []string{`"some"`, "-1", "1.5", "1001", "true", "[]"} {
		e.send("PUT", "/collections/c", `{"write_concern":`+bad+`}`).fails(400, "validation_error")
	}

	alone := start(t, nil)
	alone.send("POST", "/collections", `{"name":"c","dimension":2,"write_concern":1}`).fails(400, "bad_request")
	alone.send("POST", "/collections?write_concern=0", `{"name":"c","dimension":2,"write_concern":1}`).ok()
	why := alone.send("POST", "/collections/c/vectors", row).fails(400, "bad_request")
	if !strings.Contains(why, "collection c waits for replicas") {
		t.Error(why)
	}
	if n := alone.send("GET", "/collections/c/count", nil).ok()["count"]; n != float64(0) {
		t.Errorf("%v rows were written", n)
	}
	alone.send("POST", "/collections/c/vectors?write_concern=0", row).ok()
}

func uitoa(n uint64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return uitoa(n/10) + uitoa(n%10)
}

func TestMinOffset(t *testing.T) {
	e := start(t, nil)
	e.collection("c", 2, "dot")
	r := e.send("POST", "/collections/c/vectors", `{"vectors":[{"id":"a","vector":[1,2]}]}`)
	r.ok()
	_, offset, _ := strings.Cut(r.header.Get("X-Vectorizer-Position"), ":")
	e.send("GET", "/collections/c/vectors/a?min_offset="+offset, nil).ok()
	e.send("POST", "/collections/c/search?min_offset=x", `{"vector":[1,2]}`).fails(400, "validation_error")
	late := start(t, func(o *Options) { o.Limits.RequestTimeout = 30 * time.Millisecond })
	late.collection("c", 2, "dot")
	late.send("GET", "/collections/c/count", nil, "X-Min-Offset", "1000").fails(504, "timeout")
}

// TestReplicaRefusesWrites: every write route of a replica answers with the
// master's address, every read route still answers.
// Defect: writes-at-replicas.
func TestReplicaRefusesWrites(t *testing.T) {
	e := start(t, nil)
	fill(e)
	why := errs.New(errs.NotMaster, "send it to http://m").With("master", "http://m")
	e.engine.RefuseWrites(why)
	d := fetchDocument(e)
	validate := d.validator(t)
	refused := 0
	for path, item := range d.Paths {
		for method, op := range item {
			r := routeOf(e, strings.ToUpper(method), path)
			for _, form := range requestForms(t, &op, validate) {
				got := e.send(strings.ToUpper(method), concrete(path), form.body, "Content-Type", form.kind)
				switch {
				case r.kind == writes && op.ID != "cleanupCollections":
					if form.body == nil && op.RequestBody != nil || form.kind == "application/octet-stream" {
						continue // refused for another reason, or item by item
					}
					refused++
					if m := got.fails(421, "not_master"); !strings.Contains(m, "http://m") {
						t.Errorf("%s: %s", op.ID, m)
					}
				case r.kind == reads && got.status != 200:
					t.Errorf("%s: %d %s", op.ID, got.status, got.body)
				}
			}
		}
	}
	if refused < 15 {
		t.Errorf("only %d writes were tried", refused)
	}
}

// TestEveryWriteIsLogged sends every documented write, in every form: one that
// changed something is an entry of the log, from which replicas have it.
// Defect: writes-not-replicated.
func TestEveryWriteIsLogged(t *testing.T) {
	e := start(t, nil)
	d := fetchDocument(e)
	validate := d.validator(t)
	logged := 0
	for path, item := range d.Paths {
		for method, op := range item {
			if routeOf(e, strings.ToUpper(method), path).kind != writes {
				continue
			}
			for _, form := range requestForms(t, &op, validate) {
				reset(e)
				before := e.engine.Position().Offset
				got := e.send(strings.ToUpper(method), concrete(path), form.body, "Content-Type", form.kind)
				after := e.engine.Position()
				position := strconv.FormatUint(after.Epoch, 10) + ":" + strconv.FormatUint(after.Offset, 10)
				if got.status != 200 || got.header.Get("X-Vectorizer-Position") != position {
					t.Errorf("%s: %d, position %s of %s", op.ID, got.status, got.header.Get("X-Vectorizer-Position"),
						position)
				}
				if after.Offset == before {
					t.Errorf("%s changed something that is not in the log", op.ID)
				}
				logged++
			}
		}
	}
	if logged < 25 {
		t.Errorf("only %d writes were tried", logged)
	}
}

func routeOf(e *env, method, path string) *route {
	for i := range e.server.table {
		if r := &e.server.table[i]; r.Method == method && r.Path == path {
			return r
		}
	}
	e.t.Fatalf("no route %s %s", method, path)
	return nil
}

// TestDashboardsUseMetricsThatExist: dashboard and rules name nothing else.
// Defect: wrong-metrics.
func TestDashboardsUseMetricsThatExist(t *testing.T) {
	r := &scripted{status: masterStatus()}
	e := start(t, func(o *Options) { o.Replication = r })
	text := string(e.send("GET", "/metrics", nil).body)
	name := regexp.MustCompile(`vectorizer_[a-z_]+`)
	for _, file := range []string{"grafana.json", "alerts.yml"} {
		b, err := os.ReadFile("../docs/monitoring/" + file)
		if err != nil {
			t.Fatal(err)
		}
		names := name.FindAllString(string(b), -1)
		if len(names) < 8 {
			t.Errorf("%s names %d metrics", file, len(names))
		}
		for _, n := range names {
			if !strings.Contains(text, "# TYPE "+n+" ") {
				t.Errorf("%s: no metric %s", file, n)
			}
		}
	}
}
