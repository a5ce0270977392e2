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
	if r.Curves, err = searchInTurn(ctx, e, x, peers); err != nil {
		return err
	}
	for curves := range slices.Chunk(r.Curves, 1+len(peers.all)) {
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

// searchInTurn measures the curves of ours and of every peer, effort by effort and
// repetition by repetition in turn, with each number of threads beside the others: a
// shared machine drifts. The curves of one number of threads follow one another, ours
// first.
func searchInTurn(ctx context.Context, e *Env, x *hnsw.Index, peers *peers) ([]result.Curve, error) {
	var curves []result.Curve
	for _, threads := range e.Threads {
		curves = append(curves, result.Curve{System: ours, Label: "index", Threads: threads, K: e.K})
		for _, p := range peers.all {
			curves = append(curves, result.Curve{System: p.name, Threads: threads, K: e.K})
		}
	}
	for _, ef := range searchEfs {
		points := make([]result.Point, len(curves))
		for range e.Repeat {
			for i := range curves {
				recall, qps, err := searchPoint(ctx, e, x, peers, i, ef)
				if err != nil {
					return nil, err
				}
				points[i].Recall, points[i].Samples = recall, append(points[i].Samples, qps)
			}
		}
		for i := range points {
			points[i].Ef, points[i].QPS = ef, measure.Median(points[i].Samples)
			curves[i].Points = append(curves[i].Points, points[i])
		}
		saySpeeds(e, curves, ef)
	}
	return curves, nil
}

// searchPoint measures one system with one number of threads: those of curve i.
func searchPoint(ctx context.Context, e *Env, x *hnsw.Index, peers *peers, i, ef int) (
	recall, qps float64, err error,
) {
	systems := 1 + len(peers.all)
	threads := e.Threads[i/systems]
	if system := i % systems; system > 0 {
		return peers.all[system-1].search(ctx, ef, threads, e.Seconds)
	}
	s, err := searchIndex(ctx, e, x, ef, threads, e.Seconds)
	if err != nil {
		return 0, 0, err
	}
	return s.recall, s.qps, nil
}

// saySpeeds prints the last point of each curve, a line for each number of threads.
func saySpeeds(e *Env, curves []result.Curve, ef int) {
	for part := range slices.Chunk(curves, len(curves)/len(e.Threads)) {
		line := fmt.Sprintf("  %d threads, ef %3d:", part[0].Threads, ef)
		for _, c := range part {
			p := c.Points[len(c.Points)-1]
			line += fmt.Sprintf("  %s %.4f %s", c.System, p.Recall, result.Number(p.QPS, "q/s"))
		}
		e.say("%s", line)
	}
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
