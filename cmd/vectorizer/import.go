package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// importFlags are the flags of import.
type importFlags struct {
	transferFlags
	read      rowio.Options
	format    string
	create    bool
	metric    string
	hnsw      client.HNSW
	batch     int
	conns     int
	fresh     bool
	waitIndex bool
	stateDir  string
	asJSON    bool
}

func newImportCmd(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Store the rows of a file in a collection",
		Long: `Store every row of FILE in a collection: fvecs, bvecs, ivecs, fbin, u8bin, i8bin,
npy, jsonl or csv, plain or compressed with gzip or zstd, parquet or hdf5. The format
is taken from the name and the content.

  fvecs, bvecs, ivecs, npy   vectors alone; the id is the row's number, unless
                             FILE.ids.jsonl, as export writes it, lies beside
  fbin, u8bin, i8bin         the same, as big-ann-benchmarks has them
  hdf5                       the same, of the table train or --vector-column, as
                             ann-benchmarks has them
  jsonl                      {"id": …, "vector": […], "payload": {…}} per line; also
                             embedding, data, values and metadata
  csv                        a header; the vector in one column as a JSON array or in
                             columns v0, v1, …; other columns become the payload
  parquet                    the vector in a list column; other columns become the
                             payload

An import that was interrupted goes on where it stopped when the same command is
given again. Rows replace those of the same id, so nothing is stored twice.`,
		Example: "  vectorizer import base.fvecs.gz --collection docs --create --metric cosine\n" +
			"  vectorizer import rows.parquet --collection docs --id-column doc_id",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(a, cmd, args[0]) },
	}
	f.transferFlags.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "", "format of FILE, when its name does not tell")
	fl.StringVar(&f.read.IDColumn, "id-column", "", `column or key with the id (default "id" where present)`)
	fl.StringVar(&f.read.VectorColumn, "vector-column", "", "column, key or table with the vector "+
		`(default "vector", "embedding" or "data"; "train" in hdf5)`)
	fl.StringVar(&f.read.VectorPrefix, "vector-prefix", "", "prefix of the numbered vector columns of a csv")
	fl.StringSliceVar(&f.read.Ignore, "ignore", nil, "columns or keys to leave out of the payload")
	fl.BoolVar(&f.create, "create", false, "create the collection when it is missing")
	fl.StringVar(&f.metric, "metric", "cosine", "metric of a created collection: cosine, euclidean or dot")
	fl.IntVar(&f.hnsw.M, "m", 0, "links per row of a created collection (default: the server's)")
	fl.IntVar(&f.hnsw.EfConstruction, "ef-construction", 0,
		"build effort of a created collection (default: the server's)")
	fl.IntVar(&f.batch, "batch", 500, "rows per request")
	fl.IntVar(&f.conns, "concurrency", 2, "requests in flight")
	fl.BoolVar(&f.fresh, "fresh", false, "start at the first row, whatever was imported before")
	fl.BoolVar(&f.waitIndex, "wait-index", false, "wait until every row is linked into the graph")
	fl.StringVar(&f.stateDir, "state-dir", "", "where to remember how far an import came "+
		"(default: vectorizer in the user's cache directory)")
	fl.BoolVar(&f.asJSON, "json", false, "print what was done as JSON")
	return cmd
}

