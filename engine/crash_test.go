package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/rs/zerolog"
)

// crashRig runs an engine on a file system that forgets what was not synced, and
// keeps copies of what a crash would leave at moments inside writes.
type crashRig struct {
	fs *vfs.MemFS
	r  *rand.Rand // of the moments and of what survives

	mu      sync.Mutex // guards: everything below
	states  []modelState
	acked   int // newest state whose step was answered
	started int // newest state whose step has begun
	clones  []crashClone
	every   int // mean number of writes between copies
	max     int
	off     bool
}

// crashClone is a disk after a crash, and which states it may show.
type crashClone struct {
	fs       *vfs.MemFS
	lo, hi   int // states[lo..hi]
	site     string
	unsynced int
}

// inject is called before every operation on the file system.
func (c *crashRig) inject(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	c.mu.Lock()
	if c.off || len(c.clones) >= c.max || c.r.IntN(c.every) != 0 {
		c.mu.Unlock()
		return nil
	}
	cl := crashClone{lo: c.acked, site: fmt.Sprintf("%v %s", op.Kind, op.Path)}
	cl.unsynced = []int{0, 0, 50, 90}[c.r.IntN(4)]
	rng := rand.New(rand.NewPCG(c.r.Uint64(), 0))
	c.mu.Unlock()
	// Steps go on meanwhile: what was answered before the copy must be in it,
	// what had begun by its end may be.
	cl.fs = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: cl.unsynced, RNG: rng})
	c.mu.Lock()
	cl.hi = c.started
	c.clones = append(c.clones, cl)
	c.mu.Unlock()
	return nil
}

func (c *crashRig) begin(s modelState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states = append(c.states, s)
	c.started = len(c.states) - 1
}

func (c *crashRig) ack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = c.started
}

// crashOptions make every mechanism run often.
func crashOptions(fs vfs.FS) Options {
	return Options{Dir: "data", FS: fs, ImageMinRows: 15, ImageFraction: 0.01, LinkWorkers: 1,
		LoadWorkers: 1, MemtableBytes: 64 << 10, CacheBytes: 1 << 20, MinFreeBytes: -1,
		Logger: zerolog.Nop()}
}

func openReady(o Options) (*Engine, error) {
	e, err := Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return e, e.WaitReady(ctx)
}

// TestCrash copies the disk at random writes, of the store and of images, during
// random steps, and during the recovery of such copies, and demands of each copy
// exactly the state after the last answered step, or after the one under way:
// every acknowledged write is there and none is half there.
// Defect: log-not-durable.
func TestCrash(t *testing.T) {
	seeds := 200
	if testing.Short() {
		seeds = 20
	}
	var mu sync.Mutex
	total := 0
	t.Run("seeds", func(t *testing.T) {
		for seed := range seeds {
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				n := crashSeed(t, uint64(seed))
				mu.Lock()
				total += n
				mu.Unlock()
			})
		}
	})
	if total < 4*seeds {
		t.Fatalf("only %d crashes in %d seeds", total, seeds)
	}
	t.Logf("%d crashes", total)
}

// crashSeed runs one seed and returns the number of crashes it checked.
func crashSeed(t *testing.T, seed uint64) int {
	rig := &crashRig{fs: vfs.NewCrashableMem(), r: rand.New(rand.NewPCG(seed, 2)), every: 60, max: 6}
	rig.states = []modelState{{}}
	g := &modelGen{r: rand.New(rand.NewPCG(seed, 3))}
	e, err := openReady(crashOptions(errorfs.Wrap(rig.fs, errorfs.InjectorFunc(rig.inject))))
	if err != nil {
		t.Fatal(err)
	}
	runSteps(t, e, rig, g, 60)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	n := len(rig.clones)
	for _, cl := range rig.clones {
		n += checkClone(t, rig, cl, g)
	}
	return n
}

