package suites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

const (
	clientsConns = 256 // clients with one query each
	// clientsShare is the part of full batches' throughput that single queries must
	// reach, as far as HTTP allows it.
	clientsShare = 0.8
	// clientsTail bounds the 99th percentile of a single query by the time of a batch
	// of as many queries as there are clients. The batcher has no timer, so its window
	// is nothing but the batch before.
	clientsTail = 2
	batchConns  = 2 // requests with full batches under way: one is read while one computes
	// emptyCollection has one row: what its searches cost is HTTP.
	emptyCollection = "one-row"
)

// clientsSample is one turn of the measurement.
type clientsSample struct {
	batches float64 // queries/s in full batches
	batch   float64 // ms of one, alone
	http    float64 // queries/s of the clients where there is nothing to search
	single  *query.Outcome
}

// runClients compares exact searches of many clients with single queries with the
// same searches in full batches, over HTTP, on whatever backend the server chose.
func runClients(ctx context.Context, e *Env, r *result.Run) (err error) {
	r.Parameters["k"], r.Parameters["clients"] = e.K, clientsConns
	dir, remove, err := e.tempDir()
	if err != nil {
		return err
	}
	defer remove()
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.fillForClients(ctx, e); err != nil {
		return err
	}
	device, err := e.noteBackend(ctx, r, s)
	if err != nil {
		return err
	}
	var all []clientsSample
	for range e.Repeat {
		one, err := e.clientsTurn(ctx, s)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	addClients(r, all, device)
	r.Notes = append(r.Notes, "Every search is exact. The load generator runs on the server's processors. What "+
		"HTTP allows is the lower of the two rates, full batches and the same clients on one row, where a device "+
		"searches; where the search shares the processors with HTTP their times add up, and it is the rate that "+
		"both together leave.")
	e.sayFigures(r)
	return nil
}

// fillForClients stores the set, and the collection with one row.
func (s *server) fillForClients(ctx context.Context, e *Env) error {
	if err := s.create(ctx, e, e.Set); err != nil {
		return err
	}
	took, err := s.load(ctx, e.Set)
	if err != nil {
		return err
	}
	e.say("  stored and indexed over HTTP in %.1f s", took.Seconds())
	err = s.Create(ctx, client.Collection{Name: emptyCollection, Dimension: e.Set.Dim, Metric: "euclidean"})
	if err != nil {
		return err
	}
	return s.Do(ctx, "POST", wire.CollectionPath(emptyCollection, "/vectors"),
		map[string]any{"vectors": []any{map[string]any{"id": "0", "vector": e.Set.Row(0)}}}, nil)
}

// clientsWarm is the batches before the first measurement: with a device they have
// the collection copied to it.
const clientsWarm = 20

// noteBackend notes who computes, after some batches to warm up, and reports whether
// there is a device.
func (e *Env) noteBackend(ctx context.Context, r *result.Run, s *server) (device bool, err error) {
	_, err = e.askBatches(ctx, s, load.Config{Conns: batchConns, Requests: clientsWarm})
	if err != nil {
		return false, err
	}
	search := map[string]any{"vector": e.Set.Query(0), "limit": e.K, "exact": true, "explain": true}
	var said struct {
		Explain struct {
			Backend string `json:"backend"`
			Choice  string `json:"backend_choice"`
		} `json:"explain"`
	}
	if err := s.Do(ctx, "POST", wire.CollectionPath(collection, "/search"), search, &said); err != nil {
		return false, err
	}
	r.Parameters["backend of one query"] = said.Explain.Backend
	e.say("  one query is searched by %s", said.Explain.Backend)
	if said.Explain.Choice != "" {
		r.Parameters["why"] = said.Explain.Choice
		e.say("  %s", said.Explain.Choice)
	}
	return said.Explain.Choice != "", nil
}

// clientsTurn measures full batches, one batch alone, the clients, and HTTP alone.
func (e *Env) clientsTurn(ctx context.Context, s *server) (one clientsSample, err error) {
	long := time.Duration(e.Seconds * float64(time.Second))
	full, err := e.askBatches(ctx, s, load.Config{Conns: batchConns, Duration: long})
	if err != nil {
		return one, err
	}
	alone, err := e.askBatches(ctx, s, load.Config{Conns: 1, Duration: long})
	if err != nil {
		return one, err
	}
	one.batches = full.QPS() * clientsConns
	one.batch = float64(alone.Latency.Quantile(0.5)) / float64(time.Millisecond)
	plan := query.Plan{Format: wire.Octets, Exact: true, Conns: clientsConns, Duration: long}
	if one.single, err = query.Run(ctx, s.target(e, e.Set), plan); err != nil {
		return one, err
	}
	search := wire.Search{Vector: e.Set.Row(0), K: 1, Exact: true}
	request := search.Request(wire.Octets, s.Addr(), emptyCollection)
	http, err := load.Run(ctx, load.Config{Addr: s.Addr(), Conns: clientsConns, Timeout: query.Timeout, Duration: long},
		load.Source{Request: func(int) []byte { return request }})
	if err == nil && http.Failed > 0 {
		err = fmt.Errorf("%d of %d searches failed, the first: %w", http.Failed, http.Sent, http.First)
	}
	if err != nil {
		return one, err
	}
	one.http = http.QPS()
	return one, nil
}

// askBatches sends batches of as many queries as there are clients.
func (e *Env) askBatches(ctx context.Context, s *server, c load.Config) (*load.Result, error) {
	b := wire.Batch{Dim: e.Set.Dim, K: e.K, Exact: true}
	for i := range clientsConns {
		b.Vectors = append(b.Vectors, e.Set.Query(i%e.Set.NumQueries())...)
	}
	request := b.Request(s.Addr(), collection)
	c.Addr, c.Timeout = s.Addr(), query.Timeout
	out, err := load.Run(ctx, c, load.Source{Request: func(int) []byte { return request }})
	if err == nil && out.Failed > 0 {
		err = fmt.Errorf("%d of %d batches failed, the first: %w", out.Failed, out.Sent, out.First)
	}
	if err == nil && out.Latency.Count() == 0 {
		err = fmt.Errorf("no batch was answered in %v", out.Elapsed)
	}
	return out, err
}

// allowed is the rate that HTTP allows.
func (s *clientsSample) allowed(device bool) float64 {
	if device {
		return min(s.batches, s.http)
	}
	return 1 / (1/s.batches + 1/s.http)
}

// addClients adds the figures; device says that a device searches beside HTTP.
func addClients(r *result.Run, all []clientsSample, device bool) {
	var batches, batch, single, http, share, reached, tail []float64
	var latency measure.Histogram
	recall := 0.0
	for i := range all {
		s := &all[i]
		batches, batch, http = append(batches, s.batches), append(batch, s.batch), append(http, s.http)
		single, share = append(single, s.single.QPS), append(share, s.single.QPS/s.batches)
		reached = append(reached, s.single.QPS/s.allowed(device))
		p99 := float64(s.single.Latency.Quantile(0.99)) / float64(time.Millisecond)
		tail = append(tail, p99/s.batch)
		latency.Merge(&s.single.Latency)
		recall += s.single.Recall / float64(len(all))
	}
	r.Add(result.Figure{Name: fmt.Sprintf("queries per second: batches of %d", clientsConns), Unit: "queries/s",
		Better: result.Higher}, batches...)
	r.Add(result.Figure{Name: fmt.Sprintf("one batch of %d alone", clientsConns), Unit: "ms", Better: result.Lower},
		batch...)
	name := fmt.Sprintf("%d clients, single queries", clientsConns)
	r.Add(result.Figure{Name: "queries per second: " + name, Unit: "queries/s", Better: result.Higher,
		Recall: recall}, single...)
	r.Add(result.Figure{Name: "queries per second: the same clients on one row", Unit: "queries/s",
		Better: result.Higher, Note: "the limit of HTTP"}, http...)
	r.Add(result.Figure{Name: "single queries against full batches", Unit: "", Better: result.Higher, Recall: recall},
		share...)
	r.Add(result.Figure{Name: "single queries against what HTTP allows of full batches", Unit: "",
		Better: result.Higher, Recall: recall,
		Target: &result.Target{Value: clientsShare, From: "goal, until HTTP is the limit"}}, reached...)
	r.Add(result.Figure{Name: "p99 of a single query against the time of a batch", Unit: "", Better: result.Lower,
		Target: &result.Target{Value: clientsTail, From: "goal; the batcher waits for no timer"}}, tail...)
	r.Latencies = append(r.Latencies, result.LatencyOf(name, &latency))
}
