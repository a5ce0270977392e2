package suites

import (
	"context"
	"errors"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// bulkShare is the least share of the pure build rate that an import reaches.
const bulkShare = 0.7

// runBulk compares an import over HTTP, durable and indexed, with the build of
// the same graph in process.
func runBulk(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["fsync"] = "always"
	r.Parameters["build threads"] = e.BuildTh
	var pure, imported, share []float64
	for range e.Repeat {
		x, took, err := buildIndex(e, e.Set.Rows())
		if err != nil {
			return err
		}
		if err := x.Close(); err != nil {
			return err
		}
		over, err := importOnce(ctx, e)
		if err != nil {
			return err
		}
		rows := float64(e.Set.Rows())
		pure = append(pure, rows/took.Seconds())
		imported = append(imported, rows/over.Seconds())
		share = append(share, took.Seconds()/over.Seconds())
		e.say("  pure build %.1f s, import %.1f s", took.Seconds(), over.Seconds())
	}
	r.Add(result.Figure{Name: "rows per second: pure index build", Unit: "rows/s", Better: result.Higher}, pure...)
	r.Add(result.Figure{Name: "rows per second: import over HTTP", Unit: "rows/s", Better: result.Higher},
		imported...)
	r.Add(result.Figure{Name: "import rate against pure build rate", Better: result.Higher,
		Target: &result.Target{Value: bulkShare, From: "bound on the cost of durability and HTTP"}}, share...)
	e.sayFigures(r)
	return nil
}

// importOnce imports the set into a new server.
func importOnce(ctx context.Context, e *Env) (took time.Duration, err error) {
	dir, remove, err := e.tempDir()
	if err != nil {
		return 0, err
	}
	defer remove()
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.create(ctx, e, e.Set); err != nil {
		return 0, err
	}
	return s.load(ctx, e.Set)
}
