// Package suites holds the benchmarks that `vectorizer bench` runs. Each measures
// one promise of the product and returns a result.Run with every parameter.
//
// Speeds on a shared machine drift by half within an hour, so what is compared is
// measured in turn, A B A B …, and medians of the repetitions are reported with
// all samples beside them.
package suites

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Env is what suites run with.
type Env struct {
	Out     io.Writer // progress for people
	Version string
	SIMD    string   // kernels in use
	Command string   // that repeats the run, without the suite
	Server  []string // program and arguments that serve; "--port", "0" and more are added
	// ServerEnv is added to the environment of Server: NAME=value.
	ServerEnv []string
	TempDir   string // on the disk whose syncs are measured; "" = os.TempDir()
	Set       *dataset.Set
	K         int     // neighbours asked for
	M         int     // links per row
	EfC       int     // effort while building
	Threads   []int   // of searches in process
	BuildTh   int     // goroutines that build
	Repeat    int     // repetitions, of which the median counts
	Seconds   float64 // length of one measurement
	Peers     Peers
	Cycles    int // of the churn suite, at least MinCycles
	// Rows is the size of the generated sets; exact and dimensions take fewer.
	Rows int
}

// Peers say which other libraries to measure and how.
type Peers struct {
	Names  []string // hnswlib, faiss, usearch; none = ours alone
	Python string   // interpreter of the environment that has them
	Driver string   // bench/peers/driver.py
}

// Suite is one benchmark.
type Suite struct {
	Name  string
	About string
	run   func(ctx context.Context, e *Env, r *result.Run) error
}

// All lists the suites in the order of "all".
func All() []Suite {
	return []Suite{
		{"search", "recall against queries per second of the index in process, and build time, beside peers",
			runSearch},
		{"build", "build time against recall as the effort of building grows, beside peers", runBuild},
		{"http", "searches over HTTP: latency, throughput, and server CPU per search above the index's",
			runHTTP},
		{"filtered", "searches with filters of four selectivities, correlated with the vectors or not", runFiltered},
		{"quantisation", "build time, memory, recall and speed of every setting of quantisation", runQuantisation},
		{"exact", "exact search of batches beside OpenBLAS's matrix product and a selection", runExact},
		{"scale", "generated sets of 10,000 rows and more: build time, memory and speed", runScale},
		{"dimensions", "generated sets of 32 to 1,536 components: build time, memory and speed", runDimensions},
		{"core", "latency of every operation of the API, one client", runCore},
		{"storage", "bytes on the disk, write amplification and rate in every mode of fsync", runStorage},
		{"backends", "the same searches with every instruction set and device of this machine", runBackends},
		{"clients", "exact searches of 256 clients with single queries against full batches", runClients},
		{"durable", "single durable upserts: 32 clients against one", runDurable},
		{"bulk", "bulk import over HTTP against the pure index build", runBulk},
		{"update", "updates by how far a vector moves, against delete and insert, and recall after churn", runUpdate},
		{"building", "search latency while another collection is built", runBuilding},
		{"churn", "cycles of changing everything: recall, memory and disk stay", runChurn},
		{"restart", "a million generated vectors: restart to the first correct answer, and memory",
			runRestart},
		{"overhead", "what metrics and logging cost a search, paired", runOverhead},
		{"replication", "what a replica costs its master's writers, how soon it has a write, and what statistics cost",
			runReplication},
		{"fullsync", "a full copy of a million generated vectors: rate, first correct answer, memory", runFullSync},
	}
}

// Names lists the names of All.
func Names() []string {
	var out []string
	for _, s := range All() {
		out = append(out, s.Name)
	}
	return out
}

// Find returns the suites that a comma-separated list names; "all" is every one.
func Find(list string) ([]Suite, error) {
	all := All()
	if list == "all" {
		return all, nil
	}
	var out []Suite
	for _, name := range strings.Split(list, ",") {
		at := slices.IndexFunc(all, func(s Suite) bool { return s.Name == strings.TrimSpace(name) })
		if at < 0 {
			return nil, errs.Invalid("suite", "all or a list of "+strings.Join(Names(), ", "), name)
		}
		out = append(out, all[at])
	}
	return out, nil
}

// Run runs the suite.
func (s *Suite) Run(ctx context.Context, e *Env) (*result.Run, error) {
	r := &result.Run{Schema: result.Schema, Suite: s.Name, Date: time.Now().UTC(),
		Command: e.Command + " --suite " + s.Name, Machine: measure.ThisMachine(),
		Build: measure.ThisBuild(e.Version), SIMD: e.SIMD,
		Parameters: map[string]any{"repetitions": e.Repeat, "seconds per measurement": e.Seconds}}
	if e.Set != nil {
		r.Data = result.DataOf(e.Set)
	}
	e.say("suite %s: %s", s.Name, s.About)
	if err := s.run(ctx, e, r); err != nil {
		return nil, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	return r, nil
}

func (e *Env) say(format string, args ...any) { fmt.Fprintf(e.Out, format+"\n", args...) }

// sayFigures prints the figures of a run with their targets.
func (e *Env) sayFigures(r *result.Run) {
	for i := range r.Figures {
		f := &r.Figures[i]
		line := fmt.Sprintf("  %-52s %14s", f.Name, result.Number(f.Value, f.Unit))
		if f.Recall > 0 {
			line += fmt.Sprintf("  recall %.4f", f.Recall)
		}
		if f.Target != nil {
			sign, verdict := "at least", "met"
			if f.Better == result.Lower {
				sign = "at most"
			}
			if !f.Met() {
				verdict = "NOT MET"
			}
			line += fmt.Sprintf("  %s: %s %s (%s)", verdict, sign, result.Number(f.Target.Value, f.Unit),
				f.Target.From)
		}
		e.say("%s", line)
	}
}

// tempDir makes a directory that remove removes.
func (e *Env) tempDir() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(e.TempDir, "vectorizer-bench-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// graphParameters notes the parameters of the graph.
func (e *Env) graphParameters(r *result.Run) {
	r.Parameters["m"] = e.M
	r.Parameters["ef_construction"] = e.EfC
	r.Parameters["k"] = e.K
	r.Parameters["quantization"] = "auto"
}
