package suites

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// Two threads are compared with one repetition by repetition: that the machine became
// half as fast between two of them says nothing about threads.
func TestAddThreads(t *testing.T) {
	curve := func(threads int, speeds ...float64) result.Curve {
		return result.Curve{System: ours, Threads: threads, Points: []result.Point{
			{Recall: 0.96, QPS: speeds[0], Samples: speeds}}}
	}
	r := &result.Run{Curves: []result.Curve{curve(1, 100, 50, 50), {System: "peer", Threads: 2}, curve(2, 190, 95, 60)}}
	addThreads(r)
	f := r.Figure("two threads against one at recall 0.95")
	if f == nil || f.Value != 1.9 || len(f.Samples) != 3 || f.Target == nil || len(r.Figures) != 1 {
		t.Errorf("%+v of %+v", f, r.Figures)
	}
}
