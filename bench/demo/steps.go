package demo

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/report"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// conns is how many connections the throughput is measured with.
const conns = 16

// latency measures at the chosen effort: one connection for latency, many for
// throughput.
func (d *demo) latency(ctx context.Context) error {
	if d.ef == 0 {
		return nil
	}
	d.say("\nat ef %d, the least with recall %.2f or more:", d.ef, MinRecall)
	for _, p := range []struct {
		name string
		plan query.Plan
	}{
		{"JSON, 1 connection", query.Plan{Format: wire.JSON, Conns: 1}},
		{fmt.Sprintf("JSON, %d connections", conns), query.Plan{Format: wire.JSON, Conns: conns}},
		{fmt.Sprintf("octets, %d connections", conns), query.Plan{Format: wire.Octets, Conns: conns}},
	} {
		p.plan.Ef = d.ef
		out, err := d.ask(ctx, p.plan, d.Seconds)
		if err != nil {
			return err
		}
		if d.best == nil {
			d.best = out
		}
		l := result.LatencyOf(p.name, &out.Latency)
		d.run.Latencies = append(d.run.Latencies, l)
		d.run.Add(result.Figure{Name: "queries per second: " + p.name, Value: out.QPS, Unit: "queries/s",
			Better: result.Higher, Recall: out.Recall, Note: fmt.Sprintf("ef %d", d.ef)})
		d.say("  %-24s %11s   recall@%d %.4f   p50 %5.0f µs   p99 %5.0f µs", p.name,
			result.Number(out.QPS, "queries/s"), d.target.K, out.Recall, l.P50us, l.P99us)
	}
	l := &d.run.Latencies[0]
	d.run.Add(result.Figure{Name: "recall", Value: d.best.Recall, Better: result.Higher,
		Recall: d.best.Recall, Target: &result.Target{Value: MinRecall, From: "the demo's own bound"}})
	d.run.Add(result.Figure{Name: "p50", Value: l.P50us, Unit: "µs", Better: result.Lower, Recall: d.best.Recall})
	d.run.Add(result.Figure{Name: "p99", Value: l.P99us, Unit: "µs", Better: result.Lower, Recall: d.best.Recall})
	d.run.Parameters["ef of the latencies"] = d.ef
	return nil
}

// exact checks that a scan finds the truth itself.
func (d *demo) exact(ctx context.Context) error {
	n := min(d.Set.NumQueries(), 100)
	out, err := query.Run(ctx, d.target, query.Plan{Format: wire.JSON, Exact: true, Conns: 2, Requests: n})
	if err != nil {
		return err
	}
	d.run.Add(result.Figure{Name: "recall of exact search", Value: out.Recall, Better: result.Higher,
		Recall: out.Recall, Target: &result.Target{Value: 1, From: "exact means exact"},
		Note: fmt.Sprintf("%d queries", n)})
	d.say("\nexact search of %d queries: recall %.4f, %s", n, out.Recall, result.Number(out.QPS, "queries/s"))
	if math.Abs(out.Recall-1) > 1e-4 {
		return fmt.Errorf("%w: exact search has %.4f, not 1", ErrRecall, out.Recall)
	}
	return nil
}

// restart closes the server, opens it on the same data, and asks again.
func (d *demo) restart(ctx context.Context) error {
	if d.ef == 0 {
		return nil
	}
	if err := d.server.Close(); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	d.server = nil
	begin := time.Now()
	if err := d.open(ctx); err != nil {
		return err
	}
	c := client.New(d.server.Addr)
	defer func() { _ = c.Close() }()
	if err := c.WaitReady(ctx); err != nil {
		return err
	}
	plan := query.Plan{Format: wire.JSON, Ef: d.ef, Conns: 1, Requests: 1}
	if _, err := query.Run(ctx, d.target, plan); err != nil {
		return fmt.Errorf("after the restart: %w", err)
	}
	took := time.Since(begin)
	plan.Requests = d.Set.NumQueries()
	out, err := query.Run(ctx, d.target, plan)
	if err != nil {
		return fmt.Errorf("after the restart: %w", err)
	}
	info, err := c.Info(ctx, Collection)
	if err != nil {
		return err
	}
	if info.VectorCount != int64(d.Set.Rows()) || out.Recall < MinRecall {
		return fmt.Errorf("after the restart: %d of %d vectors, recall %.4f", info.VectorCount,
			d.Set.Rows(), out.Recall)
	}
	d.run.Add(result.Figure{Name: "restart", Value: took.Seconds(), Unit: "s", Better: result.Lower,
		Recall: out.Recall, Note: "from opening the data directory to the first answer"})
	d.say("restarted: the first answer came after %.2f s, all %s vectors are there, recall %.4f",
		took.Seconds(), result.Number(float64(info.VectorCount), ""), out.Recall)
	return nil
}

// Page is the report of a demo.
func Page(r *result.Run) *report.Page {
	p := &report.Page{Title: "Vectorizer demo",
		Lead: fmt.Sprintf("%s real vectors of %d components (%s), stored and searched over HTTP on %s; every "+
			"answer was checked against the exact truth.", result.Number(float64(r.Data.Rows), ""),
			r.Data.Dim, r.Data.Name, r.Machine.CPU),
		Runs: []*result.Run{r},
		End:  "Written by vectorizer demo. Start a server of your own with: vectorizer serve --data-dir ./data",
	}
	for _, t := range []struct{ figure, name string }{
		{"recall", fmt.Sprintf("recall@%d", topK)},
		{"queries per second: JSON, 1 connection", "queries per second, 1 connection, JSON"},
		{fmt.Sprintf("queries per second: octets, %d connections", conns),
			fmt.Sprintf("queries per second, %d connections, octets", conns)},
		{"p50", "median latency over HTTP"}, {"p99", "99th percentile"},
		{"build time", "to store and index everything"}, {"index memory", "in memory"},
		{"restart", "restart to first answer"},
	} {
		if f := r.Figure(t.figure); f != nil {
			unit := f.Unit
			if unit == "queries/s" {
				unit = ""
			}
			p.Tiles = append(p.Tiles, report.Tile{Value: result.Number(f.Value, unit), Name: t.name})
		}
	}
	return p
}
