package suites

import (
	"context"
	"errors"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

const (
	// buildingRise is how many times higher the 99th percentile of searches may be
	// while a collection is built.
	buildingRise = 1.5
	// buildingRate is how many searches a second are asked, on time whatever the
	// server does.
	buildingRate = 200
	// other is the collection that is built meanwhile.
	other = "building"
)

// runBuilding measures searches of one collection while nothing else happens, and
// while another is imported and linked, in turn.
func runBuilding(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	r.Parameters["searches per second, on time"] = buildingRate
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
	if err := s.create(ctx, e, e.Set); err != nil {
		return err
	}
	if _, err := s.load(ctx, e.Set); err != nil {
		return err
	}
	var quiet, busy, rise, rates []float64
	for range e.Repeat {
		alone, err := s.paced(ctx, e)
		if err != nil {
			return err
		}
		beside, rate, err := s.besideBuild(ctx, e)
		if err != nil {
			return err
		}
		quiet, busy = append(quiet, alone), append(busy, beside)
		rise, rates = append(rise, beside/alone), append(rates, rate)
		e.say("  p99 alone %.0f µs, while building %.0f µs, %.0f rows/s", alone, beside, rate)
	}
	r.Add(result.Figure{Name: "search p99: nothing else", Unit: "µs", Better: result.Lower}, quiet...)
	r.Add(result.Figure{Name: "search p99: while another collection is built", Unit: "µs", Better: result.Lower},
		busy...)
	r.Add(result.Figure{Name: "rows per second: import meanwhile", Unit: "rows/s", Better: result.Higher}, rates...)
	r.Add(result.Figure{Name: "search p99 while building against alone", Better: result.Lower,
		Target: &result.Target{Value: buildingRise, From: "priority of linking below searches"}}, rise...)
	e.sayFigures(r)
	return nil
}

// paced asks searches at a fixed rate and returns the 99th percentile in µs.
func (s *server) paced(ctx context.Context, e *Env) (float64, error) {
	out, err := query.Run(ctx, s.target(e, e.Set), query.Plan{Format: wire.Octets, Ef: 64, Conns: 2,
		Rate: buildingRate, Duration: time.Duration(e.Seconds * float64(time.Second))})
	if err != nil {
		return 0, err
	}
	return result.Microseconds(out.Latency.Quantile(0.99)), nil
}

// besideBuild is paced while the set is imported into another collection, again and
// again. It also returns the rows per second of that.
func (s *server) besideBuild(ctx context.Context, e *Env) (p99, rate float64, err error) {
	if err := s.Create(ctx, client.Collection{Name: other, Dimension: e.Set.Dim,
		Metric: dataset.MetricName(e.Set.Metric), HNSW: client.HNSW{M: e.M, EfConstruction: e.EfC}}); err != nil {
		return 0, 0, err
	}
	importing, stop := context.WithCancel(ctx)
	defer stop()
	source, done := &turned{set: e.Set, step: 1}, make(chan error, 1)
	go func() {
		for importing.Err() == nil {
			source.row.Store(0)
			_, err := bulk.Import(importing, source, bulk.ImportOptions{Addr: s.Addr(), Collection: other,
				Timeout: 5 * time.Minute})
			if err != nil && importing.Err() == nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	begin := time.Now()
	p99, err = s.paced(ctx, e)
	rate = float64(source.row.Load()) / time.Since(begin).Seconds()
	stop()
	err = errors.Join(err, <-done)
	return p99, rate, errors.Join(err, s.Delete(ctx, other))
}
