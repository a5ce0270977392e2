package suites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

// fewEfs are the efforts of curves of which a suite measures many.
var fewEfs = []int{10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384}

// labelled is an index of ours that a curve is named after.
type labelled struct {
	label string
	x     index.Graph
}

// curvesInTurn measures one curve of each index with one thread, effort by effort
// and repetition by repetition in turn, each for a part of e.Seconds.
func curvesInTurn(ctx context.Context, e *Env, all []labelled, efs []int) ([]result.Curve, error) {
	curves := make([]result.Curve, len(all))
	for i, l := range all {
		curves[i] = result.Curve{System: ours, Label: l.label, Threads: 1, K: e.K}
	}
	for _, ef := range efs {
		points := make([]result.Point, len(all))
		for range e.Repeat {
			for i, l := range all {
				s, err := searchIndex(ctx, e, l.x, ef, 1, e.Seconds/4)
				if err != nil {
					return nil, err
				}
				points[i].Recall, points[i].Samples = s.recall, append(points[i].Samples, s.qps)
			}
		}
		for i := range points {
			points[i].Ef, points[i].QPS = ef, measure.Median(points[i].Samples)
			curves[i].Points = append(curves[i].Points, points[i])
		}
	}
	return curves, nil
}

// addSpeeds adds the speed of a curve at each goal of recall. A goal that is not
// reached becomes a note.
func addSpeeds(r *result.Run, c *result.Curve) {
	for _, goal := range recallGoals {
		qps, ok := SpeedAt(c, goal)
		if !ok {
			r.Notes = append(r.Notes, fmt.Sprintf("%s does not reach recall %.2f.", c.Label, goal))
			continue
		}
		r.Add(result.Figure{Name: fmt.Sprintf("queries per second at recall %.2f: %s", goal, c.Label),
			Unit: "queries/s", Better: result.Higher, Recall: goal, Value: qps})
	}
}

// best is the highest recall of a curve.
func best(c *result.Curve) float64 {
	top := 0.0
	for _, p := range c.Points {
		top = max(top, p.Recall)
	}
	return top
}

// held is what an index holds, vectors included.
func held(m index.Memory) int64 { return m.Vectors + m.Links + m.Codes + m.Other }

// reopened writes an index to a file and opens it from there, its vectors mapped.
func reopened(e *Env, x *hnsw.Index) (mapped *hnsw.Index, err error) {
	dir, remove, err := e.tempDir()
	if err != nil {
		return nil, err
	}
	defer remove() // what is mapped stays until the index is closed
	f, err := os.Create(filepath.Join(dir, "image"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := image.NewWriter(f)
	if err != nil {
		return nil, err
	}
	if err := x.WriteImage(w); err != nil {
		return nil, err
	}
	size, err := w.Finish()
	if err != nil {
		return nil, err
	}
	r, err := image.NewReader(f, size)
	if err != nil {
		return nil, err
	}
	cfg := x.Config()
	cfg.MapVectors = true
	return hnsw.OpenImage(cfg, r)
}
