package suites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/local"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/slowdisk"
)

const (
	// slowFsync is added to every fsync of the second disk: together about what a
	// solid-state disk without a power-safe cache, or one in a network, takes.
	slowFsync = 2 * time.Millisecond
	// groupShare is how much more 32 clients reach than one.
	groupShare = 20
	fsyncs     = 200 // measured, to say what this disk's takes
)

// durableClients are the numbers of clients, the one that is compared with first.
var durableClients = []int{1, 32}

// runDurable measures single upserts over HTTP, each acknowledged after it is on
// the disk, by one client and by 32: on this machine's disk, where the processor
// may be the limit, and on one whose fsync takes longer.
func runDurable(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["fsync"] = "always"
	took, err := fsyncTime(e)
	if err != nil {
		return err
	}
	r.Add(result.Figure{Name: "fsync of 4 KiB on this disk", Unit: "ms", Better: result.Lower,
		Note: fmt.Sprintf("median of %d", fsyncs)}, took.Seconds()*1e3)
	for _, d := range []struct {
		name  string
		start func(context.Context, *Env, string) (*client.Client, func() error, error)
	}{
		{"this disk", startProgram},
		{fmt.Sprintf("fsync %v longer", slowFsync), startSlow},
	} {
		if err := durableOn(ctx, e, r, d.name, d.start); err != nil {
			return err
		}
	}
	r.Notes = append(r.Notes, "Every upsert is a new row and is linked into the graph beside the upserts, on the "+
		"same processors as the load generator. Where fsync is short, that is the limit for 32 clients.")
	e.sayFigures(r)
	return nil
}

// startProgram runs the program in a process of its own.
func startProgram(ctx context.Context, e *Env, dir string) (*client.Client, func() error, error) {
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return nil, nil, err
	}
	return s.Client, s.stop, nil
}

// startSlow runs a server in this process, on a disk whose fsync takes longer.
func startSlow(ctx context.Context, _ *Env, dir string) (*client.Client, func() error, error) {
	s, err := local.Start(ctx, local.Options{Engine: engine.Options{
		Dir: dir, FS: slowdisk.FS{FS: vfs.Default, Fsync: slowFsync}}})
	if err != nil {
		return nil, nil, err
	}
	c := client.New(s.Addr)
	return c, func() error { return errors.Join(c.Close(), s.Close()) }, nil
}

// durableOn measures one disk.
func durableOn(ctx context.Context, e *Env, r *result.Run, disk string,
	start func(context.Context, *Env, string) (*client.Client, func() error, error),
) (err error) {
	dir, remove, err := e.tempDir()
	if err != nil {
		return err
	}
	defer remove()
	c, stop, err := start(ctx, e, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := createFor(ctx, c, e, e.Set); err != nil {
		return err
	}
	rates := map[int][]float64{}
	latency := map[int]*measure.Histogram{}
	next := 0
	for range e.Repeat {
		for _, n := range durableClients {
			res, err := upserts(ctx, e, c, n, &next)
			if err != nil {
				return err
			}
			rates[n] = append(rates[n], res.QPS())
			if latency[n] == nil {
				latency[n] = new(measure.Histogram)
			}
			latency[n].Merge(&res.Latency)
			e.say("  %s, %d clients: %s", disk, n, result.Number(res.QPS(), "upserts/s"))
		}
	}
	for _, n := range durableClients {
		name := fmt.Sprintf("%s, %d clients", disk, n)
		r.Add(result.Figure{Name: "durable upserts per second: " + name, Unit: "upserts/s",
			Better: result.Higher}, rates[n]...)
		r.Latencies = append(r.Latencies, result.LatencyOf("upsert, "+name, latency[n]))
	}
	few, many := rates[durableClients[0]], rates[durableClients[len(durableClients)-1]]
	var ratio []float64
	for i := range few {
		ratio = append(ratio, many[i]/few[i])
	}
	r.Add(result.Figure{Name: "32 clients against one: " + disk, Better: result.Higher,
		Target: &result.Target{Value: groupShare, From: "group commit"}}, ratio...)
	return nil
}

// upserts sends single upserts of new ids for a while. Rows of the set are taken
// in turn; next numbers the ids over all calls.
func upserts(ctx context.Context, e *Env, c *client.Client, conns int, next *int) (*load.Result, error) {
	path := wire.CollectionPath(collection, "/vectors")
	first := *next
	res, err := load.Run(ctx, load.Config{Addr: c.Addr(), Conns: conns, Timeout: time.Minute,
		Duration: time.Duration(e.Seconds * float64(time.Second))}, load.Source{
		Request: func(i int) []byte {
			n := first + i
			row := rowio.Row{ID: rowio.RowID(int64(n)), Vector: e.Set.Row(n % e.Set.Rows())}
			body, err := wire.Upsert(nil, wire.Base64, collection, []rowio.Row{row})
			if err != nil {
				panic("BUG: " + err.Error()) // a plain id always encodes
			}
			req := load.Request{Method: "POST", Host: c.Addr(), Path: path,
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
	return res, c.WaitIndexed(ctx, collection, nil)
}

// fsyncTime is the median time of appending 4 KiB to a file and having it on the
// disk that the suites use.
func fsyncTime(e *Env) (took time.Duration, err error) {
	dir, remove, err := e.tempDir()
	if err != nil {
		return 0, err
	}
	defer remove()
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	block := make([]byte, 4096)
	times := make([]float64, 0, fsyncs)
	for range fsyncs {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(begin)))
	}
	return time.Duration(measure.Median(times)), nil
}
