package suites

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

const (
	// buildShare is the share of hnswlib's build time that a build may take.
	buildShare = 1.0 / 3
	// secondThread is how much two searching threads reach of one.
	secondThread = 1.9
	// tailRise is how many times the median the 99th percentile may take.
	tailRise = 2.5
)

// speedGoals are the multiples of hnswlib's speed to reach in the same run, at each
// of recallGoals, by data set. They stand for twice the speed of glass.
var speedGoals = map[string][]float64{
	"mnist-784":        {4.5, 5.2},
	"clustered-1m-128": {3.2, 3.1},
	"code-lsa-256":     {4, 4.4},
}

// speedGoal is the multiple of hnswlib's speed to reach on a data set at the goal of
// recall in place i: 1 where none is set.
func speedGoal(data string, i int) float64 {
	if goals := speedGoals[data]; goals != nil {
		return goals[i]
	}
	return 1
}

// againstHnswlib is a target that is a multiple of hnswlib's figure.
func againstHnswlib(value, times float64) *result.Target {
	from := "hnswlib in the same run"
	if times != 1 {
		from = result.Number(times, "") + " times " + from
	}
	return &result.Target{Value: times * value, From: from}
}

// addThreads compares two threads with one at each goal of recall, each repetition
// with its own neighbour in time.
func addThreads(r *result.Run) {
	find := func(threads int) *result.Curve {
		at := slices.IndexFunc(r.Curves, func(c result.Curve) bool { return c.System == ours && c.Threads == threads })
		if at < 0 {
			return nil
		}
		return &r.Curves[at]
	}
	one, two := find(1), find(2)
	if one == nil || two == nil {
		return
	}
	for _, goal := range recallGoals {
		var gains []float64
		for i := range one.Points[0].Samples {
			a, ok := SpeedAt(repetition(one, i), goal)
			b, reached := SpeedAt(repetition(two, i), goal)
			if ok && reached {
				gains = append(gains, b/a)
			}
		}
		if len(gains) > 0 {
			r.Add(result.Figure{Name: fmt.Sprintf("two threads against one at recall %.2f", goal), Recall: goal,
				Better: result.Higher, Target: &result.Target{Value: secondThread, From: "aim of threads"}}, gains...)
		}
	}
}

// repetition is a curve of the speeds of one repetition only.
func repetition(c *result.Curve, i int) *result.Curve {
	one := *c
	one.Points = slices.Clone(c.Points)
	for j, p := range c.Points {
		one.Points[j].QPS = p.Samples[i]
	}
	return &one
}

// addLatency measures single searches at the least effort of a curve whose recall
// is that of the last goal, or at its last one.
func addLatency(ctx context.Context, e *Env, r *result.Run, x *hnsw.Index, c *result.Curve) error {
	at := c.Points[len(c.Points)-1]
	for _, p := range c.Points {
		if p.Recall >= recallGoals[len(recallGoals)-1] {
			at = p
			break
		}
	}
	var all measure.Histogram
	var rise []float64
	for range e.Repeat {
		h := searchTimes(ctx, e, x, at.Ef)
		rise = append(rise, float64(h.Quantile(0.99))/float64(max(h.Quantile(0.5), 1)))
		all.Merge(h)
	}
	r.Latencies = append(r.Latencies, result.LatencyOf(fmt.Sprintf("search in process, ef %d", at.Ef), &all))
	r.Add(result.Figure{Name: "99th percentile of a search against its median", Better: result.Lower,
		Recall: at.Recall, Target: &result.Target{Value: tailRise, From: "aim of single searches"}}, rise...)
	return ctx.Err()
}

// searchTimes times every search of one pinned thread for e.Seconds.
func searchTimes(ctx context.Context, e *Env, x *hnsw.Index, ef int) *measure.Histogram {
	h := new(measure.Histogram)
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // for good: the thread is pinned and ends with this goroutine
		pinThread(searchCPUs(1), 0)
		s := newSearcher(e.Set, e.K)
		begin := time.Now()
		for h.Count() == 0 || time.Since(begin).Seconds() < e.Seconds && ctx.Err() == nil {
			for q := range e.Set.NumQueries() {
				from := time.Now()
				s.search(x, q, ef)
				h.Add(time.Since(from))
			}
		}
	})
	wg.Wait()
	return h
}

// efforts are the efforts of building that the build suite measures.
var efforts = []int{40, 80, 160, 320}

// buildRecallEf is the effort of searches whose recall goes with a build time.
const buildRecallEf = 64

// runBuild measures build time against recall as the effort of building grows,
// ours and every peer's in turn.
func runBuild(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	r.Parameters["build threads"], r.Parameters["ef of the recall"] = e.BuildTh, buildRecallEf
	delete(r.Parameters, "ef_construction") // it is what varies
	peers, err := startPeers(ctx, e, r)
	if err != nil {
		return err
	}
	defer peers.stop()
	part := *e
	for _, effort := range efforts {
		part.EfC = effort
		add := func(name string, recall float64, seconds []float64) {
			r.Add(result.Figure{Name: fmt.Sprintf("build time: %s, effort %d", name, effort), Unit: "s",
				Better: result.Lower, Recall: recall}, seconds...)
		}
		own, recall, theirs, err := buildAt(ctx, &part, peers)
		if err != nil {
			return err
		}
		add(ours, recall, own)
		for i, p := range peers.all {
			found, _, err := p.search(ctx, buildRecallEf, 1, 0)
			if err != nil {
				return err
			}
			add(p.name, found, theirs[i])
		}
		e.say("  effort %d: ours %s, peers %v", effort, result.Number(measure.Median(own), "s"), lasts(theirs))
	}
	e.sayFigures(r)
	return nil
}

// buildAt builds ours and every peer's index e.Repeat times, in turn.
func buildAt(ctx context.Context, e *Env, peers *peers) (own []float64, recall float64, theirs [][]float64, err error) {
	theirs = make([][]float64, len(peers.all))
	for range e.Repeat {
		x, took, err := buildIndex(e, e.Set.Rows())
		if err != nil {
			return nil, 0, nil, err
		}
		own, recall = append(own, took.Seconds()), indexRecall(e, x, buildRecallEf)
		if err := x.Close(); err != nil {
			return nil, 0, nil, err
		}
		for i, p := range peers.all {
			seconds, err := p.build(ctx, e.BuildTh, e.EfC)
			if err != nil {
				return nil, 0, nil, err
			}
			theirs[i] = append(theirs[i], seconds)
		}
	}
	return own, recall, theirs, nil
}
