package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// runBackends measures the same searches, by graph and exact, in servers that use
// each instruction set of this machine, in turn.
func runBackends(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["ef"] = filteredEf
	dir, remove, err := e.tempDir()
	if err != nil {
		return err
	}
	defer remove()
	if err := fillOnce(ctx, e, dir); err != nil {
		return err
	}
	type key struct {
		level string
		exact bool
	}
	rates, recall := map[key][]float64{}, map[key]float64{}
	levels := simd.Levels()
	for range e.Repeat {
		for _, level := range levels {
			err := withLevel(ctx, e, dir, level, func(s *server) error {
				for _, exact := range []bool{false, true} {
					out, err := query.Run(ctx, s.target(e, e.Set), query.Plan{Format: wire.Octets, Ef: filteredEf,
						Exact: exact, Conns: 4, Duration: time.Duration(e.Seconds * float64(time.Second))})
					if err != nil {
						return err
					}
					k := key{level, exact}
					rates[k], recall[k] = append(rates[k], out.QPS), out.Recall
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	for _, exact := range []bool{false, true} {
		for _, level := range levels {
			kind := "by graph"
			if exact {
				kind = "exact"
			}
			k := key{level, exact}
			r.Add(result.Figure{Name: fmt.Sprintf("queries per second over HTTP, %s: %s", kind, level),
				Unit: "queries/s", Better: result.Higher, Recall: recall[k]}, rates[k]...)
		}
	}
	r.Notes = append(r.Notes, fmt.Sprintf("The instruction set is %s unless VECTORIZER_SIMD says otherwise. "+
		"`vectorizer bench device` measures a graphics processor.", e.SIMD))
	e.sayFigures(r)
	return nil
}

// fillOnce stores the set in a data directory.
func fillOnce(ctx context.Context, e *Env, dir string) (err error) {
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.create(ctx, e, e.Set); err != nil {
		return err
	}
	_, err = s.load(ctx, e.Set)
	return err
}

// withLevel calls f with a server on a data directory that uses an instruction set.
func withLevel(ctx context.Context, e *Env, dir, level string, f func(*server) error) (err error) {
	part := *e
	part.ServerEnv = append(slices.Clone(e.ServerEnv), simd.Env+"="+level)
	s, err := startServer(ctx, &part, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.WaitReady(ctx); err != nil {
		return err
	}
	return f(s)
}
