package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

const (
	coreRows   = 2000 // rows of the collection, and operations of a kind at most
	coreBatch  = 64   // searches of a batch
	corePage   = 100  // records of a page
	coreCreate = 20   // collections
)

// operation is one kind of request that the core suite sends one by one.
type operation struct {
	name string
	n    int
	make func(i int) (load.Request, error)
}

// runCore measures the latency of every operation of the API, one client, one
// request after another, each write on the disk when it is answered.
func runCore(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	r.Parameters["fsync"], r.Parameters["clients"] = "always", 1
	r.Parameters["searches in a batch"], r.Parameters["records in a page"] = coreBatch, corePage
	set := e.Set
	if set.Rows() > coreRows {
		set = dataset.Cut(set, coreRows, min(set.NumQueries(), 200), max(e.K, 10))
	}
	r.Data = result.DataOf(set)
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
	if err := s.create(ctx, e, set); err != nil {
		return err
	}
	conn := load.NewConn(s.Addr(), time.Minute)
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, op := range coreOperations(e, set) {
		l, err := op.run(ctx, conn, s.Addr())
		if err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
		r.Latencies = append(r.Latencies, l)
		r.Add(result.Figure{Name: "median latency: " + op.name, Unit: "µs", Better: result.Lower, Value: l.P50us})
		r.Add(result.Figure{Name: "p99 latency: " + op.name, Unit: "µs", Better: result.Lower, Value: l.P99us})
		if err := s.WaitIndexed(ctx, collection, nil); err != nil { // linking would slow the next one down
			return err
		}
	}
	e.sayFigures(r)
	return nil
}

// run sends the requests of an operation, each after the answer to the one before.
func (op *operation) run(ctx context.Context, conn *load.Conn, addr string) (result.Latency, error) {
	var h measure.Histogram
	for i := range op.n {
		req, err := op.make(i)
		if err != nil {
			return result.Latency{}, err
		}
		req.Host = addr
		if req.Body != nil {
			req.ContentType = wire.JSON.ContentType()
		}
		raw := req.Bytes()
		begin := time.Now()
		a, err := conn.Do(ctx, raw)
		took := time.Since(begin)
		if err == nil {
			err = a.OK()
		}
		if err != nil {
			return result.Latency{}, fmt.Errorf("request %d of %d: %w", i+1, op.n, err)
		}
		h.Add(took)
	}
	return result.LatencyOf(op.name, &h), nil
}

// coreOperations lists the operations in an order in which each finds what it
// needs: rows are stored before they are read, and deleted last.
func coreOperations(e *Env, set *dataset.Set) []operation {
	n := set.Rows()
	row := func(i int) string {
		return wire.CollectionPath(collection, "/vectors/"+url.PathEscape(rowio.RowID(int64(i%n))))
	}
	body := func(method, path string, value any) (load.Request, error) {
		text, err := json.Marshal(value)
		return load.Request{Method: method, Path: path, Body: text}, err
	}
	search := func(q int) map[string]any {
		return map[string]any{"vector": set.Query(q % set.NumQueries()), "limit": e.K, "ef": filteredEf,
			"with_payload": false}
	}
	return []operation{
		{"create a collection", coreCreate, func(i int) (load.Request, error) {
			return body("POST", wire.Prefix+"/collections", map[string]any{"name": fmt.Sprintf("core-%d", i),
				"dimension": set.Dim, "metric": dataset.MetricName(set.Metric)})
		}},
		{"upsert a row", n, func(i int) (load.Request, error) {
			text, err := wire.Upsert(nil, wire.JSON, collection, []rowio.Row{{ID: rowio.RowID(int64(i)),
				Vector: set.Row(i), Payload: fmt.Appendf(nil, `{"n":%d}`, i)}})
			return load.Request{Method: "POST", Path: wire.CollectionPath(collection, "/vectors"), Body: text}, err
		}},
		{"get a row", n, func(i int) (load.Request, error) {
			return load.Request{Method: "GET", Path: row(7 * i)}, nil
		}},
		{"update a vector", n / 4, func(i int) (load.Request, error) {
			return body("PUT", row(i), map[string]any{"vector": set.Row((i + 1) % n)})
		}},
		{"scroll a page", n / 10, func(int) (load.Request, error) {
			return body("POST", wire.CollectionPath(collection, "/vectors/scroll"), map[string]any{"limit": corePage})
		}},
		{"search", n, func(i int) (load.Request, error) {
			return body("POST", wire.CollectionPath(collection, "/search"), search(i))
		}},
		{"search in a batch", n / 20, func(i int) (load.Request, error) {
			all := make([]map[string]any, coreBatch)
			for j := range all {
				all[j] = search(i*coreBatch + j)
			}
			return body("POST", wire.CollectionPath(collection, "/search/batch"), map[string]any{"queries": all})
		}},
		{"delete a row", n / 2, func(i int) (load.Request, error) {
			return load.Request{Method: "DELETE", Path: row(i)}, nil
		}},
		{"delete a collection", coreCreate, func(i int) (load.Request, error) {
			return load.Request{Method: "DELETE", Path: wire.CollectionPath(fmt.Sprintf("core-%d", i), "")}, nil
		}},
	}
}
