package suites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

const (
	restartDim     = 128
	restartQueries = 200
	restartSeed    = 1
	restartEf      = 64
	restartSeconds = 3.0  // from the start of the program to the first correct answer
	linkShare      = 1.25 // of the links' memory that may come on top of the vectors'
)

// runRestart stores a generated set, stops the server, starts it again, and
// measures the time to the first correct answer and the memory.
func runRestart(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["seed"] = restartSeed
	r.Parameters["ef"] = restartEf
	set, err := dataset.Clustered(ctx, dataset.ClusteredSpec{Rows: e.Rows, Dim: restartDim,
		Queries: restartQueries, TruthK: max(e.K, 10), Seed: restartSeed})
	if err != nil {
		return err
	}
	r.Data = result.DataOf(set)
	e.say("  generated %s", set.Name)
	dir, remove, err := e.tempDir()
	if err != nil {
		return err
	}
	defer remove()
	if err := fillServer(ctx, e, r, set, dir); err != nil {
		return err
	}
	var first, rss, early []float64
	var last restarted
	for i := range e.Repeat {
		// Every second time the server before was killed, not stopped.
		if last, err = restartOnce(ctx, e, set, dir, i%2 == 1); err != nil {
			return err
		}
		first, rss = append(first, last.first.Seconds()), append(rss, float64(last.rss))
		early = append(early, float64(last.early))
		e.say("  first correct answer after %.2f s, resident %s", last.first.Seconds(),
			result.Number(float64(last.rss), "bytes"))
	}
	r.Add(result.Figure{Name: "restart to the first correct answer", Unit: "s", Better: result.Lower,
		Recall: last.recall, Target: &result.Target{Value: restartSeconds, From: "bound on a restart"}}, first...)
	raw := float64(set.Rows()) * restartDim * 4
	if rss[0] > 0 {
		r.Add(result.Figure{Name: "resident memory at the first correct answer", Unit: "bytes",
			Better: result.Lower}, early...)
		r.Add(result.Figure{Name: "resident memory after restart and queries", Unit: "bytes",
			Better: result.Lower, Recall: last.recall,
			Target: &result.Target{Value: raw + linkShare*last.links, From: "vectors and 1.25 times the links"}},
			rss...)
	}
	r.Add(result.Figure{Name: "raw vectors", Unit: "bytes", Value: raw})
	r.Add(result.Figure{Name: "links", Unit: "bytes", Value: last.links})
	r.Add(result.Figure{Name: "vectors mapped from the index image", Unit: "bytes", Value: last.mapped})
	r.Notes = append(r.Notes, "Mapped vectors become resident as searches touch them, 64 KiB at a time, and are "+
		"clean: the system takes them back when it needs the memory.")
	e.sayFigures(r)
	return nil
}

// fillServer stores the set in a new server and stops it.
func fillServer(ctx context.Context, e *Env, r *result.Run, set *dataset.Set, dir string) (err error) {
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.create(ctx, e, set); err != nil {
		return err
	}
	took, err := s.load(ctx, set)
	if err != nil {
		return err
	}
	e.say("  stored and indexed in %.1f s", took.Seconds())
	r.Add(result.Figure{Name: "store and index over HTTP", Unit: "s", Better: result.Lower, Value: took.Seconds()})
	return nil
}

// restarted is what one restart showed.
type restarted struct {
	first  time.Duration
	early  int64 // resident bytes at the first answer; 0 when unknown
	rss    int64 // the same after all queries
	links  float64
	mapped float64
	recall float64
}

// restartOnce starts the program on the directory and asks until an answer is
// correct; then it asks all queries and ends the program.
func restartOnce(ctx context.Context, e *Env, set *dataset.Set, dir string, kill bool) (out restarted, err error) {
	begin := time.Now()
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return out, err
	}
	defer func() {
		if kill {
			err = errors.Join(err, s.kill())
			return
		}
		err = errors.Join(err, s.stop())
	}()
	plan := query.Plan{Format: wire.JSON, Ef: restartEf, Conns: 1, Requests: 1}
	for {
		one, askErr := query.Run(ctx, s.target(e, set), plan)
		if askErr == nil && one.Recall >= recallGoals[0] {
			break
		}
		if time.Since(begin) > time.Minute || ctx.Err() != nil {
			return out, fmt.Errorf("no correct answer within a minute: %w", errors.Join(askErr, ctx.Err()))
		}
	}
	out.first = time.Since(begin)
	u, err := s.usage()
	if err != nil {
		return out, err
	}
	out.early = u.RSS
	plan.Requests = set.NumQueries()
	all, err := query.Run(ctx, s.target(e, set), plan)
	if err != nil {
		return out, err
	}
	info, err := s.Info(ctx, collection)
	if err != nil {
		return out, err
	}
	u, err = s.usage()
	out.rss, out.links, out.recall = u.RSS, float64(info.Size.Memory.Links), all.Recall
	out.mapped = float64(info.Size.Memory.Mapped)
	if info.VectorCount != int64(set.Rows()) {
		err = errors.Join(err, fmt.Errorf("%d of %d vectors are there", info.VectorCount, set.Rows()))
	}
	return out, err
}
