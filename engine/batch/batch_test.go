package batch

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// model is a searcher with the cost of a device: fixed per call, small per
// query. Query (x) has the results rows x, x+1, … at distances x, x+1, …, as many as it
// wants.
type model struct {
	fixed, each time.Duration
	rows        int // results that exist per query; 0 = as many as wanted
	err         error
	panics      bool

	mu      sync.Mutex // guards: batches
	batches []int
}

func (m *model) Search(ctx context.Context, req *compute.SearchRequest) error {
	n := len(req.Queries)
	m.mu.Lock()
	m.batches = append(m.batches, n)
	m.mu.Unlock()
	if m.panics {
		panic("planted")
	}
	if m.fixed > 0 {
		select {
		case <-time.After(m.fixed + time.Duration(n)*m.each):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for q, x := range req.Queries {
		for j := range req.K {
			row, dist := uint32(x)+uint32(j), x+float32(j)
			if j >= req.Ks[q] {
				row, dist = 4711, -1
			}
			if m.rows > 0 && j >= m.rows {
				row, dist = compute.NoRow, float32(math.Inf(1))
			}
			req.IDs[q*req.K+j], req.Dist[q*req.K+j] = row, dist
		}
	}
	return m.err
}

// seen returns the sizes of the batches so far.
func (m *model) seen() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.batches)
}

// submit sends query (x) for k results and fails t unless they are right.
func submit(ctx context.Context, t *testing.T, b *Batcher, x float32, k int) error {
	ids, dist := make([]uint32, k), make([]float32, k)
	n, err := b.Submit(ctx, []float32{x}, ids, dist)
	if err != nil {
		if n != 0 {
			t.Errorf("query %v: %d results beside %v", x, n, err)
		}
		return err
	}
	for j := range n {
		if ids[j] != uint32(x)+uint32(j) || dist[j] != x+float32(j) {
			t.Errorf("query %v slot %d: row %d at %v", x, j, ids[j], dist[j])
		}
	}
	return nil
}

// pass lets synthetic time go by.
func pass(d time.Duration) { <-time.After(d) }

func closed(t *testing.T, b *Batcher) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBatchesForm: the first query runs alone at once; what queues behind it is
// the next batch, cut at BatchRows.
func TestBatchesForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{fixed: time.Millisecond}
		b := New(m, 1, Limits{BatchRows: 4, QueueRows: 100, Inflight: 1})
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 11 {
			wg.Go(func() {
				if err := submit(t.Context(), t, b, float32(i), 1+i%3); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // the first one is being searched before the next queues
		}
		wg.Wait()
		if got, want := m.seen(), []int{1, 4, 4, 2}; !slices.Equal(got, want) {
			t.Errorf("batches %v, want %v", got, want)
		}
		if took := time.Since(start); took != 4*time.Millisecond {
			t.Errorf("took %v, want four searches of 1ms", took)
		}
		if s := b.Stats(); s.Flushes != 4 || s.Queries != 11 || s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}
		closed(t, b)
	})
}

// TestIdleAddsNothing: spaced queries take exactly the search's time.
func TestIdleAddsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{fixed: 200 * time.Microsecond}
		b := New(m, 1, Limits{BatchRows: 64, QueueRows: 64, Inflight: 1})
		for i := range 20 {
			start := time.Now()
			if err := submit(t.Context(), t, b, float32(i), 3); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != m.fixed {
				t.Fatalf("took %v, want %v", took, m.fixed)
			}
			pass(time.Millisecond)
		}
		closed(t, b)
	})
}

// TestInflight: two slots search two batches at a time.
func TestInflight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{fixed: time.Millisecond}
		b := New(m, 1, Limits{BatchRows: 2, QueueRows: 10, Inflight: 2})
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if err := submit(t.Context(), t, b, float32(i), 1); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if took := time.Since(start); took != 2*time.Millisecond {
			t.Errorf("took %v, want two rounds of 1ms; batches %v", took, m.seen())
		}
		closed(t, b)
	})
}

