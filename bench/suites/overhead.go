package suites

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/local"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi/metrics"
)

const (
	// overheadEf is the effort of the searches, overheadConns their connections.
	overheadEf    = 32
	overheadConns = 32
	// overheadBlock is how many searches run before the other side has its turn.
	overheadBlock = 200
	// overheadBound is the share of throughput that measuring may cost.
	overheadBound = 0.01
)

// runOverhead runs blocks of searches through the engine in turn, plain and with
// everything that the HTTP server does per request to be observed: two clock
// reads, the metrics of the search and of the route, and the log line of a
// request at the default level. The difference is set against the CPU time that a
// search over HTTP takes.
func runOverhead(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	r.Parameters["ef"] = overheadEf
	r.Parameters["searches per block"] = overheadBlock
	dir, remove, err := e.tempDir()
	if err != nil {
		return err
	}
	defer remove()
	s, err := local.Start(ctx, local.Options{Engine: engine.Options{Dir: dir, Fsync: engine.FsyncOff}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := fillLocal(ctx, e, s); err != nil {
		return err
	}
	o, err := newObserved(s.Engine)
	if err != nil {
		return err
	}
	var plain, observed, cost []float64
	blocks := max(int(e.Seconds*20), 20) * e.Repeat
	for i := range blocks + 4 {
		// Which side is first changes, so that a drift hits both.
		var a, b time.Duration
		if i%2 == 0 {
			a, err = block(ctx, e, s.Engine, nil)
			b, err = also(err, func() (time.Duration, error) { return block(ctx, e, s.Engine, o) })
		} else {
			b, err = block(ctx, e, s.Engine, o)
			a, err = also(err, func() (time.Duration, error) { return block(ctx, e, s.Engine, nil) })
		}
		if err != nil {
			return err
		}
		if i < 4 {
			continue // warming up
		}
		plain = append(plain, result.Microseconds(a)/overheadBlock)
		observed = append(observed, result.Microseconds(b)/overheadBlock)
		cost = append(cost, result.Microseconds(b-a)/overheadBlock)
	}
	r.Add(result.Figure{Name: "time per search in process: plain", Unit: "µs", Better: result.Lower}, plain...)
	r.Add(result.Figure{Name: "time per search in process: with metrics and logging", Unit: "µs", Better: result.Lower},
		observed...)
	return addOverhead(ctx, e, r, cost)
}

// addOverhead sets the cost, in microseconds per search, against what a search
// over HTTP takes of a server's processors.
func addOverhead(ctx context.Context, e *Env, r *result.Run, cost []float64) error {
	r.Add(result.Figure{Name: "cost of metrics and logging per search", Unit: "µs", Better: result.Lower,
		Note: "median of the pairs"}, cost...)
	one, err := overHTTP(ctx, e)
	if err != nil || one.cpu == 0 {
		return err // without the server's CPU time there is no share
	}
	r.Add(result.Figure{Name: "server CPU per search over HTTP", Unit: "µs", Better: result.Lower,
		Recall: one.out.Recall, Value: result.Microseconds(one.cpu)})
	r.Add(result.Figure{Name: "share of the server's throughput that metrics and logging cost",
		Better: result.Lower, Value: measure.Median(cost) / result.Microseconds(one.cpu),
		Target: &result.Target{Value: overheadBound, From: "bound on observation"}})
	e.sayFigures(r)
	return nil
}

// overHTTP measures the same searches against a server in its own process.
func overHTTP(ctx context.Context, e *Env) (one httpSample, err error) {
	dir, remove, err := e.tempDir()
	if err != nil {
		return one, err
	}
	defer remove()
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.create(ctx, e, e.Set); err != nil {
		return one, err
	}
	if _, err := s.load(ctx, e.Set); err != nil {
		return one, err
	}
	return askHTTP(ctx, e, s, query.Plan{Format: wire.Octets, Ef: overheadEf, Conns: overheadConns}, false)
}

// also runs the second half of a pair if the first went well.
func also(err error, f func() (time.Duration, error)) (time.Duration, error) {
	if err != nil {
		return 0, err
	}
	return f()
}

// fillLocal stores the set in a server of this process.
func fillLocal(ctx context.Context, e *Env, s *local.Server) error {
	c := client.New(s.Addr)
	defer func() { _ = c.Close() }()
	err := c.Create(ctx, client.Collection{Name: collection, Dimension: e.Set.Dim,
		Metric: dataset.MetricName(e.Set.Metric), HNSW: client.HNSW{M: e.M, EfConstruction: e.EfC}})
	if err != nil {
		return err
	}
	if _, err := bulk.Import(ctx, e.Set.Reader(), bulk.ImportOptions{Addr: s.Addr,
		Collection: collection}); err != nil {
		return err
	}
	return c.WaitIndexed(ctx, collection, nil)
}

// observed is what a request is observed with.
type observed struct {
	search *metrics.Collection
	route  *metrics.Route
	log    zerolog.Logger
}

func newObserved(eng *engine.Engine) (*observed, error) {
	m, err := metrics.New(prometheus.NewRegistry(), metrics.Source{Engine: eng,
		Connections: func() int64 { return 0 }, InflightBytes: func() int64 { return 0 },
		Inflight: func(func(string, int64)) {}})
	if err != nil {
		return nil, err
	}
	return &observed{search: m.Collection(collection), route: m.Route("POST", "/collections/{collection}/search"),
		log: zerolog.New(io.Discard).Level(zerolog.InfoLevel)}, nil
}

// done observes one answered search that began at start.
func (o *observed) done(start time.Time, hits int) {
	o.search.Searched(metrics.SearchVector, hits, false, time.Since(start))
	took := time.Since(start)
	o.route.Answered(200, "", took)
	if line := o.log.Debug(); line != nil {
		line.Dur("took_ms", took).Msg("request")
	}
}

// block runs searches one after another, observed by o if not nil, and returns
// how long they took.
func block(ctx context.Context, e *Env, eng *engine.Engine, o *observed) (time.Duration, error) {
	begin := time.Now()
	for i := range overheadBlock {
		var start time.Time
		if o != nil {
			start = time.Now()
		}
		res, err := eng.Search(ctx, collection, &engine.SearchRequest{Vector: e.Set.Query(i % e.Set.NumQueries()),
			K: e.K, Ef: overheadEf})
		if err != nil {
			return 0, err
		}
		if o != nil {
			o.done(start, len(res.Hits))
		}
	}
	return time.Since(begin), nil
}
