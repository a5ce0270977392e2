// Package result is the form in which a benchmark's outcome is kept: one JSON
// file per run, with the machine, the build, the data and every parameter beside
// the figures. Version 1 of the schema; readers refuse others.
package result

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Schema is the version that this package writes and reads.
const Schema = 1

// Run is one run of one suite.
type Run struct {
	Schema     int               `json:"schema"`
	Suite      string            `json:"suite"`
	Date       time.Time         `json:"date"`
	Command    string            `json:"command"` // that repeats it
	Machine    measure.Machine   `json:"machine"`
	Build      measure.Build     `json:"build"`
	SIMD       string            `json:"simd"` // kernels in use
	Data       Data              `json:"data"`
	Parameters map[string]any    `json:"parameters"`
	Figures    []Figure          `json:"figures"`
	Curves     []Curve           `json:"curves,omitempty"`
	Latencies  []Latency         `json:"latencies,omitempty"`
	Peers      map[string]string `json:"peers,omitempty"` // name -> version and build
	Notes      []string          `json:"notes,omitempty"`
}

// Data says what was measured on.
type Data struct {
	Name    string `json:"name"`
	Rows    int    `json:"rows"`
	Dim     int    `json:"dim"`
	Metric  string `json:"metric"`
	Queries int    `json:"queries"`
	SHA256  string `json:"sha256"`
}

// DataOf describes a data set.
func DataOf(s *dataset.Set) Data {
	return Data{Name: s.Name, Rows: s.Rows(), Dim: s.Dim, Metric: dataset.MetricName(s.Metric),
		Queries: s.NumQueries(), SHA256: s.SHA256}
}

// Better says in which direction a figure improves.
type Better string

// The directions.
const (
	Higher Better = "higher"
	Lower  Better = "lower"
	Info   Better = "" // neither: a fact
)

// Figure is one number of a run.
type Figure struct {
	Name    string    `json:"name"` // stable: figures are compared by it
	Value   float64   `json:"value"`
	Unit    string    `json:"unit"`
	Better  Better    `json:"better,omitempty"`
	Samples []float64 `json:"samples,omitempty"` // Value is their median
	Recall  float64   `json:"recall,omitempty"`  // recall@k that goes with it
	Target  *Target   `json:"target,omitempty"`
	Note    string    `json:"note,omitempty"`
	// At is where the figure stands among others of its name up to the colon, where a
	// suite varies a number: rows, components. 0 = nothing is varied.
	At float64 `json:"at,omitempty"`
}

// Target is what a figure was to reach.
type Target struct {
	Value float64 `json:"value"`
	From  string  `json:"from"` // where the target comes from, in words
}

// Met reports whether the figure reached its target; a figure without one did.
func (f *Figure) Met() bool {
	if f.Target == nil {
		return true
	}
	if f.Better == Lower {
		return f.Value <= f.Target.Value
	}
	return f.Value >= f.Target.Value
}

// Curve is recall against speed for one system at one number of threads.
type Curve struct {
	System  string  `json:"system"` // "vectorizer", "hnswlib", …
	Label   string  `json:"label"`  // what varies between curves of a system
	Threads int     `json:"threads"`
	K       int     `json:"k"`
	Points  []Point `json:"points"`
}

// Point is one setting of the search effort.
type Point struct {
	Ef      int       `json:"ef"`
	Recall  float64   `json:"recall"`
	QPS     float64   `json:"qps"`
	Samples []float64 `json:"samples,omitempty"` // QPS of each repetition; QPS is the median
	P50us   float64   `json:"p50_us,omitempty"`
	P99us   float64   `json:"p99_us,omitempty"`
}

// Latency is the distribution of the times of one kind of request.
type Latency struct {
	Name    string   `json:"name"`
	Count   uint64   `json:"count"`
	MeanUS  float64  `json:"mean_us"`
	P50us   float64  `json:"p50_us"`
	P90us   float64  `json:"p90_us"`
	P99us   float64  `json:"p99_us"`
	P999us  float64  `json:"p999_us"`
	MaxUS   float64  `json:"max_us"`
	Buckets []Bucket `json:"buckets"`
}

// Bucket is one bar: count durations up to TopUS and above the bar before.
type Bucket struct {
	TopUS float64 `json:"top_us"`
	Count uint64  `json:"count"`
}

// BucketsPerDoubling is how many buckets of a Latency divide a power of two, in
// equal parts.
const BucketsPerDoubling = 16

// Microseconds is d as a number of microseconds.
func Microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// LatencyOf summarises a histogram.
func LatencyOf(name string, h *measure.Histogram) Latency {
	l := Latency{Name: name, Count: h.Count(), MeanUS: Microseconds(h.Mean()),
		P50us: Microseconds(h.Quantile(0.50)), P90us: Microseconds(h.Quantile(0.90)),
		P99us: Microseconds(h.Quantile(0.99)), P999us: Microseconds(h.Quantile(0.999)),
		MaxUS: Microseconds(h.Max())}
	for _, b := range h.Buckets(BucketsPerDoubling) {
		l.Buckets = append(l.Buckets, Bucket{TopUS: Microseconds(b.Top), Count: b.Count})
	}
	return l
}

// Add appends a figure whose value is the median of the samples.
func (r *Run) Add(f Figure, samples ...float64) {
	if len(samples) > 0 {
		f.Value = measure.Median(samples)
	}
	if len(samples) > 1 {
		f.Samples = samples
	}
	r.Figures = append(r.Figures, f)
}

// Figure returns the figure of a name, or nil.
func (r *Run) Figure(name string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// Save writes the run into dir under a name made of suite, data and date, and
// returns the path.
func (r *Run) Save(dir string) (string, error) {
	name := fmt.Sprintf("%s-%s-%s.json", r.Suite, r.Data.Name,
		r.Date.UTC().Format("20060102T150405Z"))
	path := filepath.Join(dir, strings.ReplaceAll(name, string(filepath.Separator), "_"))
	return path, r.SaveAs(path)
}

// SaveAs writes the run to path.
func (r *Run) SaveAs(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Load reads a run. Errors: *errs.Error for another schema or no result at all.
func Load(path string) (*Run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// LoadDir reads every result of a folder, oldest first. Other files in it are left
// alone. Errors: as of Load.
func LoadDir(dir string) ([]*Run, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []*Run
	for _, path := range paths {
		r, err := Load(path)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b *Run) int { return a.Date.Compare(b.Date) })
	return out, nil
}

// Newest splits results, oldest first, into the newest of each suite and data set,
// in the order of their suites' names, and the rest.
func Newest(runs []*Run) (newest, older []*Run) {
	last := map[[2]string]*Run{}
	for _, r := range runs {
		last[[2]string{r.Suite, r.Data.Name}] = r
	}
	for _, r := range runs {
		if last[[2]string{r.Suite, r.Data.Name}] == r {
			newest = append(newest, r)
		} else {
			older = append(older, r)
		}
	}
	slices.SortStableFunc(newest, func(a, b *Run) int {
		return cmp.Or(cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Data.Name, b.Data.Name))
	})
	return newest, older
}

// Parse reads a run from text; name stands in messages.
func Parse(name string, text []byte) (*Run, error) {
	r := new(Run)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, errs.New(errs.Validation, "%s: expected a benchmark result", name).Wrap(err)
	}
	if r.Schema != Schema || r.Suite == "" {
		return nil, errs.New(errs.Validation,
			"%s: expected a benchmark result of schema %d, got schema %d, suite %q",
			name, Schema, r.Schema, r.Suite)
	}
	return r, nil
}