// run imports one file.
func (f *importFlags) run(a *app, cmd *cobra.Command, file string) (err error) {
	if f.batch < 1 || f.batch > 10000 || f.conns < 1 || f.conns > 64 {
		return withCode(exitUsage, fmt.Errorf("--batch must be 1 to 10000 and --concurrency 1 to 64, "+
			"got %d and %d", f.batch, f.conns))
	}
	metric, err := dataset.ParseMetric(f.metric)
	if err != nil {
		return withCode(exitUsage, err)
	}
	f.metric = dataset.MetricName(metric)
	ctx, stop := a.interruptible(cmd.Context())
	defer stop()
	f.read.Format = rowio.Format(f.format)
	r, err := rowio.Open(file, f.read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	t, err := f.connect(ctx, a, cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	info, err := f.prepare(ctx, t, r)
	if err != nil {
		return t.explain(err)
	}
	state, err := f.state(a, file, t, &info)
	if err != nil {
		return err
	}
	return f.transfer(ctx, a, t, r, state)
}

// prepare finds or creates the collection and checks that the rows fit.
func (f *importFlags) prepare(ctx context.Context, t *transfer, r rowio.Reader) (client.Info, error) {
	info, err := t.Info(ctx, f.collection)
	var status *client.StatusError
	if errors.As(err, &status) && status.Type == "collection_not_found" {
		if !f.create {
			return info, fmt.Errorf("collection %q does not exist; --create makes it", f.collection)
		}
		if r.Dim() == 0 {
			return info, errors.New("the file has no rows, so the collection's dimension is unknown")
		}
		if err := t.Create(ctx, client.Collection{Name: f.collection, Dimension: r.Dim(),
			Metric: f.metric, HNSW: f.hnsw}); err != nil {
			return info, err
		}
		info, err = t.Info(ctx, f.collection)
	}
	if err == nil && r.Dim() != 0 && r.Dim() != info.Dimension {
		err = fmt.Errorf("collection %q has dimension %d, the file %d", f.collection, info.Dimension, r.Dim())
	}
	return info, err
}

// state finds how far an earlier run came; nil when that cannot be remembered.
func (f *importFlags) state(a *app, file string, t *transfer, info *client.Info) (*bulk.State, error) {
	dir := f.stateDir
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			fmt.Fprintf(a.errOut, "this import cannot be resumed: %v; --state-dir names a folder\n", err)
			return nil, nil
		}
		dir = filepath.Join(cache, "vectorizer")
	}
	s, err := bulk.OpenState(dir, file, t.place, f.collection, info.CreatedAt)
	if err != nil {
		return nil, err
	}
	if f.fresh {
		return s, s.Forget()
	}
	return s, nil
}

// transfer sends the rows.
func (f *importFlags) transfer(ctx context.Context, a *app, t *transfer, r rowio.Reader,
	state *bulk.State,
) error {
	o := bulk.ImportOptions{Addr: t.Addr(), Collection: f.collection, BatchRows: f.batch, Conns: f.conns,
		Timeout: f.timeout}
	if state != nil && state.Rows() > 0 {
		o.Start = state.Rows()
		fmt.Fprintf(a.errOut, "going on after row %d, where an earlier import stopped (--fresh starts again)\n",
			o.Start-1)
	}
	bar := newProgress(a.errOut, "importing")
	begin := time.Now()
	o.Stored = func(rows int64) {
		done, total := r.Progress()
		bar.describe(fmt.Sprintf("%s rows, %s", result.Number(float64(rows), ""),
			result.Number(float64(rows-o.Start)/time.Since(begin).Seconds(), "rows/s")))
		bar.set(done, total)
		if state != nil {
			_ = state.Advance(rows) // the rows are stored; at worst some are sent again
		}
	}
	res, err := bulk.Import(ctx, r, o)
	bar.finish()
	if err != nil {
		return t.explain(f.stopped(a, interrupted(ctx, err), &res, state))
	}
	if state != nil {
		if err := state.Forget(); err != nil {
			return err
		}
	}
	if f.waitIndex {
		if err := t.WaitIndexed(ctx, f.collection, nil); err != nil {
			return t.explain(err)
		}
	}
	return f.report(a, &res, time.Since(begin))
}

// stopped remembers how far an import came that did not end.
func (f *importFlags) stopped(a *app, err error, res *bulk.ImportResult, state *bulk.State) error {
	if state == nil || state.Rows() == 0 {
		return err
	}
	if saveErr := state.Save(); saveErr != nil {
		return errors.Join(err, saveErr)
	}
	fmt.Fprintf(a.errOut, "%d rows were stored by this run; the same command goes on after row %d\n",
		res.Rows, state.Rows()-1)
	return err
}

func (f *importFlags) report(a *app, res *bulk.ImportResult, took time.Duration) error {
	rate := float64(res.Rows) / took.Seconds()
	if f.asJSON {
		return json.NewEncoder(a.out).Encode(map[string]any{"collection": f.collection, "rows": res.Rows,
			"created": res.Created, "retries": res.Retries, "seconds": took.Seconds(), "rows_per_second": rate})
	}
	_, err := fmt.Fprintf(a.out, "imported %s rows into %s in %.1f s (%s); %s new, %s replaced\n",
		result.Number(float64(res.Rows), ""), f.collection, took.Seconds(), result.Number(rate, "rows/s"),
		result.Number(float64(res.Created), ""), result.Number(float64(res.Rows-res.Created), ""))
	return err
}