// TestMixedK: each caller gets as many results as it wants, or as exist.
func TestMixedK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{fixed: time.Millisecond, rows: 5}
		b := New(m, 1, Limits{BatchRows: 8, QueueRows: 8, Inflight: 1})
		var wg sync.WaitGroup
		for _, k := range []int{3, 1, 5, 9, 0, compute.MaxK} {
			wg.Go(func() {
				ids, dist := make([]uint32, k), make([]float32, k)
				n, err := b.Submit(t.Context(), []float32{7}, ids, dist)
				if err != nil || n != min(k, 5) {
					t.Errorf("k %d: %d results, %v", k, n, err)
				}
				for j := n; j < k; j++ {
					if ids[j] != compute.NoRow || !math.IsInf(float64(dist[j]), 1) {
						t.Errorf("k %d slot %d: row %d at %v, want padding", k, j, ids[j], dist[j])
					}
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		closed(t, b)
	})
}

// TestMasks: a batch has the bitmap of each query that brought one, of one bitmap
// together, and none where no query has one; masks go back to their pool.
func TestMasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &masking{model: model{fixed: time.Millisecond}}
		b := New(m, 1, Limits{BatchRows: 8, QueueRows: 8, Inflight: 1})
		var pool Masks
		var wg sync.WaitGroup
		send := func(ctx context.Context, x float32, word uint64) {
			wg.Go(func() {
				var mask *Mask
				if word != 0 {
					mask = pool.Get()
					defer mask.Release()
					mask.Words = append(mask.Words[:0], word)
				}
				var ids [1]uint32
				var dist [1]float32
				_, _, err := b.SubmitNoted(ctx, []float32{x}, mask, ids[:], dist[:])
				if err == nil && ids[0] != uint32(x) {
					t.Errorf("query %v: row %d", x, ids[0])
				}
			})
			synctest.Wait()
		}
		leaving, cancel := context.WithCancel(t.Context())
		send(t.Context(), 1, 0)
		send(t.Context(), 2, 0xa)
		send(leaving, 3, 0xb)
		send(t.Context(), 4, 0)
		send(t.Context(), 5, 0xc)
		pass(1500 * time.Microsecond)
		cancel() // while it is searched beside the others
		send(t.Context(), 6, 0xd)
		wg.Wait()
		want := [][]uint64{nil, {0, 0xa, 0xb, 0xc}, {0xd}}
		if !slices.EqualFunc(m.words, want, slices.Equal) {
			t.Errorf("bitmaps %x, want %x", m.words, want)
		}
		closed(t, b)
	})
}

// masking is a model that notes the first word of each query's bitmap, 0 without one,
// when the search ends.
type masking struct {
	model
	words [][]uint64
}

