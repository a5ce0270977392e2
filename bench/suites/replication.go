package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/replication"
)

const (
	idleToApplied    = 2.0                  // ms, 99th percentile
	idleGap          = 5 * time.Millisecond // between two writes
	levelPause       = time.Millisecond     // between two questions
	replicationLimit = 5 * time.Minute      // for a replica to catch up
)

// writerCounts are the numbers of clients that write.
var writerCounts = []int{1, 32}

// replicaSecret is shared by the nodes of a measurement.
const replicaSecret = "a secret for one measurement"

// runReplication measures what a replica costs its master's clients, how soon it
// has a write, how fast it applies, and what statistics cost. All nodes are
// processes of their own on this machine, so a replica's work competes with the
// master's for the same processors and the same disk.
func runReplication(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["fsync"] = "always"
	for _, part := range []func(context.Context, *Env, *result.Run) error{
		replicatedRates, replicatedLatency, applyRate, statsCost,
	} {
		if err := part(ctx, e, r); err != nil {
			return err
		}
	}
	r.Notes = append(r.Notes, "All nodes share the disk of one machine. A replica links every row into its graph as "+
		"the master does: where all share the processors too, and they are the limit, its work is missing at the "+
		"master. What replication costs the master itself shows where the replica has a processor of its own.")
	e.sayFigures(r)
	return nil
}

// pair is a master, and a replica unless it is nil.
type pair struct {
	e               *Env
	dir             string
	remove          func()
	at              placement
	master, replica *server
	peer            string // the master's replication address
	next            int    // number of the next id
}

// startPair starts a master, or with role standalone a node alone, and creates
// the collection of the suites on it.
func startPair(ctx context.Context, e *Env, at placement, role string, more ...string) (*pair, error) {
	p := &pair{e: e, at: at}
	var err error
	if p.dir, p.remove, err = e.tempDir(); err != nil {
		return nil, err
	}
	args := []string{"--replication-role", role}
	if role == "master" {
		args = append(args, "--replication-secret", replicaSecret, "--replication-bind-address", "127.0.0.1:0",
			"--replication-heartbeat-interval", "1s")
	}
	onCPUs(at.rest, func() {
		p.master, err = startServer(ctx, e.with(append(args, more...)...), p.dir+"/master")
	})
	if err != nil {
		p.remove()
		return nil, err
	}
	if role != "master" {
		return p, nil
	}
	st, err := p.status(ctx, p.master)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.peer = st.Address.Peer
	return p, nil
}

// with is e whose servers get more arguments.
func (e *Env) with(args ...string) *Env {
	out := *e
	out.Server = append(e.Server[:len(e.Server):len(e.Server)], args...)
	return &out
}

// follow starts the replica, with its data of before if it had any.
func (p *pair) follow(ctx context.Context, more ...string) (err error) {
	args := append([]string{"--replication-role", "replica", "--replication-secret", replicaSecret,
		"--replication-master-address", p.peer, "--replication-reconnect-interval", "10ms"}, more...)
	onCPUs(p.at.replica, func() {
		p.replica, err = startServer(ctx, p.e.with(args...), p.dir+"/replica")
	})
	return err
}

// unfollow stops the replica.
func (p *pair) unfollow() error {
	s := p.replica
	p.replica = nil
	return s.stop()
}

func (p *pair) stop() error {
	var err error
	if p.replica != nil {
		err = p.unfollow()
	}
	err = errors.Join(err, p.master.stop())
	p.remove()
	return err
}

// status is what a node says of its replication.
func (p *pair) status(ctx context.Context, s *server) (replication.Status, error) {
	var st replication.Status
	err := s.Do(ctx, "GET", "/replication/status", nil, &st)
	return st, err
}

// level waits until the replica has what the master has, and both have linked it.
func (p *pair) level(ctx context.Context) error {
	if err := p.caughtUp(ctx, nil); err != nil {
		return err
	}
	return errors.Join(p.master.WaitIndexed(ctx, collection, nil), p.replica.WaitIndexed(ctx, collection, nil))
}

