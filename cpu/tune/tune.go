package tune

import (
	"math"
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// Margin is how much less time than the table's a depth must take.
const Margin = 0.05

const (
	// DefaultBudget is how long a measurement takes at most, its memory included.
	DefaultBudget = 50 * time.Millisecond
	// Bytes is a block that is large enough: more than a core keeps near. Making it is
	// half of the time.
	Bytes = 32 << 20
	// leastBytes is the smallest block that says anything.
	leastBytes = 8 << 20

	maxRounds   = 12
	parts       = 2 // of the rounds, which must agree
	leastRounds = 3 * parts
)

// Options of a measurement. The zero value is right for a server.
type Options struct {
	Budget time.Duration // 0 = DefaultBudget
	// Block is what rows are read from; its content is lost. A caller who has memory
	// as the rows have it, on huge pages, gives that. nil = Bytes of Go memory.
	Block []float32

	now func() time.Duration // a clock, nil = that of the system
}

// Result is what a measurement found.
type Result struct {
	Fetch  simd.Fetch // zero where the table stays
	Rounds int        // how often everything was tried
	Why    string     // why nothing was measured; "" = it was
}

// Measure finds the depths for this machine. Levels whose kernels fetch nothing, a
// machine that is too busy and a block that is too small leave the table.
func Measure(o Options) Result {
	if o.Budget <= 0 {
		o.Budget = DefaultBudget
	}
	if o.now == nil {
		begin := time.Now()
		o.now = func() time.Duration { return time.Since(begin) }
	}
	begin := o.now()
	if !simd.Fetches() {
		return Result{Why: "the kernels of level " + simd.Level() + " fetch nothing"}
	}
	if o.Block == nil {
		o.Block = make([]float32, Bytes/4)
	}
	if len(o.Block)*4 < leastBytes {
		return Result{Why: "there is little memory"}
	}
	trials := newMeter(o.Block).trials()
	rounds := run(trials, o.now, begin+o.Budget)
	if rounds < leastRounds {
		return Result{Rounds: rounds, Why: "the machine is busy"}
	}
	r := Result{Rounds: rounds}
	for i := range trials {
		if best := trials[i].choose(); best != trials[i].usual {
			trials[i].set(&r.Fetch, uint8(best)) //nolint:gosec // of a short list
		}
	}
	return r
}

// trial is one depth that can have several values.
type trial struct {
	usual  int   // of the table; one of depths
	depths []int // ascending
	run    func(depth int)
	set    func(f *simd.Fetch, depth uint8)
	took   [parts][]time.Duration // the best round of each depth: even rounds, odd ones
}

// run tries every depth of every trial in turn, round after round, and returns how
// many rounds there was time for.
func run(trials []trial, now func() time.Duration, until time.Duration) int {
	for i := range trials {
		for part := range trials[i].took {
			trials[i].took[part] = slices.Repeat([]time.Duration{math.MaxInt64}, len(trials[i].depths))
		}
	}
	begin := now()
	for round := range maxRounds {
		if t := now(); t+(t-begin)/time.Duration(max(round, 1)) > until {
			return round
		}
		for i := range trials {
			trials[i].round(round, now)
		}
	}
	return maxRounds
}

// round tries every depth once, each round from another one on.
func (t *trial) round(round int, now func() time.Duration) {
	for i := range t.depths {
		d := (i + round) % len(t.depths)
		begin := now()
		t.run(t.depths[d])
		best := &t.took[round%parts][d]
		*best = min(*best, now()-begin)
	}
}

// choose returns the depth that took least time, or the usual one unless the other is
// better by Margin whatever parts of the rounds are compared: what differs from part to
// part is noise.
func (t *trial) choose() int {
	usual := slices.Index(t.depths, t.usual)
	best := usual
	for d := range t.depths {
		if t.worst(d) < t.worst(best) {
			best = d
		}
	}
	least := t.took[0][usual]
	for _, took := range t.took {
		least = min(least, took[usual])
	}
	if float64(t.worst(best)) > (1-Margin)*float64(least) {
		return t.usual
	}
	return t.depths[best]
}

// worst is the longest that a depth took in any part.
func (t *trial) worst(d int) time.Duration {
	longest := time.Duration(0)
	for _, took := range t.took {
		longest = max(longest, took[d])
	}
	return longest
}