func (m *masking) Search(ctx context.Context, req *compute.SearchRequest) error {
	err := m.model.Search(ctx, req)
	var words []uint64
	for _, mask := range req.Skips {
		words = append(words, append(slices.Clone(mask), 0)[0])
	}
	m.words = append(m.words, words)
	return err
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{fixed: time.Millisecond}
		b := New(m, 1, Limits{BatchRows: 1, QueueRows: 3, Inflight: 1})
		var wg sync.WaitGroup
		var refused int
		for i := range 6 { // one runs, three wait
			wg.Go(func() {
				err := submit(t.Context(), t, b, float32(i), 1)
				if (i >= 4) != errors.Is(err, ErrOverloaded) {
					t.Errorf("query %d: %v", i, err)
				}
				if err != nil {
					refused++
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if s := b.Stats(); refused != 2 || s.Refused != 2 || s.Queries != 4 {
			t.Errorf("%d refused, stats %+v", refused, s)
		}
		closed(t, b)
	})
}

// TestAbandon: callers leave while queued and while searched; their memory stays
// theirs, the others get their results, and a place in the queue is free at once.
func TestAbandon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{fixed: time.Millisecond}
		b := New(m, 1, Limits{BatchRows: 4, QueueRows: 4, Inflight: 1})
		var wg sync.WaitGroup
		leave := func(x float32, after time.Duration) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				q, ids, dist := []float32{x}, []uint32{77}, []float32{77}
				start := time.Now()
				_, err := b.Submit(ctx, q, ids, dist)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != after {
					t.Errorf("query %v: %v after %v", x, err, time.Since(start))
				}
				q[0] = 99 // no longer the batcher's
				pass(10 * time.Millisecond)
				if ids[0] != 77 || dist[0] != 77 {
					t.Errorf("query %v: results were written after Submit returned", x)
				}
			})
			synctest.Wait()
		}
		stay := func(x float32) {
			wg.Go(func() {
				if err := submit(t.Context(), t, b, x, 2); err != nil {
					t.Errorf("query %v: %v", x, err)
				}
			})
			synctest.Wait()
		}
		leave(1, 500*time.Microsecond) // while it is searched, alone
		leave(2, 300*time.Microsecond) // while queued
		stay(3)
		leave(4, 1500*time.Microsecond) // while searched beside 3 and 5
		stay(5)
		pass(400 * time.Microsecond) // 2 has left: its place is free
		stay(6)
		wg.Wait()
		if got, want := m.seen(), []int{1, 4}; !slices.Equal(got, want) {
			t.Errorf("batches %v, want %v", got, want)
		}
		if s := b.Stats(); s.Abandoned != 3 {
			t.Errorf("stats %+v, want 3 abandoned", s)
		}
		closed(t, b)
	})
}

func TestErrors(t *testing.T) {
	planted := errors.New("device lost")
	synctest.Test(t, func(t *testing.T) {
		b := New(&model{err: planted}, 1, Limits{BatchRows: 2, QueueRows: 2, Inflight: 1})
		if err := submit(t.Context(), t, b, 1, 1); !errors.Is(err, planted) {
			t.Errorf("got %v, want the searcher's error", err)
		}
		closed(t, b)
		b = New(&model{panics: true}, 1, Limits{BatchRows: 2, QueueRows: 2, Inflight: 1})
		for range 2 { // the slot survives
			if err := submit(t.Context(), t, b, 1, 1); err == nil || !strings.Contains(err.Error(), "planted") {
				t.Errorf("got %v, want the panic as an error", err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := submit(ctx, t, b, 1, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		closed(t, b)
	})
}

// TestClose: what runs is cancelled, what waits is answered, what comes later is
// refused.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(&model{fixed: time.Hour}, 1, Limits{BatchRows: 1, QueueRows: 9, Inflight: 1})
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if err := submit(t.Context(), t, b, float32(i), 1); !errors.Is(err, ErrClosed) {
					t.Errorf("query %d: %v, want ErrClosed", i, err)
				}
			})
		}
		synctest.Wait()
		closed(t, b)
		wg.Wait()
		if err := submit(t.Context(), t, b, 1, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
		closed(t, b)
	})
}

func TestBadUsePanics(t *testing.T) {
	f := func(name string, call func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s did not panic", name)
			}
		}()
		call()
	}
	l := Limits{BatchRows: 1, QueueRows: 1, Inflight: 1}
	f("no slots", func() { New(&model{}, 1, Limits{BatchRows: 1, QueueRows: 1}) })
	f("no components", func() { New(&model{}, 0, l) })
	b := New(&model{}, 2, l)
	defer closed(t, b)
	f("short query", func() { _, _ = b.Submit(t.Context(), make([]float32, 1), nil, nil) })
	f("uneven outputs", func() {
		_, _ = b.Submit(t.Context(), make([]float32, 2), make([]uint32, 2), make([]float32, 1))
	})
	f("too many results", func() {
		n := compute.MaxK + 1
		_, _ = b.Submit(t.Context(), make([]float32, 2), make([]uint32, n), make([]float32, n))
	})
}
