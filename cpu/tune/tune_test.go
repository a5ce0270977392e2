package tune

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// machine is one on which a try takes what cost says, in microseconds, and noise more.
type machine struct {
	at    time.Duration
	noise func() int
}

func (m *machine) now() time.Duration { return m.at }

func (m *machine) trial(usual int, cost map[int]int) trial {
	t := trial{usual: usual, run: func(depth int) {
		m.at += time.Duration(cost[depth]+m.noise()) * time.Microsecond
	}}
	for depth := range cost {
		t.depths = depths(depth, t.depths...)
	}
	return t
}

func quiet() int { return 0 }

// TestChoose has machines on which another depth is better, clearly or not.
func TestChoose(t *testing.T) {
	f := func(want int, noise func() int, cost map[int]int) {
		t.Helper()
		m := &machine{noise: noise}
		trials := []trial{m.trial(8, cost)}
		if rounds := run(trials, m.now, time.Hour); rounds != maxRounds {
			t.Fatalf("%d rounds", rounds)
		}
		if got := trials[0].choose(); got != want {
			t.Errorf("%v: chose %d, want %d", cost, got, want)
		}
	}
	f(8, quiet, map[int]int{4: 100, 8: 100, 16: 100})
	f(8, quiet, map[int]int{4: 96, 8: 100, 16: 120})
	f(4, quiet, map[int]int{4: 94, 8: 100, 16: 120})
	f(16, quiet, map[int]int{4: 94, 8: 100, 16: 80})
	f(8, quiet, map[int]int{4: 150, 8: 100, 16: 180})
	// Somebody else runs in half of all tries: the best rounds are those without.
	r := rand.New(rand.NewPCG(1, 1))
	noise := func() int { return r.IntN(2) * r.IntN(300) }
	f(16, noise, map[int]int{4: 94, 8: 100, 12: 95, 16: 80})
}

// TestEveryPartDecides has something that only some rounds say, which is noise.
func TestEveryPartDecides(t *testing.T) {
	f := func(want int, took ...[]time.Duration) {
		t.Helper()
		tr := trial{usual: 8, depths: []int{4, 8}, took: [parts][]time.Duration(took)} // panics if there are fewer
		if got := tr.choose(); got != want {
			t.Errorf("%v: chose %d, want %d", took, got, want)
		}
	}
	f(8, []time.Duration{50, 100}, []time.Duration{98, 100})
	f(8, []time.Duration{50, 98}, []time.Duration{94, 100})
	f(4, []time.Duration{50, 100}, []time.Duration{94, 200})
}

// TestBudget ends before a round that would not fit.
func TestBudget(t *testing.T) {
	m := &machine{noise: quiet}
	trials := []trial{m.trial(8, map[int]int{4: 500, 8: 500})} // a round takes a millisecond
	if rounds := run(trials, m.now, 5500*time.Microsecond); rounds != 5 || m.at != 5*time.Millisecond {
		t.Errorf("%d rounds until %v", rounds, m.at)
	}
}

// TestBusy has a clock that jumps.
func TestBusy(t *testing.T) {
	at := time.Duration(0)
	r := Measure(Options{Block: make([]float32, leastBytes/4), now: func() time.Duration {
		at += 20 * time.Millisecond
		return at
	}})
	if r.Why == "" || r.Fetch != (simd.Fetch{}) {
		t.Errorf("%+v", r)
	}
}

// TestMeasure runs the real thing at every level, with a clock that gives it time.
func TestMeasure(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		ticks := time.Duration(0)
		r := Measure(Options{Block: make([]float32, leastBytes/4), now: func() time.Duration {
			ticks += time.Microsecond
			return ticks
		}})
		// By that clock every try takes equally long, so nothing beats the table.
		if r.Fetch != (simd.Fetch{}) || (r.Why == "") != simd.Fetches() {
			t.Errorf("%+v", r)
		}
		if simd.Fetches() && r.Rounds != maxRounds {
			t.Errorf("%+v", r)
		}
	})
	if r := Measure(Options{Block: make([]float32, 8)}); r.Why == "" || r.Rounds != 0 {
		t.Errorf("%+v", r)
	}
}

// TestTrials checks that each can set its own depth, to what is accepted.
func TestTrials(t *testing.T) {
	m := newMeter(make([]float32, leastBytes/4))
	var all simd.Fetch
	for _, tr := range m.trials() {
		for _, depth := range tr.depths {
			before := all
			tr.set(&all, uint8(depth))
			if all == before || all.Check() != nil {
				t.Errorf("depth %d: %+v, was %+v", depth, all, before)
			}
		}
	}
	for class, n := range all.Ahead {
		if n == 0 {
			t.Errorf("class %d is not tried", class)
		}
	}
	if all.CodeLines == 0 {
		t.Error("lines are not tried")
	}
}

// TestDraw checks that rows are in the block and differ.
func TestDraw(t *testing.T) {
	m, seen := newMeter(make([]float32, leastBytes/4)), map[uint32]bool{}
	for range 1000 {
		m.draw(77)
		for _, id := range m.ids {
			if id >= 77 {
				t.Fatalf("row %d of 77", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 77 {
		t.Errorf("%d rows of 77", len(seen))
	}
}
