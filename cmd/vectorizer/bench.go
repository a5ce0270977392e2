package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/report"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/suites"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	suite   string
	data    string
	out     string
	report  string
	tempDir string
	peers   []string
	python  string
	driver  string
	env     suites.Env
}

func newBenchCmd(a *app) *cobra.Command {
	var f benchFlags
	var about strings.Builder
	for _, s := range suites.All() {
		fmt.Fprintf(&about, "  %-9s %s\n", s.Name, s.About)
	}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure speed, recall and memory",
		Long: `Run benchmark suites and write one JSON file per suite, with the machine, the
commit, the data and every parameter, and one HTML and one Markdown report.

Suites:
` + about.String() + `
Other libraries are measured beside ours, in turn, in the same run, when --peers
names them; bench/peers/setup.sh installs them.`,
		Example: "  vectorizer bench --suite search --peers hnswlib\n" +
			"  vectorizer bench --suite http,durable --data code-lsa-256\n" +
			"  vectorizer bench compare before.json after.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), &f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.suite, "suite", "search", "suites to run, separated by commas, or all: "+
		strings.Join(suites.Names(), ", "))
	fl.StringVar(&f.data, "data", "code-lsa-256", "data set: a name, a folder, an HDF5 file as ann-benchmarks "+
		"has them, clustered-ROWS-COMPONENTS to generate one (clustered-1m-128), or small for the part that this "+
		"binary carries")
	fl.StringVar(&f.out, "out", "bench/results", "folder for the results")
	fl.StringVar(&f.report, "report", "", "HTML report, with a .md beside it (default report.html in --out; - for none)")
	fl.StringVar(&f.tempDir, "temp-dir", "", "where servers keep their data meanwhile: its disk is measured")
	fl.StringSliceVar(&f.peers, "peers", nil, "libraries to measure beside ours: hnswlib, faiss, usearch")
	fl.StringVar(&f.python, "peers-python", filepath.Join(".venv", "bin", "python"), "Python that has the peers")
	fl.StringVar(&f.driver, "peers-driver", filepath.Join("bench", "peers", "driver.py"), "program that runs the peers")
	fl.IntVar(&f.env.K, "k", 10, "neighbours per query")
	fl.IntVar(&f.env.M, "m", 16, "links per row")
	fl.IntVar(&f.env.EfC, "ef-construction", 200, "effort while building")
	fl.IntSliceVar(&f.env.Threads, "threads", []int{1}, "threads that search in process")
	fl.IntVar(&f.env.BuildTh, "build-threads", 2, "threads that build in process")
	fl.IntVar(&f.env.Repeat, "repeat", 3, "repetitions; the median counts")
	fl.Float64Var(&f.env.Seconds, "seconds", 2, "length of one measurement")
	fl.IntVar(&f.env.Rows, "rows", 1_000_000, "rows of the generated sets")
	fl.IntVar(&f.env.Cycles, "cycles", 20, "cycles of the churn suite")
	cmd.AddCommand(newBenchCompareCmd(a), newBenchReportCmd(a), newBenchDeviceCmd(a), newBenchBudgetsCmd(a))
	return cmd
}

// bench runs the suites.
func (a *app) bench(ctx context.Context, f *benchFlags) error {
	chosen, err := suites.Find(f.suite)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if err := f.check(); err != nil {
		return withCode(exitUsage, err)
	}
	ctx, stop := a.interruptible(ctx)
	defer stop()
	if f.env.Set, err = openData(ctx, f.data); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	f.env.Out, f.env.Version, f.env.SIMD = a.out, readBuildInfo().Version, simd.Level()
	f.env.Server = []string{program, "serve", "--log-format", "json", "--log-level", "info"}
	f.env.TempDir = f.tempDir
	f.env.Peers = suites.Peers{Names: f.peers, Python: f.python, Driver: f.driver}
	f.env.Command = f.command()
	var runs []*result.Run
	for i := range chosen {
		run, err := chosen[i].Run(ctx, &f.env)
		if err != nil {
			return interrupted(ctx, err)
		}
		path, err := run.Save(f.out)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "result      %s\n", path)
		runs = append(runs, run)
	}
	if f.report == "-" {
		return nil
	}
	if f.report == "" {
		f.report = filepath.Join(f.out, "report.html")
	}
	return a.writeReports(f.report, runs, past(f.out))
}

// check refuses parameters that no suite can run with.
func (f *benchFlags) check() error {
	e := &f.env
	for _, c := range []struct {
		name      string
		value     int
		low, high int
	}{
		{"k", e.K, 1, 100}, {"m", e.M, 2, 128}, {"ef-construction", e.EfC, 8, 4096},
		{"build-threads", e.BuildTh, 1, 1024}, {"repeat", e.Repeat, 1, 100}, {"rows", e.Rows, 1000, 100_000_000},
		{"cycles", e.Cycles, suites.MinCycles, 10_000},
	} {
		if c.value < c.low || c.value > c.high {
			return fmt.Errorf("--%s must be %d to %d, got %d", c.name, c.low, c.high, c.value)
		}
	}
	for _, t := range e.Threads {
		if t < 1 || t > 1024 {
			return fmt.Errorf("--threads must be 1 to 1024, got %d", t)
		}
	}
	if e.Seconds <= 0 || e.Seconds > 600 {
		return fmt.Errorf("--seconds must be above 0 and at most 600, got %v", e.Seconds)
	}
	return nil
}

