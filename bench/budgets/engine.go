package budgets

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

const (
	engineRows = 2000
	writeBatch = 100
	collection = "budgets"
)

// engineValues are the bytes that an upsert commits and the allocations of searches
// through the engine.
func engineValues(ctx context.Context, set *dataset.Set, tempDir string) (out []Value, err error) {
	dir, err := os.MkdirTemp(tempDir, "vectorizer-budgets-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	backend := cpu.New(cpu.Options{Workers: 1})
	defer func() { err = errors.Join(err, backend.Close()) }()
	x, err := engine.Open(ctx, engine.Options{Dir: dir, Fsync: engine.FsyncOff, LinkWorkers: 1,
		Backends: []compute.Backend{backend}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	if err := fill(ctx, x, set); err != nil {
		return nil, err
	}
	writes := x.Stats().Writes
	out = append(out, Value{Name: "bytes committed for an upsert", Unit: "B", Better: result.Lower,
		Value: float64(writes.Bytes) / float64(writes.Ops)})
	for _, one := range []struct{ name, text string }{
		{"without a filter", ""}, {"with a filter", `{"must":[{"key":"n","range":{"lt":1000}}]}`},
	} {
		req := engine.SearchRequest{Vector: set.Query(0), K: k, Ef: 64}
		if one.text != "" {
			if req.Filter, err = filter.Parse([]byte(one.text)); err != nil {
				return nil, err
			}
		}
		var failed error
		n := allocs(func() {
			if _, err := x.Search(ctx, collection, &req); err != nil {
				failed = err
			}
		})
		if failed != nil {
			return nil, failed
		}
		out = append(out, Value{Name: "allocations of a search of the engine, " + one.name, Value: n,
			Better: result.Lower})
	}
	return out, nil
}

func fill(ctx context.Context, x *engine.Engine, set *dataset.Set) error {
	_, err := x.CreateCollection(ctx, engine.CollectionConfig{Name: collection, Dimension: set.Dim,
		Metric: set.Metric})
	if err != nil {
		return err
	}
	for from := 0; from < engineRows; from += writeBatch {
		ops := make([]engine.Op, writeBatch)
		for i := range ops {
			row := from + i
			ops[i] = engine.Op{Kind: engine.OpUpsert, ID: rowio.RowID(int64(row)), Vector: set.Row(row),
				Payload: fmt.Appendf(nil, `{"n":%d}`, row)}
		}
		if _, err := x.Write(ctx, engine.Mutation{Collection: collection, Ops: ops}); err != nil {
			return err
		}
	}
	return x.WaitIndexed(ctx, collection)
}
