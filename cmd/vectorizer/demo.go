package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/demo"
	"github.com/vectorizer-go/vectorizer/bench/report"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	data    string
	dataDir string
	report  string
	json    string
	backend string
	seconds float64
	small   bool
}

func newDemoCmd(a *app) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: store, index, search and measure a real data set",
		Long: `Start a server on a free loopback port, store a real data set in it over HTTP,
build the index, ask every query over HTTP and check the answers against the
exact truth, restart the server, and print what was measured. A report with plots
is written as one HTML file.

The data is code-lsa-256 from the folder that VECTORIZER_DATA names, or a part of
it that this binary carries. Exit code 1 when recall@10 stays below 0.95 or
anything fails.`,
		Example: "  vectorizer demo\n  vectorizer demo --data-dir ./data && vectorizer serve --data-dir ./data",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), &f) },
	}
	cmd.Flags().StringVar(&f.data, "data", "", "folder of a data set: base, queries and truth as "+
		"fvecs/bvecs and ivecs, perhaps gzip (default code-lsa-256)")
	cmd.Flags().BoolVar(&f.small, "small", false, "use the part of the data that this binary carries")
	cmd.Flags().StringVar(&f.dataDir, "data-dir", "", "keep the server's data here "+
		"(default: a temporary directory that is removed)")
	cmd.Flags().StringVar(&f.report, "report", "", "HTML report (default bench/out/demo.html in a "+
		"checkout, vectorizer-demo.html elsewhere; - for none)")
	cmd.Flags().StringVar(&f.json, "json", "", "write the figures as JSON here")
	cmd.Flags().StringVar(&f.backend, "backend", "auto", "compute backend: auto, cpu, cuda or metal")
	cmd.Flags().Float64Var(&f.seconds, "seconds", 2, "length of each measurement of speed")
	cmd.MarkFlagsMutuallyExclusive("data", "small")
	return cmd
}

// demo runs the demo and writes the report.
func (a *app) demo(ctx context.Context, f *demoFlags) error {
	if f.seconds <= 0 || f.seconds > 60 {
		return withCode(exitUsage, fmt.Errorf("--seconds must be above 0 and at most 60, got %v", f.seconds))
	}
	ctx, stop := a.interruptible(ctx)
	defer stop()
	set, err := f.open()
	if err != nil {
		return err
	}
	dir, remove, err := f.directory()
	if err != nil {
		return err
	}
	defer remove()
	backends, err := openBackends(ctx, f.backend, backendOptions{}, zerolog.Nop())
	if err != nil {
		return withCode(exitUsage, err)
	}
	defer func() { _ = closeBackends(backends) }()
	begin := time.Now()
	bar := newProgress(a.errOut, "storing")
	run, err := demo.Run(ctx, demo.Options{Set: set, DataDir: dir, Backends: backends, Out: a.out,
		Version: readBuildInfo().Version, SIMD: simd.Level(), Command: "vectorizer demo",
		Seconds: f.seconds, Progress: bar.set})
	bar.finish()
	if run != nil && (err == nil || errors.Is(err, demo.ErrRecall)) {
		err = errors.Join(err, a.demoReport(f, run))
	}
	if err != nil {
		return interrupted(ctx, err)
	}
	fmt.Fprintf(a.out, "done in %.0f s: recall@10 %.4f\n\n%s\n", time.Since(begin).Seconds(),
		run.Figure("recall").Value, f.farewell())
	return nil
}

// open opens the data set.
func (f *demoFlags) open() (*dataset.Set, error) {
	switch {
	case f.small:
		return dataset.Small()
	case f.data != "":
		return dataset.Open(f.data)
	}
	return dataset.Find("code-lsa-256")
}

// directory returns where the data goes and what removes it afterwards.
func (f *demoFlags) directory() (dir string, remove func(), err error) {
	if f.dataDir != "" {
		return f.dataDir, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "vectorizer-demo-")
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// demoReport writes the report and the figures.
func (a *app) demoReport(f *demoFlags, run *result.Run) error {
	if f.json != "" {
		if err := run.SaveAs(f.json); err != nil {
			return err
		}
	}
	path := f.report
	if path == "-" {
		return nil
	}
	if path == "" {
		path = defaultReport("demo.html", "vectorizer-demo.html")
	}
	if err := writeReport(path, demo.Page(run), report.WriteHTML); err != nil {
		return err
	}
	shown, err := filepath.Abs(path)
	if err != nil {
		shown = path
	}
	fmt.Fprintf(a.out, "report      %s\n", shown)
	return nil
}

// farewell says how to go on.
func (f *demoFlags) farewell() string {
	if f.dataDir != "" {
		return fmt.Sprintf("Start a server with this data: vectorizer serve --data-dir %s (collection %q)",
			f.dataDir, demo.Collection)
	}
	return "Start a server of your own:   vectorizer serve --data-dir ./data"
}

// defaultReport is name in bench/out of a checkout, or elsewhere in the working
// directory.
func defaultReport(name, elsewhere string) string {
	if st, err := os.Stat(filepath.Join("bench", "dataset")); err == nil && st.IsDir() {
		return filepath.Join("bench", "out", name)
	}
	return elsewhere
}

// writeReport writes a page to a file, whose folder is made when missing.
func writeReport(path string, p *report.Page, write func(io.Writer, *report.Page) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return write(w, p)
}
