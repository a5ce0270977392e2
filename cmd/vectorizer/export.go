package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// exportFlags are the flags of export.
type exportFlags struct {
	transferFlags
	format string
	filter string
	page   int
	asJSON bool
}

func newExportCmd(a *app) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the rows of a collection to a file",
		Long: `Write every vector of a collection with its id and payload to FILE, in ascending
order of id: jsonl, parquet, npy or fvecs, by the name; jsonl and fvecs also
compressed as .gz or .zst. npy and fvecs have no room for ids and payloads, which
go to FILE.ids.jsonl. 'vectorizer import' reads all of them back. FILE appears
when it is complete.`,
		Example: "  vectorizer export docs.parquet --collection docs\n" +
			`  vectorizer export some.jsonl.zst --collection docs --filter '{"lang":"go"}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(a, cmd, args[0]) },
	}
	f.transferFlags.add(cmd)
	cmd.Flags().StringVar(&f.format, "format", "", "format of FILE, when its name does not tell")
	cmd.Flags().StringVar(&f.filter, "filter", "", "only rows that match this filter (JSON)")
	cmd.Flags().IntVar(&f.page, "batch", 500, "rows per request")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print what was done as JSON")
	return cmd
}

// run exports to one file.
func (f *exportFlags) run(a *app, cmd *cobra.Command, file string) (err error) {
	if f.page < 1 || f.page > 10000 {
		return withCode(exitUsage, fmt.Errorf("--batch must be 1 to 10000, got %d", f.page))
	}
	var filter json.RawMessage
	if f.filter != "" {
		if filter = json.RawMessage(f.filter); !json.Valid(filter) {
			return withCode(exitUsage, fmt.Errorf("--filter is not JSON: %s", f.filter))
		}
	}
	ctx, stop := a.interruptible(cmd.Context())
	defer stop()
	t, err := f.connect(ctx, a, cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	info, err := t.Info(ctx, f.collection)
	if err != nil {
		return t.explain(err)
	}
	w, err := rowio.Create(file, rowio.Format(f.format))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	begin := time.Now()
	bar := newProgress(a.errOut, "exporting")
	rows, err := bulk.Export(ctx, w, bulk.ExportOptions{Addr: t.Addr(), Collection: f.collection,
		PageRows: f.page, Filter: filter, Timeout: f.timeout,
		Written: func(n int64) { bar.set(n, max(info.VectorCount, n)) }})
	bar.finish()
	if err != nil {
		return t.explain(interrupted(ctx, err))
	}
	if err := w.Commit(); err != nil {
		return err
	}
	return f.report(a, file, rows, time.Since(begin))
}

func (f *exportFlags) report(a *app, file string, rows int64, took time.Duration) error {
	if f.asJSON {
		return json.NewEncoder(a.out).Encode(map[string]any{"collection": f.collection, "file": file,
			"rows": rows, "seconds": took.Seconds()})
	}
	_, err := fmt.Fprintf(a.out, "exported %s rows of %s to %s in %.1f s\n", result.Number(float64(rows), ""),
		f.collection, file, took.Seconds())
	return err
}
