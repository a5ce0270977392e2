package batch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestStress runs callers of mixed k in real time, many of whom leave at random
// moments: every answer must be the caller's own, every query answered once.
func TestStress(t *testing.T) {
	b := New(&model{}, 1, Limits{BatchRows: 5, QueueRows: 12, Inflight: 2})
	var wg sync.WaitGroup
	var answered, left, refused atomic.Int64
	const callers, rounds = 16, 200
	for c := range callers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(c)))
			for range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				if r.IntN(3) == 0 {
					go cancel()
				}
				err := submit(ctx, t, b, float32(r.IntN(1000)), 1+r.IntN(6))
				cancel()
				switch {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, context.Canceled):
					left.Add(1)
				case errors.Is(err, ErrOverloaded):
					refused.Add(1)
				default:
					t.Errorf("unexpected error: %v", err)
				}
			}
		})
	}
	wg.Wait()
	closed(t, b)
	s := b.Stats()
	if sum := answered.Load() + left.Load() + refused.Load(); sum != callers*rounds {
		t.Errorf("%d answers for %d queries", sum, callers*rounds)
	}
	if int64(s.Refused) != refused.Load() || int64(s.Abandoned) > left.Load() || s.Waiting != 0 {
		t.Errorf("stats %+v, but %d refused and %d left", s, refused.Load(), left.Load())
	}
}

func TestSubmitAllocs(t *testing.T) {
	b := New(&model{}, 1, Limits{BatchRows: 8, QueueRows: 8, Inflight: 1})
	defer closed(t, b)
	b.search = quiet{}
	q, ids, dist := make([]float32, 1), make([]uint32, 10), make([]float32, 10)
	run := func() {
		if _, err := b.Submit(context.Background(), q, ids, dist); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if allocs := testing.AllocsPerRun(200, run); allocs >= 1 {
		t.Fatalf("%v allocations a query", allocs)
	}
}

// TestLoadCurve is the arrival model of the design: 200 µs a launch and 2 µs a
// query, one slot. Batches must grow with the load and latency stay bounded.
func TestLoadCurve(t *testing.T) {
	for _, c := range []struct {
		perSecond            int
		minBatch, maxLatency float64 // queries, microseconds
	}{{100, 1, 210}, {2_000, 1, 300}, {20_000, 3, 450}, {100_000, 15, 600}} {
		t.Run(fmt.Sprint(c.perSecond), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{fixed: 200 * time.Microsecond, each: 2 * time.Microsecond}
				b := New(m, 1, Limits{BatchRows: 256, QueueRows: 1024, Inflight: 1})
				latency := offerLoad(t, b, c.perSecond, 400)
				s := b.Stats()
				mean := float64(s.Queries) / float64(s.Flushes)
				t.Logf("mean batch %.1f, mean latency %v", mean, latency)
				if mean < c.minBatch || float64(latency.Microseconds()) > c.maxLatency {
					t.Errorf("mean batch %.1f (want >= %v), latency %v (want <= %v µs)",
						mean, c.minBatch, latency, c.maxLatency)
				}
				closed(t, b)
			})
		})
	}
}

// offerLoad sends n queries at random times and returns the mean latency.
func offerLoad(t *testing.T, b *Batcher, perSecond, n int) time.Duration {
	r := rand.New(rand.NewPCG(2, uint64(perSecond)))
	var total atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		pass(time.Duration(r.ExpFloat64() / float64(perSecond) * 1e9))
		wg.Go(func() {
			start := time.Now()
			if err := submit(t.Context(), t, b, float32(i), 1); err != nil {
				t.Error(err)
			}
			total.Add(int64(time.Since(start)))
		})
	}
	wg.Wait()
	return time.Duration(total.Load() / int64(n))
}
