package suites

import (
	"context"
	"fmt"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

const (
	scaleDim      = 128
	sizesQueries  = 200
	sizesSeed     = 1
	dimensionRows = 20_000
)

// sizesEfs are the efforts of the curves of many sets.
var sizesEfs = []int{12, 16, 24, 32, 48, 64, 96, 128, 192, 256}

// dimensions are the widths of rows that are measured.
var dimensions = []int{32, 64, 128, 256, 512, 768, 1024, 1536}

// scaleSteps are 10,000, 30,000, 100,000 and so on, and rows itself at the end.
func scaleSteps(rows int) []int {
	var out []int
	for n := 10_000; n < rows; n *= 10 {
		out = append(out, n)
		if 3*n < rows {
			out = append(out, 3*n)
		}
	}
	return append(out, rows)
}

// runScale measures build time, memory and speed of growing parts of one generated
// set.
func runScale(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["seed"], r.Parameters["build threads"] = sizesSeed, e.BuildTh
	whole, err := dataset.Clustered(ctx, dataset.ClusteredSpec{Rows: e.Rows, Dim: scaleDim, Queries: sizesQueries,
		Seed: sizesSeed})
	if err != nil {
		return err
	}
	whole.TruthK = max(e.K, 10)
	whole.Truth = nil
	for _, rows := range scaleSteps(e.Rows) {
		part := *whole
		part.Base = whole.Base[:rows*whole.Dim]
		part.Truth = dataset.Exact(part.Metric, part.Base, part.Queries, part.Dim, part.TruthK)
		name := result.Number(float64(rows), "rows")
		if err := e.measureSize(ctx, r, &part, name, float64(rows)); err != nil {
			return err
		}
	}
	r.Data = result.DataOf(whole)
	e.sayFigures(r)
	return nil
}

// runDimensions measures the same of generated sets of equal rows and growing
// dimension.
func runDimensions(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["seed"], r.Parameters["build threads"] = sizesSeed, e.BuildTh
	for _, dim := range dimensions {
		set, err := dataset.Clustered(ctx, dataset.ClusteredSpec{Rows: min(e.Rows, dimensionRows), Dim: dim,
			Queries: sizesQueries, TruthK: max(e.K, 10), Seed: sizesSeed})
		if err != nil {
			return err
		}
		if err := e.measureSize(ctx, r, set, fmt.Sprintf("%d components", dim), float64(dim)); err != nil {
			return err
		}
		r.Data = result.DataOf(set)
	}
	e.sayFigures(r)
	return nil
}

// measureSize builds an index over a set and adds its figures under a name. at is
// the set's size in what the suite varies.
func (e *Env) measureSize(ctx context.Context, r *result.Run, set *dataset.Set, name string, at float64) error {
	part := *e
	part.Set = set
	x, took, err := buildWith(&part, set, codes.Auto)
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	rows := float64(set.Rows())
	add := func(f result.Figure) {
		f.At = at
		f.Name += ": " + name
		r.Add(f)
	}
	add(result.Figure{Name: "build time", Unit: "s", Better: result.Lower, Value: took.Seconds()})
	add(result.Figure{Name: "build time per row", Unit: "µs", Better: result.Lower,
		Value: result.Microseconds(took) / rows})
	add(result.Figure{Name: "index memory", Unit: "bytes", Better: result.Lower, Value: float64(held(x.Memory()))})
	add(result.Figure{Name: "bytes per row", Unit: "B", Better: result.Lower, Value: float64(held(x.Memory())) / rows})
	curves, err := curvesInTurn(ctx, &part, []labelled{{name, x}}, sizesEfs)
	if err != nil {
		return err
	}
	r.Curves = append(r.Curves, curves...)
	for _, goal := range recallGoals {
		if qps, ok := SpeedAt(&curves[0], goal); ok {
			add(result.Figure{Name: fmt.Sprintf("queries per second at recall %.2f", goal), Unit: "queries/s",
				Better: result.Higher, Recall: goal, Value: qps})
			continue
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s: recall %.2f is not reached.", name, goal))
	}
	e.say("  %s: built in %.1f s", name, took.Seconds())
	return nil
}