// runSteps runs n random steps and tells rig about each.
func runSteps(t *testing.T, e *Engine, rig *crashRig, g *modelGen, n int) {
	t.Helper()
	s := modelState{}
	for i := range n {
		st := g.step(s)
		rig.begin(st.next)
		if err := st.run(e); err != nil {
			t.Fatalf("step %d, %s: %v", i, st.text, err)
		}
		rig.ack()
		s = st.next
	}
}

// checkClone recovers cl, with crashes during the recovery, and checks what is
// there; then it goes on with a few steps and a restart.
func checkClone(t *testing.T, rig *crashRig, cl crashClone, g *modelGen) int {
	t.Helper()
	inner := &crashRig{fs: cl.fs, r: rand.New(rand.NewPCG(uint64(len(cl.site)), 4)), every: 8, max: 2}
	inner.states = rig.states
	// The copies of the recovery are taken before the outcome is known; they may
	// show what the outer copy may.
	inner.acked, inner.started = cl.lo, cl.hi
	e, err := openReady(crashOptions(errorfs.Wrap(cl.fs, errorfs.InjectorFunc(inner.inject))))
	if err != nil {
		t.Fatalf("crash at %s (%d %% unsynced): %v", cl.site, cl.unsynced, err)
	}
	inner.mu.Lock()
	inner.off = true
	inner.mu.Unlock()
	s := matchState(t, e, rig.states, cl)
	for range 5 {
		st := g.step(s)
		if err := st.run(e); err != nil {
			t.Fatalf("after a crash at %s: %s: %v", cl.site, st.text, err)
		}
		s = st.next
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err = openReady(crashOptions(cl.fs))
	if err != nil {
		t.Fatal(err)
	}
	if err := compareState(e, s); err != nil {
		t.Fatalf("after a crash at %s, 5 steps and a restart: %v", cl.site, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(context.Background(), "data", crashOptions(cl.fs))
	if err != nil || !rep.OK() {
		t.Fatalf("after a crash at %s: %+v %v", cl.site, rep.Problems, err)
	}
	for _, c := range inner.clones {
		e, err := openReady(crashOptions(c.fs))
		if err != nil {
			t.Fatalf("crash at %s while recovering from one at %s: %v", c.site, cl.site, err)
		}
		matchState(t, e, rig.states, c)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return len(inner.clones)
}

// matchState returns the state, of those that cl allows, that e is in.
func matchState(t *testing.T, e *Engine, states []modelState, cl crashClone) modelState {
	t.Helper()
	s, err := findState(e, states, cl)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func findState(e *Engine, states []modelState, cl crashClone) (modelState, error) {
	var first error
	for i := cl.lo; i <= cl.hi; i++ {
		err := compareState(e, states[i])
		if err == nil {
			return states[i], nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("crash at %s (%d %% unsynced): none of states %d..%d: %w",
		cl.site, cl.unsynced, cl.lo, cl.hi, first)
}

// TestCrashNoticesSkippedSync turns syncing off and demands that the check above
// fails then: a check that cannot fail proves nothing.
func TestCrashNoticesSkippedSync(t *testing.T) {
	for seed := range uint64(20) {
		rig := &crashRig{fs: vfs.NewCrashableMem(), r: rand.New(rand.NewPCG(seed, 2)), every: 10, max: 6}
		rig.states = []modelState{{}}
		g := &modelGen{r: rand.New(rand.NewPCG(seed, 3))}
		o := crashOptions(errorfs.Wrap(rig.fs, errorfs.InjectorFunc(rig.inject)))
		o.Fsync = FsyncOff
		e, err := openReady(o)
		if err != nil {
			t.Fatal(err)
		}
		runSteps(t, e, rig, g, 40)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		for _, cl := range rig.clones {
			e, err := openReady(crashOptions(cl.fs))
			if err != nil {
				t.Fatal(err)
			}
			_, err = findState(e, rig.states, cl)
			if cerr := e.Close(); cerr != nil {
				t.Fatal(cerr)
			}
			if err != nil {
				return // noticed
			}
		}
	}
	t.Fatal("no lost write was noticed")
}
