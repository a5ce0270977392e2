package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSecret = []byte("a secret that the tests share")

// member is a node with its engine and directory.
type member struct {
	t    testing.TB
	dir  string
	opts Options
	eng  engine.Options
	slot *engine.Slot
	node *Node
	keep Retention
}

// fast are options with short times.
func fast() Options {
	return Options{Secret: testSecret, Heartbeat: 20 * time.Millisecond, PeerTimeout: 2 * time.Second,
		ReconnectMin: 5 * time.Millisecond, ReconnectMax: 50 * time.Millisecond, Bind: "127.0.0.1:0"}
}

// open starts a member; o.Dir may be that of one that was stopped.
func open(t testing.TB, o Options, eng engine.Options) *member {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	m := &member{t: t, dir: o.Dir, opts: o, eng: eng}
	m.start()
	t.Cleanup(m.stop)
	return m
}

// start starts the node and waits until its collections serve.
func (m *member) start() {
	m.t.Helper()
	m.begin()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := m.engine().WaitReady(ctx); err != nil {
		m.t.Fatal(err)
	}
}

// begin starts the node, which loads and follows at once.
func (m *member) begin() {
	m.t.Helper()
	level := zerolog.WarnLevel
	if os.Getenv("REPLICATION_TEST_LOG") != "" {
		level = zerolog.DebugLevel
	}
	log := zerolog.New(zerolog.NewTestWriter(m.t)).Level(level)
	m.eng.Dir, m.eng.Logger, m.eng.MinFreeBytes = m.dir, log, 1
	m.keep = Retention{}
	m.eng.RetainLog = m.keep.Keep
	e, err := engine.Open(context.Background(), m.eng)
	if err != nil {
		m.t.Fatal(err)
	}
	m.slot = engine.NewSlot(e)
	m.opts.Slot, m.opts.Dir, m.opts.Logger = m.slot, m.dir, log
	if m.node, err = Open(context.Background(), m.opts); err != nil {
		m.t.Fatal(errors.Join(err, m.slot.Close()))
	}
	m.keep.Attach(m.node)
}

func (m *member) stop() {
	if m.node == nil {
		return
	}
	err := m.node.Close()
	if err := errors.Join(err, m.slot.Close()); err != nil {
		m.t.Error(err)
	}
	m.node = nil
}

func (m *member) engine() *engine.Engine { return m.slot.Engine() }

func (m *member) id() string { return m.engine().Identity().NodeID }

func (m *member) peer() string { return m.node.address.Load().Peer }

func master(t testing.TB) *member {
	t.Helper()
	o := fast()
	o.Role = replication.Master
	m := open(t, o, engine.Options{})
	m.create("a", 4)
	return m
}

// replicaOf starts a replica that follows address.
func replicaOf(t testing.TB, address string) *member {
	t.Helper()
	o := fast()
	o.Role, o.Master = replication.Replica, address
	return open(t, o, engine.Options{})
}

func (m *member) create(name string, dim int) {
	m.t.Helper()
	_, err := m.engine().CreateCollection(context.Background(),
		engine.CollectionConfig{Name: name, Dimension: dim, Metric: compute.L2})
	if err != nil {
		m.t.Fatal(err)
	}
}

// put writes one row and returns its position.
func (m *member) put(id string, x float32) engine.Position {
	m.t.Helper()
	r, err := m.tryPut(id, x)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func (m *member) tryPut(id string, x float32) (engine.Position, error) {
	r, err := m.engine().Write(context.Background(), engine.Mutation{Collection: "a", Ops: []engine.Op{{
		Kind: engine.OpUpsert, ID: id, Vector: []float32{x, 1, 2, 3},
		Payload: json.RawMessage(fmt.Sprintf(`{"x":%g}`, x))}}})
	if err == nil {
		err = r.Items[0].Err
	}
	return r.Position, err
}

// until polls, with a limit.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not %s in time", what)
		}
	}
}

// level waits until a replica has what the master has, and compares everything.
func level(t testing.TB, m, r *member) {
	t.Helper()
	until(t, "level", func() bool { return r.engine().LogPosition() == m.engine().LogPosition() })
	if a, b := m.sum(), r.sum(); a != b {
		t.Fatalf("the data differs: %s and %s", a, b)
	}
}

// sum is a checksum of everything that reads show.
func (m *member) sum() string {
	m.t.Helper()
	h := sha256.New()
	for _, c := range m.engine().Collections() {
		fmt.Fprintf(h, "%+v\n", c.CollectionConfig)
		cursor := ""
		for {
			page, err := m.engine().Scroll(context.Background(), c.Name, engine.ScrollRequest{
				Limit: 1000, Cursor: cursor, Fields: engine.Fields{Vector: true, Payload: true}})
			if err != nil {
				m.t.Fatal(err)
			}
			for _, r := range page.Records {
				fmt.Fprintf(h, "%s %v %s %d\n", r.ID, r.Vector, r.Payload, r.Offset)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func (m *member) status() replication.Status { return m.node.Status() }

// seen is how the master sees a replica.
func seen(m, r *member) *replication.ReplicaStatus {
	st := m.status()
	for i := range st.Replicas {
		if st.Replicas[i].ID == r.id() {
			return &st.Replicas[i]
		}
	}
	return nil
}

func notMaster(err error) bool { return errors.Is(err, errs.Of(errs.NotMaster)) }