// command is the command line that repeats the run, without the suite.
func (f *benchFlags) command() string {
	words := []string{"vectorizer bench --data", f.data, fmt.Sprintf("--k %d --m %d --ef-construction %d",
		f.env.K, f.env.M, f.env.EfC), fmt.Sprintf("--build-threads %d --repeat %d --seconds %v",
		f.env.BuildTh, f.env.Repeat, f.env.Seconds)}
	if len(f.peers) > 0 {
		words = append(words, "--peers "+strings.Join(f.peers, ","))
	}
	return strings.Join(words, " ")
}

// openData opens a data set by name, folder or HDF5 file, or generates it.
func openData(ctx context.Context, name string) (*dataset.Set, error) {
	if name == "small" {
		return dataset.Small()
	}
	if _, err := os.Stat(name); err == nil {
		return dataset.Open(name)
	}
	if s, ok, err := dataset.Generate(ctx, name); ok {
		return s, err
	}
	return dataset.Find(name)
}

// writeReports writes the HTML and the Markdown report of runs; older may hold
// their past.
func (a *app) writeReports(path string, runs, older []*result.Run) error {
	p := benchPage(runs)
	p.Older = older
	if err := writeReport(path, p, report.WriteHTML); err != nil {
		return err
	}
	text := strings.TrimSuffix(path, filepath.Ext(path)) + ".md"
	if err := writeReport(text, p, report.WriteMarkdown); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "report      %s\nreport      %s\n", path, text)
	return err
}

// benchPage is the report of benchmark runs: figures with a target come first.
func benchPage(runs []*result.Run) *report.Page {
	p := &report.Page{Title: "Vectorizer benchmarks", Runs: runs,
		Lead: "Every figure names its recall, its parameters and the machine. Speeds of different runs on a " +
			"shared machine differ by half: only what was measured in one run compares."}
	met, all := 0, 0
	for _, r := range runs {
		for i := range r.Figures {
			if r.Figures[i].Target != nil {
				all++
				if r.Figures[i].Met() {
					met++
				}
			}
		}
	}
	if all > 0 {
		p.Tiles = append(p.Tiles, report.Tile{Value: fmt.Sprintf("%d of %d", met, all), Name: "targets met"})
	}
	return p
}

func newBenchCompareCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "compare A.json B.json",
		Short: "Say how two results differ, with confidence",
		Long: `Compare the figures and curves that two results have in common: the ratio of B to
A, its 95 % interval from the repetitions, and whether the difference is more than
noise. Differences of machine, data and parameters are listed first.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			first, err := result.Load(args[0])
			if err != nil {
				return err
			}
			second, err := result.Load(args[1])
			if err != nil {
				return err
			}
			return result.WriteComparison(a.out, first, second)
		},
	}
}

func newBenchReportCmd(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "report RESULT.json… | FOLDER",
		Short: "Write an HTML and a Markdown report of results",
		Long: `Write a report of results, or of the newest result of each suite and data set in a
folder. Older results of the same suite, data and machine, beside the first one or in
the folder, become its history.`,
		Example: "  vectorizer bench report bench/results --report bench/results/REPORT.html",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return withCode(exitUsage, errors.New("--report names the HTML file"))
			}
			runs, older, err := reported(args)
			if err != nil {
				return err
			}
			return a.writeReports(out, runs, older)
		},
	}
	cmd.Flags().StringVar(&out, "report", "report.html", "HTML report; a .md is written beside it")
	return cmd
}

// reported loads the results that arguments name, and those that may be their past.
func reported(args []string) (runs, older []*result.Run, err error) {
	if st, err := os.Stat(args[0]); err == nil && st.IsDir() {
		if len(args) > 1 {
			return nil, nil, withCode(exitUsage, errors.New("a folder is given alone"))
		}
		all, err := result.LoadDir(args[0])
		if err == nil && len(all) == 0 {
			err = fmt.Errorf("%s: no results", args[0])
		}
		runs, older = result.Newest(all)
		return runs, older, err
	}
	for _, path := range args {
		r, err := result.Load(path)
		if err != nil {
			return nil, nil, err
		}
		runs = append(runs, r)
	}
	return runs, past(filepath.Dir(args[0])), nil
}

// past are the results of a folder; none where one of them cannot be read, because
// a report does without a history.
func past(dir string) []*result.Run {
	all, err := result.LoadDir(dir)
	if err != nil {
		return nil
	}
	return all
}
