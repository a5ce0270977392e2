// Package demo shows the product at work: it starts a server, stores a real data
// set over HTTP, has it indexed, asks it, checks every answer against the exact
// truth, restarts it, and writes down what it measured.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/local"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Collection is the name of the collection that the demo makes.
const Collection = "demo"

// The graph's parameters, and the neighbours asked for.
const (
	hnswM          = 16
	efConstruction = 200
	topK           = 10
)

// MinRecall is the recall that the demo must reach to succeed.
const MinRecall = 0.95

// Options configure the demo.
type Options struct {
	Set      *dataset.Set
	DataDir  string            // where the server keeps its data; must be empty or new
	Backends []compute.Backend // nil = the processor
	Out      io.Writer         // what is told meanwhile
	Version  string
	SIMD     string // kernels in use, for the report
	Command  string // that repeats it
	// Seconds is how long each measurement of speed takes; 0 = 2.
	Seconds float64
	// Progress, when not nil, is called while rows are stored.
	Progress func(rows, total int64)
}

// ErrRecall says that the demo ran and the recall was too low.
var ErrRecall = errors.New("recall is too low")

// demo is one run.
type demo struct {
	Options
	run    *result.Run
	server *local.Server
	target query.Target
	best   *query.Outcome // at the chosen ef, one connection
	ef     int            // the least that reaches MinRecall
}

// Run runs the demo and returns what it measured. The Run is returned with
// ErrRecall too.
func Run(ctx context.Context, o Options) (run *result.Run, err error) {
	if o.Seconds == 0 {
		o.Seconds = 2
	}
	d := &demo{Options: o, run: newRun(&o)}
	defer func() {
		if d.server != nil {
			err = errors.Join(err, d.server.Close())
		}
	}()
	for _, step := range []func(context.Context) error{
		d.start, d.store, d.curve, d.latency, d.exact, d.restart,
	} {
		if err := step(ctx); err != nil {
			return d.run, err
		}
	}
	if d.best == nil {
		return d.run, fmt.Errorf("%w: below %.2f at every ef", ErrRecall, MinRecall)
	}
	return d.run, nil
}

func newRun(o *Options) *result.Run {
	return &result.Run{Schema: result.Schema, Suite: "demo", Date: time.Now().UTC(),
		Command: o.Command, Machine: measure.ThisMachine(), Build: measure.ThisBuild(o.Version),
		SIMD: o.SIMD, Data: result.DataOf(o.Set),
		Parameters: map[string]any{"m": hnswM, "ef_construction": efConstruction, "k": topK,
			"fsync": string(engine.FsyncAlways), "seconds per measurement": o.Seconds},
		Notes: []string{"Server and load generator run in one process on the same cores, so the " +
			"speeds are lower bounds: the client's work is in them."},
	}
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

// start opens the server.
func (d *demo) start(ctx context.Context) error {
	if err := checkEmpty(d.DataDir); err != nil {
		return err
	}
	m := &d.run.Machine
	d.say("machine     %s, %d cores, kernels %s", m.CPU, m.GOMAXPROCS, d.SIMD)
	d.say("data        %s: %s real vectors of %d components, %s, %d queries with exact truth",
		d.Set.Name, result.Number(float64(d.Set.Rows()), ""), d.Set.Dim,
		dataset.MetricName(d.Set.Metric), d.Set.NumQueries())
	if err := d.open(ctx); err != nil {
		return err
	}
	d.say("server      http://%s, every write synced to %s", d.server.Addr, d.DataDir)
	return nil
}

// checkEmpty refuses a directory that has something in it.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("data directory %s: expected an empty or new one", dir)
	}
	return err
}

func (d *demo) open(ctx context.Context) (err error) {
	d.server, err = local.Start(ctx, local.Options{Backends: d.Backends,
		Engine: engine.Options{Dir: d.DataDir, Version: d.Version}})
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	d.target = query.Target{Addr: d.server.Addr, Collection: Collection, Set: d.Set,
		K: min(topK, d.Set.TruthK)}
	return nil
}

