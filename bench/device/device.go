// Package device measures exact search on a device: the table of goals, beside the
// CPU backend and, where there is one, PyTorch, in one run on one machine.
//
// Times are of whole calls: queries up, results down and every launch between are
// in them. Data are generated, clustered, and resident before the clock starts.
package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Options say what to measure.
type Options struct {
	Device  compute.Backend
	Host    compute.Backend // which also gives the truth
	Rows    int
	Dims    []int
	Batches []int // queries of a call
	K       int
	Repeat  int // times a call is measured; the median counts
	Torch   Torch
	Out     io.Writer
	Version string
	SIMD    string
	Command string
}

// goals are the times of the goal table, on one H200 with data resident.
var goals = []struct {
	rows, dim, queries int
	ms                 float64
}{
	{1_000_000, 768, 1, 0.85}, {1_000_000, 128, 1024, 0.7}, {1_000_000, 768, 1024, 3.5},
}

// hostQueries bounds the queries that the host searches, for the truth and for
// its own time.
const hostQueries = 64

// Run measures. It returns what it has with an error.
func Run(ctx context.Context, o *Options) (*result.Run, error) {
	r := &result.Run{
		Schema: result.Schema, Suite: "device", Date: time.Now().UTC(), Command: o.Command,
		Machine: measure.ThisMachine(), Build: measure.ThisBuild(o.Version), SIMD: o.SIMD,
		Parameters: map[string]any{"rows": o.Rows, "k": o.K, "repetitions": o.Repeat},
		Data: result.Data{
			Name: "clusters", Rows: o.Rows, Dim: o.Dims[0], Metric: "cosine",
			Queries: o.Batches[len(o.Batches)-1],
		},
		Peers: map[string]string{},
	}
	if m, ok := o.Device.(compute.Monitored); ok {
		s := m.Status()
		r.Parameters["device"], r.Parameters["driver"], r.Parameters["kernels"] = s.Device, s.Driver, s.Kernels
	}
	for _, dim := range o.Dims {
		if err := o.dimension(ctx, r, dim); err != nil {
			return r, fmt.Errorf("%d components: %w", dim, err)
		}
	}
	return r, nil
}

// dimension measures every batch size over rows of dim components.
func (o *Options) dimension(ctx context.Context, r *result.Run, dim int) error {
	largest := 0
	for _, n := range o.Batches {
		largest = max(largest, n)
	}
	d := generate(o.Rows, largest, dim)
	spec := compute.MatrixSpec{Rows: o.Rows, Dim: dim, Elem: compute.F32, Metric: compute.Cosine}
	m, upload, err := load(o.Device, spec, d.rows)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	r.Add(result.Figure{
		Name: fmt.Sprintf("upload, %s x %d", count(o.Rows), dim), Unit: "GB/s", Better: result.Higher,
		Value: float64(len(d.rows)) * 4 / upload.Seconds() / 1e9,
	})
	truth, hostMS, err := o.host(ctx, spec, d)
	if err != nil {
		return err
	}
	for _, n := range o.Batches {
		if err := o.batch(ctx, r, m, d, n, truth); err != nil {
			return err
		}
	}
	r.Add(result.Figure{
		Name: fmt.Sprintf("cpu, %d queries, %s x %d", truth.queries, count(o.Rows), dim),
		Unit: "ms", Better: result.Lower, Value: hostMS, Recall: 1,
	})
	return o.torch(ctx, r, dim, largest)
}

// load fills a matrix.
func load(b compute.Backend, s compute.MatrixSpec, rows []float32) (compute.Matrix, time.Duration, error) {
	m, err := b.NewMatrix(s)
	if err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	const piece = 1 << 16
	for at := 0; at < s.Rows; at += piece {
		n := min(piece, s.Rows-at)
		if err := m.Write(at, rows[at*s.Dim:(at+n)*s.Dim]); err != nil {
			return nil, 0, errors.Join(err, m.Close())
		}
	}
	return m, time.Since(begin), nil
}

// answers are the results of some queries.
type answers struct {
	queries int
	ids     []uint32
}

// host searches on the CPU, for the truth and its time.
func (o *Options) host(ctx context.Context, s compute.MatrixSpec, d *data) (*answers, float64, error) {
	host, ok := o.Host.(compute.HostMatrix)
	if !ok {
		return nil, 0, errors.New("the host's backend searches no host rows")
	}
	n := min(hostQueries, len(d.queries)/s.Dim)
	req := request(d, n, s.Dim, o.K)
	h := compute.HostRows{Rows: d.rows, Dim: s.Dim, Stride: s.Dim, Metric: s.Metric}
	begin := time.Now()
	err := host.SearchHost(ctx, h, req)
	return &answers{n, req.IDs}, ms(time.Since(begin)), err
}

func request(d *data, n, dim, k int) *compute.SearchRequest {
	return &compute.SearchRequest{
		Queries: d.queries[:n*dim], K: k, IDs: make([]uint32, n*k), Dist: make([]float32, n*k),
	}
}

// batch measures calls of n queries.
func (o *Options) batch(
	ctx context.Context, r *result.Run, m compute.Matrix, d *data, n int, truth *answers,
) error {
	req := request(d, n, d.dim, o.K)
	var samples []float64
	var stages []compute.Times
	for i := range o.Repeat + 2 {
		begin := time.Now()
		if err := o.Device.Search(ctx, m, req); err != nil {
			return err
		}
		if i >= 2 { // the first ones make buffers
			samples = append(samples, ms(time.Since(begin)))
			stages = append(stages, req.Times)
		}
	}
	f := result.Figure{
		Name: fmt.Sprintf("exact, %d queries, %s x %d", n, count(o.Rows), d.dim), Unit: "ms",
		Better: result.Lower, Recall: recall(req.IDs, truth, n, o.K),
	}
	for _, g := range goals {
		if g.rows == o.Rows && g.dim == d.dim && g.queries == n {
			f.Target = &result.Target{Value: g.ms, From: "goal on one H200, on the device"}
		}
	}
	r.Add(f, samples...)
	addStages(r, f.Name, stages)
	median := measure.Median(samples)
	fmt.Fprintf(o.Out, "%-40s %9.3f ms  %12.0f queries/s  recall %.4f\n",
		f.Name, median, float64(n)/median*1000, f.Recall)
	return nil
}

// addStages adds what the calls took by the device's clock, if it has one.
func addStages(r *result.Run, of string, all []compute.Times) {
	for _, s := range []struct {
		name string
		of   func(compute.Times) time.Duration
	}{
		{"upload", func(t compute.Times) time.Duration { return t.Upload }},
		{"kernels", func(t compute.Times) time.Duration { return t.Kernels }},
		{"download", func(t compute.Times) time.Duration { return t.Download }},
	} {
		var samples []float64
		for _, t := range all {
			if t.Measured() {
				samples = append(samples, ms(s.of(t)))
			}
		}
		if len(samples) > 0 {
			r.Add(result.Figure{
				Name: of + ": " + s.name, Unit: "ms", Better: result.Lower, Note: "by the device's clock",
			}, samples...)
		}
	}
}

// recall is the share of the truth's rows among those found, over the queries that
// the truth has.
func recall(ids []uint32, truth *answers, n, k int) float64 {
	found, all := 0, 0
	for q := range min(n, truth.queries) {
		want := map[uint32]bool{}
		for _, row := range truth.ids[q*k : (q+1)*k] {
			want[row] = true
		}
		for _, row := range ids[q*k : (q+1)*k] {
			if want[row] {
				found++
			}
		}
		all += k
	}
	return float64(found) / float64(max(all, 1))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// count is 1M for a million.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
