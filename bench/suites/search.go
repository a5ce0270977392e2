package suites

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

// searchEfs are the efforts of the curves.
var searchEfs = []int{10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 192, 256}

// recallGoals are the recalls at which speeds are compared.
var recallGoals = []float64{0.95, 0.99}

// ours is the name of our system in curves and figures.
const ours = "vectorizer"

// runSearch measures the index in process, in turn with the peers.
func runSearch(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["build threads"] = e.BuildTh
	peers, err := startPeers(ctx, e, r)
	if err != nil {
		return err
	}
	defer peers.stop()
	x, err := buildInTurn(ctx, e, r, peers)
	if err != nil {
		return err
	}
	defer func() { _ = x.Close() }()
	mem := x.Memory()
	r.Add(result.Figure{Name: "index memory: " + ours, Unit: "bytes", Better: result.Lower,
		Value: float64(mem.Vectors + mem.Links + mem.Codes + mem.Other)})
	for _, p := range peers.all {
		if p.bytes > 0 {
			r.Add(result.Figure{Name: "index memory: " + p.name, Unit: "bytes", Better: result.Lower,
				Value: float64(p.bytes), Note: "growth of the resident memory of its process while building"})
		}
	}
	for _, threads := range e.Threads {
		curves, err := searchInTurn(ctx, e, x, peers, threads)
		if err != nil {
			return err
		}
		r.Curves = append(r.Curves, curves...)
		addGoals(r, curves)
	}
	addThreads(r)
	if err := addLatency(ctx, e, r, x, &r.Curves[0]); err != nil {
		return err
	}
	r.Add(result.Figure{Name: "allocations per query", Better: result.Lower, Value: allocsPerQuery(e, x),
		Target: &result.Target{Value: 0, From: "no allocations per query in the index"}})
	e.sayFigures(r)
	return nil
}

// buildInTurn builds ours and every peer's index e.Repeat times and keeps the
// last of ours.
func buildInTurn(ctx context.Context, e *Env, r *result.Run, peers *peers) (*hnsw.Index, error) {
	var x *hnsw.Index
	var own []float64
	theirs := make([][]float64, len(peers.all))
	for range e.Repeat {
		if x != nil {
			if err := x.Close(); err != nil {
				return nil, err
			}
		}
		built, took, err := buildIndex(e, e.Set.Rows())
		if err != nil {
			return nil, err
		}
		x, own = built, append(own, took.Seconds())
		for i, p := range peers.all {
			seconds, err := p.build(ctx, e.BuildTh, e.EfC)
			if err != nil {
				return nil, err
			}
			theirs[i] = append(theirs[i], seconds)
		}
		e.say("  built: ours %.1f s, peers %v", took.Seconds(), lasts(theirs))
	}
	f := result.Figure{Name: "build time: " + ours, Unit: "s", Better: result.Lower}
	if at := peers.index("hnswlib"); at >= 0 {
		share := 1.0
		if speedGoals[e.Set.Name] != nil {
			share = buildShare
		}
		f.Target = againstHnswlib(measure.Median(theirs[at]), share)
	}
	r.Add(f, own...)
	for i, p := range peers.all {
		r.Add(result.Figure{Name: "build time: " + p.name, Unit: "s", Better: result.Lower}, theirs[i]...)
	}
	return x, nil
}

func lasts(all [][]float64) []string {
	out := []string{}
	for _, s := range all {
		out = append(out, fmt.Sprintf("%.1f s", s[len(s)-1]))
	}
	return out
}

// searchInTurn measures the curves of ours and of every peer, repetition by
// repetition and effort by effort in turn.
func searchInTurn(ctx context.Context, e *Env, x *hnsw.Index, peers *peers, threads int) (
	[]result.Curve, error,
) {
	curves := []result.Curve{{System: ours, Label: "index", Threads: threads, K: e.K}}
	for _, p := range peers.all {
		curves = append(curves, result.Curve{System: p.name, Threads: threads, K: e.K})
	}
	for _, ef := range searchEfs {
		points := make([]result.Point, len(curves))
		for range e.Repeat {
			s, err := searchIndex(ctx, e, x, ef, threads, e.Seconds)
			if err != nil {
				return nil, err
			}
			points[0].Recall, points[0].Samples = s.recall, append(points[0].Samples, s.qps)
			for i, p := range peers.all {
				recall, qps, err := p.search(ctx, ef, threads, e.Seconds)
				if err != nil {
					return nil, err
				}
				points[i+1].Recall, points[i+1].Samples = recall, append(points[i+1].Samples, qps)
			}
		}
		line := fmt.Sprintf("  %d threads, ef %3d:", threads, ef)
		for i := range points {
			points[i].Ef, points[i].QPS = ef, measure.Median(points[i].Samples)
			curves[i].Points = append(curves[i].Points, points[i])
			line += fmt.Sprintf("  %s %.4f %s", curves[i].System, points[i].Recall,
				result.Number(points[i].QPS, "q/s"))
		}
		e.say("%s", line)
	}
	return curves, nil
}

// addGoals adds the speed at each goal of recall, with hnswlib's as the target of
// ours.
func addGoals(r *result.Run, curves []result.Curve) {
	for i, goal := range recallGoals {
		target := (*result.Target)(nil)
		at := slices.IndexFunc(curves, func(c result.Curve) bool { return c.System == "hnswlib" })
		if at >= 0 {
			if qps, ok := SpeedAt(&curves[at], goal); ok {
				target = againstHnswlib(qps, speedGoal(r.Data.Name, i))
			}
		}
		for i := range curves {
			c := &curves[i]
			qps, ok := SpeedAt(c, goal)
			if !ok {
				r.Notes = append(r.Notes, fmt.Sprintf("%s does not reach recall %.2f.", c.System, goal))
				continue
			}
			f := result.Figure{Unit: "queries/s", Better: result.Higher, Recall: goal, Value: qps,
				Name: fmt.Sprintf("queries per second at recall %.2f, %d threads: %s", goal, c.Threads, c.System)}
			if c.System == ours && c.Threads == 1 {
				f.Target = target
			}
			r.Add(f)
		}
	}
}

// SpeedAt is the speed of a curve at a recall: between two points the logarithm
// of the speed is interpolated, and a curve that starts above the recall has its
// first point's speed. ok is false for a curve that does not get there.
func SpeedAt(c *result.Curve, recall float64) (qps float64, ok bool) {
	for i, p := range c.Points {
		if p.Recall < recall {
			continue
		}
		if i == 0 || p.Recall == recall {
			return p.QPS, true
		}
		before := c.Points[i-1]
		share := (recall - before.Recall) / (p.Recall - before.Recall)
		return math.Exp(math.Log(before.QPS) + share*(math.Log(p.QPS)-math.Log(before.QPS))), true
	}
	return 0, false
}

// allocsPerQuery counts the allocations of searches. Other goroutines may allocate
// meanwhile, so the count is per query, rounded down, as testing.AllocsPerRun does.
func allocsPerQuery(e *Env, x *hnsw.Index) float64 {
	const queries = 1000
	s := newSearcher(e.Set, e.K)
	s.search(x, 0, 64)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for q := range queries {
		s.search(x, q%e.Set.NumQueries(), 64)
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / queries)
}