// store imports the base and waits for the index.
func (d *demo) store(ctx context.Context) error {
	c := client.New(d.server.Addr)
	defer func() { _ = c.Close() }()
	err := c.Create(ctx, client.Collection{Name: Collection, Dimension: d.Set.Dim,
		Metric: dataset.MetricName(d.Set.Metric),
		HNSW:   client.HNSW{M: hnswM, EfConstruction: efConstruction}})
	if err != nil {
		return err
	}
	begin := time.Now()
	res, err := bulk.Import(ctx, d.Set.Reader(), bulk.ImportOptions{Addr: d.server.Addr,
		Collection: Collection, Stored: d.stored})
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if err := c.WaitIndexed(ctx, Collection, nil); err != nil {
		return err
	}
	build := time.Since(begin)
	if res.Rows != int64(d.Set.Rows()) {
		return fmt.Errorf("import: %d of %d rows were stored", res.Rows, d.Set.Rows())
	}
	d.run.Add(result.Figure{Name: "build time", Value: build.Seconds(), Unit: "s", Better: result.Lower,
		Note: "from the first row sent over HTTP until every row is durable and in the graph"})
	d.run.Add(result.Figure{Name: "import rate", Value: float64(res.Rows) / build.Seconds(),
		Unit: "rows/s", Better: result.Higher})
	d.say("stored      %s vectors over HTTP, durable and indexed in %.1f s (%s)",
		result.Number(float64(res.Rows), ""), build.Seconds(),
		result.Number(float64(res.Rows)/build.Seconds(), "rows/s"))
	return d.memory(ctx, c)
}

func (d *demo) stored(rows int64) {
	if d.Progress != nil {
		d.Progress(rows, int64(d.Set.Rows()))
	}
}

// memory asks the server what the collection holds and the system what the
// process does.
func (d *demo) memory(ctx context.Context, c *client.Client) error {
	info, err := c.Info(ctx, Collection)
	if err != nil {
		return err
	}
	m := info.Size.Memory
	index := m.Vectors + m.Links + m.Codes + m.IDs + m.Payload + m.Other
	add := func(name string, bytes int64, note string) {
		d.run.Add(result.Figure{Name: name, Value: float64(bytes), Unit: "bytes",
			Better: result.Lower, Note: note})
	}
	add("memory of the collection: vectors", m.Vectors, "")
	add("memory of the collection: links", m.Links, "")
	add("memory of the collection: ids and the rest", index-m.Vectors-m.Links, "")
	add("index memory", index, "the sum of the three above")
	text := fmt.Sprintf("memory      %s for the collection: vectors %s, links %s, the rest %s",
		mib(index), mib(m.Vectors), mib(m.Links), mib(index-m.Vectors-m.Links))
	if u, err := measure.UsageOf(os.Getpid()); err == nil && u.Known {
		add("resident memory of the process", u.RSS, "server, load generator and a copy of the data set")
		text += fmt.Sprintf("; %s resident, with this client", mib(u.RSS))
	}
	d.say("%s", text)
	return nil
}

func mib(bytes int64) string { return result.Number(float64(bytes), "bytes") }

// efs are the efforts tried, in order.
var efs = []int{10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}

// enough ends the curve: more effort shows nothing new.
const enough = 0.999

// curve measures recall against speed with one connection, and picks the least
// effort that reaches MinRecall.
func (d *demo) curve(ctx context.Context) error {
	d.say("\nsearching over HTTP, JSON, one connection, recall@%d checked against the exact truth:", d.target.K)
	d.say("      ef   recall   queries/s      p50 µs      p99 µs")
	c := result.Curve{System: "vectorizer", Label: "over HTTP, JSON", Threads: 1, K: d.target.K}
	for _, ef := range efs {
		out, err := d.ask(ctx, query.Plan{Format: wire.JSON, Ef: ef, Conns: 1}, d.Seconds/2)
		if err != nil {
			return err
		}
		p := result.Point{Ef: ef, Recall: out.Recall, QPS: out.QPS,
			P50us: result.Microseconds(out.Latency.Quantile(.5)),
			P99us: result.Microseconds(out.Latency.Quantile(.99))}
		c.Points = append(c.Points, p)
		d.say("%8d %8.4f %11s %11.0f %11.0f", ef, p.Recall, result.Number(p.QPS, ""), p.P50us, p.P99us)
		if d.ef == 0 && out.Recall >= MinRecall {
			d.ef = ef
		}
		if out.Recall >= enough {
			break
		}
	}
	d.run.Curves = append(d.run.Curves, c)
	return nil
}

// ask runs every query once, so that all have a part in the recall, and then for
// some seconds.
func (d *demo) ask(ctx context.Context, p query.Plan, seconds float64) (*query.Outcome, error) {
	warm := p
	warm.Requests = d.Set.NumQueries()
	first, err := query.Run(ctx, d.target, warm)
	if err != nil {
		return nil, err
	}
	p.Requests = max(d.Set.NumQueries(), int(first.QPS*seconds)/d.Set.NumQueries()*d.Set.NumQueries())
	return query.Run(ctx, d.target, p)
}
