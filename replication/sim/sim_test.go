package sim

import (
	"sync"
	"testing"

	"github.com/vectorizer-go/vectorizer/replication"
)

// TestSeeds runs many seeds. A failing one is printed; Run with its Options and
// Trace tells what happened.
// Defect: votes-in-memory.
func TestSeeds(t *testing.T) {
	total := runSeeds(t, 1, seeds, func(seed uint64) Options { return Options{Seed: seed} })
	t.Logf("%d seeds: %+v", seeds, total)
	if total.Confirmed == 0 || total.Promotions == 0 || total.Copies == 0 || total.Crashes == 0 {
		t.Errorf("something never happened: %+v", total)
	}
}

// runSeeds runs seeds from first on, two at a time, and adds up what happened.
func runSeeds(t *testing.T, first, n uint64, options func(uint64) Options) Result {
	t.Helper()
	var mu sync.Mutex
	var total Result
	var wg sync.WaitGroup
	work := make(chan uint64)
	for range 2 {
		wg.Go(func() {
			for seed := range work {
				r := Run(options(seed))
				mu.Lock()
				if r.Violation != "" {
					t.Errorf("%s", r.Violation)
				}
				total.Add(r)
				mu.Unlock()
			}
		})
	}
	for seed := first; seed < first+n; seed++ {
		work <- seed
	}
	close(work)
	wg.Wait()
	return total
}

// TestFoundBefore runs the seeds that once broke an invariant, with what was wrong.
func TestFoundBefore(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		what string
	}{
		{10227, "a takeover that waited for a slow disk outlived its order, and met the next one"},
		{19365, "a handover was ordered from a master that another one had replaced"},
	} {
		if r := Run(Options{Seed: c.seed}); r.Violation != "" {
			t.Errorf("%s\n(before: %s)", r.Violation, c.what)
		}
	}
}

// TestSeedsRepeat: a seed is a complete description of a run.
func TestSeedsRepeat(t *testing.T) {
	for seed := uint64(1); seed < 6; seed++ {
		a, b := Run(Options{Seed: seed, Trace: true}), Run(Options{Seed: seed, Trace: true})
		if a != b {
			t.Errorf("seed %d ran differently twice", seed)
		}
	}
}

// TestPlantedBugs: a simulator that cannot fail proves nothing. Each mistake must
// be found within a number of seeds.
// Defect: votes-in-memory.
func TestPlantedBugs(t *testing.T) {
	find := func(name string, o Options) {
		t.Helper()
		const within = 400
		for seed := uint64(1); seed <= within; seed++ {
			o.Seed = seed
			if r := Run(o); r.Violation != "" {
				t.Logf("%s: found by %s", name, r.Violation)
				return
			}
		}
		t.Errorf("%s: not found in %d seeds", name, within)
	}
	find("skip fsync", Options{SkipFsync: true})
	find("acknowledge before it is durable", Options{Break: replication.BreakEarlyAck})
	find("follow a lower epoch", Options{Break: replication.BreakLowerEpoch})
	find("apply twice", Options{Break: replication.BreakApplyTwice})
	find("forget a promise", Options{Break: replication.BreakForgetPromise})
	find("write while handing over", Options{Break: replication.BreakSealAfter})
	find("accept any position", Options{Break: replication.BreakAnyPosition})
}
