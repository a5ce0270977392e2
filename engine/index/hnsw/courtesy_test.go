package hnsw

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// TestSearchesGoFirst: while somebody searches, and a while after, one processor is
// left free, but never is there no linker.
func TestSearchesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCourtesy(50, 4)
		const free = 3
		want := func(limit, n int) {
			t.Helper()
			if got := c.linkers(limit, 0); got != n {
				t.Errorf("%d linkers of %d, want %d", got, limit, n)
			}
		}
		want(100, 100)
		c.searching()
		want(100, free)
		want(1, 1)
		<-time.After(searchesAfter)
		want(100, free)
		c.searching()
		<-time.After(searchesAfter + 1)
		want(100, free) // a search began since the last look
		<-time.After(searchesAfter + 1)
		want(100, 100)

		begin := time.Now()
		c.rest(begin.Add(-time.Hour))
		if time.Since(begin) != 0 {
			t.Error("a rest although nobody searches")
		}
		c.searching()
		want(1, 1)
		if c.rest(begin); time.Since(begin) != 0 {
			t.Error("a rest without work")
		}
		if c.rest(begin.Add(-restStretch)); time.Since(begin) != restStretch {
			t.Errorf("a rest of %v, want %v", time.Since(begin), restStretch)
		}
		NewCourtesy(100, 4).rest(begin.Add(-time.Hour))
		if time.Since(begin) != restStretch {
			t.Error("a rest with a share of 100")
		}
	})
}

// TestWritesGoFirst: while somebody waits for writes one processor is left free, unless
// too many rows wait to be linked; linkers do not rest.
func TestWritesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCourtesy(50, 4)
		const free = 3
		for _, s := range []struct {
			what          string
			writing       bool
			backlog, want int
		}{
			{"nobody writes", false, 0, 100},
			{"a write", true, 0, free},
			{"the backlog is allowed", true, writeBacklog, free},
			{"the backlog is too long", true, writeBacklog + 1, 100},
		} {
			if s.writing {
				c.Writing()
			}
			if got := c.linkers(100, s.backlog); got != s.want {
				t.Errorf("%s: %d linkers, want %d", s.what, got, s.want)
			}
		}
		begin := time.Now()
		if c.rest(begin.Add(-time.Hour)); time.Since(begin) != 0 {
			t.Error("a rest for writes")
		}
		<-time.After(searchesAfter + 1)
		if got := c.linkers(100, 0); got != 100 {
			t.Errorf("%d linkers after the writes", got)
		}
	})
}

// TestBuildBesideSearches links everything although searches never cease.
func TestBuildBesideSearches(t *testing.T) {
	x, r := randomIndexOf(t, 200, Config{Dim: 16, Metric: compute.L2, M: 8, EfConstruction: 64, LinkWorkers: 4,
		MaxPending: 64})
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q := gauss(rand.New(rand.NewPCG(1, 1)), 16)
		var hits []index.Hit
		for {
			select {
			case <-done:
				return
			default:
				hits = x.Search(q, index.Params{K: 5, Ef: 20}, hits[:0])
			}
		}
	}()
	for row := range uint32(3000) {
		if err := x.Put(row, gauss(r, 16)); err != nil {
			t.Fatal(err)
		}
	}
	x.Wait()
	close(done)
	<-ended
	if lost, wrong := reachable(x); x.Pending() != 0 || lost > 0 || wrong > 0 {
		t.Fatalf("%d pending, %d unreachable, %d miscounted", x.Pending(), lost, wrong)
	}
}

// TestWorkersMakeTheSameGraph builds with one, two and four linkers: they make other
// graphs, but none is worse.
func TestWorkersMakeTheSameGraph(t *testing.T) {
	const rows, tolerance = 5000, 0.01
	set := randomSet(t, rows, 300, 16)
	at := make([]int, rows)
	for i := range at {
		at[i] = i
	}
	one := 0.0
	for _, workers := range []int{1, 2, 4} {
		x := build(t, set, Config{M: 8, EfConstruction: 100, LinkWorkers: workers})
		got := recallAt(set, x, at, 32)
		if workers == 1 {
			one = got
		}
		if got < one-tolerance {
			t.Errorf("recall %.4f with %d linkers, %.4f with one", got, workers, one)
		}
		if lost, wrong := reachable(x); lost > 0 || wrong > 0 {
			t.Errorf("%d linkers: %d unreachable, %d miscounted", workers, lost, wrong)
		}
	}
}