// caughtUp waits until the replica's position is the master's. see gets every
// position on the way.
func (p *pair) caughtUp(ctx context.Context, see func(replication.Position)) error {
	m, err := p.status(ctx, p.master)
	if err != nil {
		return err
	}
	for begin := time.Now(); time.Since(begin) < replicationLimit; {
		st, err := p.status(ctx, p.replica)
		if err != nil {
			return err
		}
		if see != nil {
			see(st.Position)
		}
		if st.Position == m.Position {
			return nil
		}
		if err := pauseFor(ctx, levelPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("the replica did not catch up within %v", replicationLimit)
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// replicatedLatency writes single rows, one after the other with pauses, and
// measures from the master's answer until a read at the replica shows the write.
func replicatedLatency(ctx context.Context, e *Env, r *result.Run) (err error) {
	p, err := startPair(ctx, e, placement{}, "master")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := p.follow(ctx); err != nil {
		return err
	}
	if err := createFor(ctx, p.master.Client, e, e.Set); err != nil {
		return err
	}
	if err := p.level(ctx); err != nil {
		return err
	}
	t := &prober{p: p, web: &http.Client{Timeout: time.Minute}}
	defer t.web.CloseIdleConnections()
	var all measure.Histogram
	var p99 []float64
	for range e.Repeat {
		var h measure.Histogram
		for begin := time.Now(); time.Since(begin).Seconds() < e.Seconds || h.Count() < 20; {
			took, err := t.once(ctx)
			if err != nil {
				return err
			}
			h.Add(took)
			if err := pauseFor(ctx, idleGap); err != nil {
				return err
			}
		}
		all.Merge(&h)
		p99 = append(p99, h.Quantile(0.99).Seconds()*1e3)
	}
	r.Latencies = append(r.Latencies, result.LatencyOf("from the master's answer to the replica's", &all))
	r.Add(result.Figure{Name: "idle to applied: from the master's answer to the replica's, median", Unit: "ms",
		Better: result.Lower, Value: all.Quantile(0.5).Seconds() * 1e3})
	r.Add(result.Figure{Name: "idle to applied: from the master's answer to the replica's, p99", Unit: "ms",
		Better: result.Lower, Note: "the replica's fsync and the read over HTTP are in it",
		Target: &result.Target{Value: idleToApplied, From: "bound on an idle replica's delay"}}, p99...)
	return nil
}

// prober writes at a master and reads at its replica.
type prober struct {
	p   *pair
	web *http.Client
}

// once writes a row, reads it at the replica, and returns the time between the
// two answers.
func (t *prober) once(ctx context.Context) (time.Duration, error) {
	set := t.p.e.Set
	row := rowio.Row{ID: rowio.RowID(int64(t.p.next)), Vector: set.Row(t.p.next % set.Rows())}
	t.p.next++
	body, err := wire.Upsert(nil, wire.Base64, collection, []rowio.Row{row})
	if err != nil {
		return 0, err
	}
	position, err := t.do(ctx, "POST", t.p.master, "/vectors", "", string(body))
	if err != nil {
		return 0, err
	}
	written := time.Now()
	_, offset, _ := strings.Cut(position, ":")
	_, err = t.do(ctx, "GET", t.p.replica, "/vectors/"+row.ID, offset, "")
	return time.Since(written), err
}

// do sends one request and returns the position in its answer.
func (t *prober) do(ctx context.Context, method string, at *server, path, minOffset, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+at.Addr()+wire.CollectionPath(collection, path),
		strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", wire.Base64.ContentType())
	}
	if minOffset != "" {
		req.Header.Set("X-Min-Offset", minOffset)
	}
	res, err := t.web.Do(req)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: status %d: %.300s", method, path, res.StatusCode, text)
	}
	return res.Header.Get("X-Vectorizer-Position"), nil
}

// applyRate lets a master run ahead of a replica that is away, and compares the
// rate at which it committed with the rate at which the replica catches up.
func applyRate(ctx context.Context, e *Env, r *result.Run) (err error) {
	p, err := startPair(ctx, e, placement{}, "master")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := createFor(ctx, p.master.Client, e, e.Set); err != nil {
		return err
	}
	if err := p.follow(ctx); err != nil {
		return err
	}
	if err := p.level(ctx); err != nil {
		return err
	}
	var commits, applies, share []float64
	for range e.Repeat {
		if err := p.unfollow(); err != nil {
			return err
		}
		res, err := upserts(ctx, e, p.master.Client, writerCounts[1], &p.next)
		if err != nil {
			return err
		}
		applied, err := p.catchUp(ctx, res.Sent)
		if err != nil {
			return err
		}
		commits, applies = append(commits, res.QPS()), append(applies, applied)
		share = append(share, applied/res.QPS())
		e.say("  the master commits %s, the replica applies %s", result.Number(res.QPS(), "upserts/s"),
			result.Number(applied, "upserts/s"))
	}
	r.Add(result.Figure{Name: "rows per second: a master commits, 32 clients", Unit: "upserts/s",
		Better: result.Higher}, commits...)
	r.Add(result.Figure{Name: "rows per second: a replica catches up", Unit: "upserts/s", Better: result.Higher},
		applies...)
	r.Add(result.Figure{Name: "apply rate against commit rate", Better: result.Higher,
		Target: &result.Target{Value: 1, From: "a replica keeps up"}}, share...)
	return nil
}

// catchUp starts the replica again, which lacks so many rows, each an entry of the
// log, and returns how many it applies per second. It connects before it can be
// asked, so what it has at the first answer does not count, unless that is all.
func (p *pair) catchUp(ctx context.Context, rows int) (float64, error) {
	begin := time.Now()
	if err := p.follow(ctx); err != nil {
		return 0, err
	}
	var first, last replication.Position
	var asked time.Time
	err := p.caughtUp(ctx, func(at replication.Position) {
		if asked.IsZero() {
			asked, first = time.Now(), at
		}
		last = at
	})
	took := time.Since(asked)
	if last.Offset > first.Offset {
		rows = int(last.Offset - first.Offset) //nolint:gosec // of what was just written
	} else {
		took = time.Since(begin)
	}
	return float64(rows) / took.Seconds(), errors.Join(err, p.level(ctx))
}
