package suites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// runDurable measures single upserts, each acknowledged after it is on the disk,
// by one client and by 32.
func runDurable(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	r.Parameters["fsync"] = "always"
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
	clients := []int{1, 32}
	rates := map[int][]float64{}
	latency := map[int]*measure.Histogram{1: {}, 32: {}}
	next := 0
	for range e.Repeat {
		for _, n := range clients {
			res, err := upserts(ctx, e, s, n, &next)
			if err != nil {
				return err
			}
			rates[n] = append(rates[n], res.QPS())
			latency[n].Merge(&res.Latency)
			e.say("  %d clients: %s", n, result.Number(res.QPS(), "upserts/s"))
		}
	}
	for _, n := range clients {
		name := fmt.Sprintf("%d clients", n)
		r.Add(result.Figure{Name: "durable upserts per second: " + name, Unit: "upserts/s",
			Better: result.Higher}, rates[n]...)
		r.Latencies = append(r.Latencies, result.LatencyOf("upsert, "+name, latency[n]))
	}
	var ratio []float64
	for i := range rates[1] {
		ratio = append(ratio, rates[32][i]/rates[1][i])
	}
	r.Add(result.Figure{Name: "32 clients against one", Better: result.Higher,
		Target: &result.Target{Value: 20, From: "group commit"}}, ratio...)
	e.sayFigures(r)
	return nil
}

// upserts sends single upserts of new ids for a while. Rows of the set are taken
// in turn; next numbers the ids over all calls.
func upserts(ctx context.Context, e *Env, s *server, conns int, next *int) (*load.Result, error) {
	path := wire.CollectionPath(collection, "/vectors")
	first := *next
	res, err := load.Run(ctx, load.Config{Addr: s.Addr(), Conns: conns, Timeout: time.Minute,
		Duration: time.Duration(e.Seconds * float64(time.Second))}, load.Source{
		Request: func(i int) []byte {
			n := first + i
			row := rowio.Row{ID: rowio.RowID(int64(n)), Vector: e.Set.Row(n % e.Set.Rows())}
			body, err := wire.Upsert(nil, wire.Base64, collection, []rowio.Row{row})
			if err != nil {
				panic("BUG: " + err.Error()) // a plain id always encodes
			}
			req := load.Request{Method: "POST", Host: s.Addr(), Path: path,
				ContentType: wire.Base64.ContentType(), Body: body}
			return req.Bytes()
		},
	})
	if err != nil {
		return nil, err
	}
	*next += res.Sent
	if res.Failed > 0 {
		return nil, fmt.Errorf("%d of %d upserts failed, the first: %w", res.Failed, res.Sent, res.First)
	}
	// What waits to be linked would slow the next measurement down.
	return res, s.WaitIndexed(ctx, collection, nil)
}

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
