package budgets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

const (
	k          = 10
	goalRecall = 0.99
	allocRuns  = 500
	codeBuilds = 6 // graphs built on codes, which differ by when training ends
)

// efs are the efforts through which the line of workAt is drawn: on both sides of
// goalRecall, up to the first that is perfect.
var efs = []int{10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 56}

// Measure measures everything on the small data set that the binary carries.
// program is the file whose size is measured, "" for none.
func Measure(ctx context.Context, tempDir, program string) ([]Value, error) {
	set, err := dataset.Small()
	if err != nil {
		return nil, err
	}
	out := kernels()
	values, err := indexValues(set)
	if err != nil {
		return nil, err
	}
	out = append(out, values...)
	if values, err = builtOnCodes(set); err != nil {
		return nil, err
	}
	out = append(out, values...)
	if values, err = engineValues(ctx, set, tempDir); err != nil {
		return nil, err
	}
	out = append(out, values...)
	if program != "" {
		st, err := os.Stat(program)
		if err != nil {
			return nil, err
		}
		out = append(out, Value{Name: "size of the program", Value: float64(st.Size()), Unit: "bytes",
			Better: result.Lower, Machine: runtime.GOOS + "/" + runtime.GOARCH})
	}
	return out, nil
}

// built makes an index in which one goroutine links, so that the graph is the same
// each time as long as it is built on full vectors.
func built(set *dataset.Set, kind codes.Kind) (*hnsw.Index, error) {
	x, err := hnsw.New(hnsw.Config{Dim: set.Dim, Metric: set.Metric, M: 16, EfConstruction: 100, LinkWorkers: 1,
		Quantization: kind})
	if err != nil {
		return nil, err
	}
	for row := range set.Rows() {
		if err := x.Put(uint32(row), unit(set, set.Row(row))); err != nil {
			return nil, errors.Join(err, x.Close())
		}
	}
	x.Wait()
	return x, nil
}

// indexValues are the work of a search, its allocations and speed, and the bytes of
// a row, of a graph without codes and of the same graph with codes.
func indexValues(set *dataset.Set) (out []Value, err error) {
	x, err := built(set, codes.None)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	for _, kind := range []codes.Kind{codes.None, codes.SQ8} {
		if err := x.Requantize(kind); err != nil {
			return nil, err
		}
		x.Wait()
		values, err := valuesOf(set, x, kind.String())
		if err != nil {
			return nil, err
		}
		out = append(out, values...)
	}
	return out, nil
}

func valuesOf(set *dataset.Set, x *hnsw.Index, kind string) ([]Value, error) {
	hops, distances, err := workAt(set, x)
	if err != nil {
		return nil, err
	}
	size, err := imageSize(x)
	if err != nil {
		return nil, err
	}
	m, rows := x.Memory(), float64(set.Rows())
	hits, q := make([]index.Hit, 0, k), unit(set, set.Query(0))
	value := func(what, unit string, v float64) Value {
		return Value{Name: what + ", " + kind, Value: v, Unit: unit, Better: result.Lower}
	}
	return []Value{
		value("distances of a search at recall 0.99", "", distances),
		value("hops of a search at recall 0.99", "", hops),
		value("allocations of a search of the index", "",
			allocs(func() { hits = x.Search(q, index.Params{K: k, Ef: 64}, hits[:0]) })),
		value("links of a row", "B", float64(m.Links)/rows),
		value("codes of a row", "B", float64(m.Codes)/rows),
		value("other memory of a row", "B", float64(m.Other)/rows),
		value("image of a row", "B", float64(size)/rows),
		searchSteps(set, x, kind),
	}, nil
}

// builtOnCodes is the mean work of searches of several graphs built on codes.
func builtOnCodes(set *dataset.Set) ([]Value, error) {
	var hops, distances float64
	for range codeBuilds {
		x, err := built(set, codes.SQ8)
		if err != nil {
			return nil, err
		}
		h, d, err := workAt(set, x)
		if err = errors.Join(err, x.Close()); err != nil {
			return nil, err
		}
		hops, distances = hops+h/codeBuilds, distances+d/codeBuilds
	}
	return []Value{
		{Name: "distances of a search at recall 0.99, built on sq8", Value: distances, Better: result.Lower},
		{Name: "hops of a search at recall 0.99, built on sq8", Value: hops, Better: result.Lower},
	}, nil
}

// unit is v as an index takes it.
func unit(set *dataset.Set, v []float32) []float32 {
	out := make([]float32, len(v))
	copy(out, v)
	if set.Metric == compute.Cosine {
		simd.NormalizeF32(out, v)
	}
	return out
}

// workAt is the work of a search at goalRecall: on the line through all efforts that
// fits the logarithm of hops and of distances to that of the misses best. Two efforts
// alone would not do: between 20 and 28 the recall grows by 0.005, and two equally
// good graphs differ by 0.002.
func workAt(set *dataset.Set, x *hnsw.Index) (hops, distances float64, err error) {
	var misses, h, d []float64
	for _, ef := range efs {
		at := work(set, x, ef)
		if at[0] >= 1 {
			break
		}
		misses = append(misses, math.Log(1-at[0]))
		h, d = append(h, math.Log(at[1])), append(d, math.Log(at[2]))
	}
	if len(misses) < 2 || misses[len(misses)-1] > math.Log(1-goalRecall) {
		return 0, 0, fmt.Errorf("ef up to %d does not reach recall %v, or small ones are perfect", efs[len(efs)-1],
			goalRecall)
	}
	goal := math.Log(1 - goalRecall)
	return math.Exp(lineAt(misses, h, goal)), math.Exp(lineAt(misses, d, goal)), nil
}

// lineAt is the value at x of the line through the points (xs, ys) by least squares.
func lineAt(xs, ys []float64, x float64) float64 {
	var mx, my, xx, xy float64
	for i := range xs {
		mx, my = mx+xs[i]/float64(len(xs)), my+ys[i]/float64(len(xs))
	}
	for i := range xs {
		xx, xy = xx+(xs[i]-mx)*(xs[i]-mx), xy+(xs[i]-mx)*(ys[i]-my)
	}
	if xx == 0 {
		return my
	}
	return my + xy/xx*(x-mx)
}

// work is the mean recall, hops and distances of all queries.
func work(set *dataset.Set, x *hnsw.Index, ef int) (mean [3]float64) {
	checker, found := query.NewChecker(set, k), make([]int32, 0, k)
	var hits []index.Hit
	for q := range set.NumQueries() {
		var trace index.Trace
		hits = x.Search(unit(set, set.Query(q)), index.Params{K: k, Ef: ef, Trace: &trace}, hits[:0])
		found = found[:0]
		for _, h := range hits {
			found = append(found, int32(h.Row))
		}
		mean[0] += checker.Recall(q, found)
		mean[1] += float64(trace.Hops)
		mean[2] += float64(trace.Distances)
	}
	for i := range mean {
		mean[i] /= float64(set.NumQueries())
	}
	return mean
}

// allocs is the mean number of allocations of f, rounded down, as
// testing.AllocsPerRun counts them.
func allocs(f func()) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range allocRuns {
		f()
	}
	runtime.ReadMemStats(&after)
	return math.Floor(float64(after.Mallocs-before.Mallocs) / allocRuns)
}

// imageSize is the size of the index as an image.
func imageSize(x *hnsw.Index) (int64, error) {
	var b bytes.Buffer
	w, err := image.NewWriter(&b)
	if err != nil {
		return 0, err
	}
	if err := x.WriteImage(w); err != nil {
		return 0, err
	}
	return w.Finish()
}
