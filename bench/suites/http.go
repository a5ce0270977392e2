package suites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// httpLoad is how the server is asked.
type httpLoad struct {
	conns int
	// awake keeps the processors from going idle meanwhile. Without it a lone client's
	// figure is mostly that of waking a processor for each request.
	awake bool
}

func (l httpLoad) String() string {
	s := fmt.Sprintf("%d connections", l.conns)
	if l.awake {
		s += ", processors kept awake"
	}
	return s
}

// httpLoads are what is measured.
var httpLoads = []httpLoad{{1, false}, {1, true}, {32, false}}

// httpTargets are the bounds on the server's CPU time per search above the
// index's, in microseconds, where processors are awake.
var httpTargets = map[wire.Format]float64{wire.JSON: 30, wire.MsgPack: 20, wire.Octets: 20}

// What 32 connections with MessagePack are to reach on the images, with the load
// generator on the same two processors: searches per second, and the 99th
// percentile of their latency in microseconds.
const (
	httpGoalData = "mnist-784"
	httpGoalRate = 15_000
	httpGoalTail = 8_000
)

// runHTTP measures searches over HTTP against a server in its own process.
func runHTTP(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
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
	took, err := s.load(ctx, e.Set)
	if err != nil {
		return err
	}
	e.say("  stored and indexed over HTTP in %.1f s", took.Seconds())
	ef, err := leastEf(ctx, e, s)
	if err != nil {
		return err
	}
	r.Parameters["ef"] = ef
	return measureHTTP(ctx, e, r, s, ef)
}

// leastEf is the least effort of searchEfs whose recall over HTTP is 0.95.
func leastEf(ctx context.Context, e *Env, s *server) (int, error) {
	for _, ef := range searchEfs {
		out, err := query.Run(ctx, s.target(e, e.Set), query.Plan{Format: wire.Octets, Ef: ef, Conns: 2,
			Requests: e.Set.NumQueries()})
		if err != nil {
			return 0, err
		}
		if out.Recall >= recallGoals[0] {
			return ef, nil
		}
	}
	return 0, fmt.Errorf("recall stays below %.2f", recallGoals[0])
}

// httpSample is one measurement over HTTP.
type httpSample struct {
	out    *query.Outcome
	cpu    time.Duration // of the server per search; 0 when unknown
	system time.Duration // the part of it in the kernel
}

// measureHTTP measures every encoding and load, and the index
// alone, in turn.
func measureHTTP(ctx context.Context, e *Env, r *result.Run, s *server, ef int) error {
	x, _, err := buildIndex(e, e.Set.Rows())
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	type key struct {
		format wire.Format
		load   httpLoad
	}
	samples := map[key][]httpSample{}
	var index []float64
	for range e.Repeat {
		alone, err := searchIndex(ctx, e, x, ef, 1, e.Seconds)
		if err != nil {
			return err
		}
		index = append(index, result.Microseconds(alone.cpu))
		for _, f := range wire.Formats() {
			for _, load := range httpLoads {
				one, err := askHTTP(ctx, e, s, query.Plan{Format: f, Ef: ef, Conns: load.conns}, load.awake)
				if errors.Is(err, errors.ErrUnsupported) {
					continue // not on this system
				}
				if err != nil {
					return err
				}
				samples[key{f, load}] = append(samples[key{f, load}], one)
			}
		}
	}
	if alone := measure.Median(index); alone > 0 {
		r.Add(result.Figure{Name: "CPU per search: index alone, in process", Unit: "µs",
			Better: result.Lower}, index...)
	}
	for _, f := range wire.Formats() {
		for _, load := range httpLoads {
			if all := samples[key{f, load}]; len(all) > 0 {
				addHTTP(r, f, load, all, index)
			}
		}
	}
	r.Notes = append(r.Notes, "The load generator runs on the same processors as the server. CPU per search "+
		"is the server process's user and system time, network stack included, divided by its searches. "+
		"Waking a sleeping processor for the next request of a lone client is charged to the server too, "+
		"unless processes that run only when nothing else does keep the processors awake.")
	e.sayFigures(r)
	return nil
}

// askHTTP measures one plan with the server's CPU time.
func askHTTP(ctx context.Context, e *Env, s *server, p query.Plan, awake bool) (httpSample, error) {
	if awake {
		stop, err := measure.KeepAwake()
		if err != nil {
			return httpSample{}, err
		}
		defer stop()
	}
	p.Duration = time.Duration(e.Seconds * float64(time.Second))
	before, err := s.usage()
	if err != nil {
		return httpSample{}, err
	}
	out, err := query.Run(ctx, s.target(e, e.Set), p)
	if err != nil {
		return httpSample{}, err
	}
	after, err := s.usage()
	n := time.Duration(out.Answers)
	return httpSample{out, (after.CPU - before.CPU) / n, (after.System - before.System) / n}, err
}

// addHTTP adds the figures of one encoding and load.
func addHTTP(r *result.Run, f wire.Format, load httpLoad, samples []httpSample, index []float64) {
	name := fmt.Sprintf("%s, %s", f, load)
	var qps, cpu, above, system []float64
	var all measure.Histogram
	recall := 0.0
	for i, s := range samples {
		qps = append(qps, s.out.QPS)
		cpu = append(cpu, result.Microseconds(s.cpu))
		system = append(system, result.Microseconds(s.system))
		above = append(above, result.Microseconds(s.cpu)-index[i])
		recall += s.out.Recall / float64(len(samples))
		all.Merge(&s.out.Latency)
	}
	rate := result.Figure{Name: "queries per second: " + name, Unit: "queries/s", Better: result.Higher, Recall: recall}
	tail := result.Figure{Name: "99th percentile: " + name, Unit: "µs", Better: result.Lower, Recall: recall,
		Value: result.Microseconds(all.Quantile(0.99))}
	if r.Data.Name == httpGoalData && f == wire.MsgPack && load.conns == 32 {
		rate.Target = &result.Target{Value: httpGoalRate, From: "aim of HTTP on two cores"}
		tail.Target = &result.Target{Value: httpGoalTail, From: "aim of HTTP on two cores"}
	}
	r.Add(rate, qps...)
	r.Add(tail)
	if measure.Median(cpu) > 0 && measure.Median(index) > 0 {
		r.Add(result.Figure{Name: "CPU per search: " + name, Unit: "µs", Better: result.Lower,
			Recall: recall}, cpu...)
		fig := result.Figure{Name: "server CPU per search above the index: " + name, Unit: "µs",
			Better: result.Lower, Recall: recall}
		if bound, ok := httpTargets[f]; ok && (load.awake || load.conns > 1) {
			fig.Target = &result.Target{Value: bound, From: "bound on the cost of HTTP"}
		}
		r.Add(fig, above...)
		r.Add(result.Figure{Name: "kernel's part of the CPU per search: " + name, Unit: "µs",
			Better: result.Lower, Note: "TCP, polling and scheduling"}, system...)
	}
	r.Latencies = append(r.Latencies, result.LatencyOf(name, &all))
}
