package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// backend is a way to compute: a processor's instruction set, or a device.
type backend struct {
	name  string // of the figures
	flag  string // of --backend
	level string // VECTORIZER_SIMD, "" = the default
}

// runBackends measures the same searches, by graph and exact, in servers that use
// each instruction set of this machine and each device that the program can use, in
// turn.
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
	backends, err := backendsOf(ctx, e)
	if err != nil {
		return err
	}
	type key struct {
		name  string
		exact bool
	}
	rates, recall := map[key][]float64{}, map[key]float64{}
	for range e.Repeat {
		for _, b := range backends {
			err := withBackend(ctx, e, dir, b, func(s *server) error {
				for _, exact := range []bool{false, true} {
					out, err := query.Run(ctx, s.target(e, e.Set), query.Plan{Format: wire.Octets, Ef: filteredEf,
						Exact: exact, Conns: 4, Duration: time.Duration(e.Seconds * float64(time.Second))})
					if err != nil {
						return err
					}
					k := key{b.name, exact}
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
		for _, b := range backends {
			kind := "by graph"
			if exact {
				kind = "exact"
			}
			k := key{b.name, exact}
			r.Add(result.Figure{Name: fmt.Sprintf("queries per second over HTTP, %s: %s", kind, b.name),
				Unit: "queries/s", Better: result.Higher, Recall: recall[k]}, rates[k]...)
		}
	}
	r.Notes = append(r.Notes, fmt.Sprintf("The instruction set is %s unless VECTORIZER_SIMD says otherwise. Searches "+
		"by graph run on the processor whatever the backend.", e.SIMD))
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

// backendsOf lists the instruction sets of this machine, and the devices that the
// program says it can use.
func backendsOf(ctx context.Context, e *Env) ([]backend, error) {
	var out []backend
	for _, level := range simd.Levels() {
		out = append(out, backend{level, "cpu", level})
	}
	text, err := exec.CommandContext(ctx, e.Server[0], "probe").Output()
	if err != nil {
		return nil, fmt.Errorf("%s probe: %w", e.Server[0], err)
	}
	devices, err := usableDevices(text)
	for _, name := range devices {
		out = append(out, backend{name, name, ""})
	}
	return out, err
}

// usableDevices takes the devices besides the processor from what probe prints.
func usableDevices(probe []byte) ([]string, error) {
	var answer struct {
		Devices []struct {
			Name   string
			Usable bool
		}
	}
	if err := json.Unmarshal(probe, &answer); err != nil {
		return nil, fmt.Errorf("what probe prints: %w", err)
	}
	var out []string
	for _, d := range answer.Devices {
		if d.Usable && d.Name != "cpu" {
			out = append(out, d.Name)
		}
	}
	return out, nil
}

// withBackend calls f with a server on a data directory that computes with b.
func withBackend(ctx context.Context, e *Env, dir string, b backend, f func(*server) error) (err error) {
	part := *e
	part.Server = append(slices.Clone(e.Server), "--backend", b.flag)
	if b.level != "" {
		part.ServerEnv = append(slices.Clone(e.ServerEnv), simd.Env+"="+b.level)
	}
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
