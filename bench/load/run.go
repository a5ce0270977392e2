package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
)

// Config says how to load a server.
type Config struct {
	Addr    string // host:port
	Conns   int    // connections, each with one goroutine
	Timeout time.Duration
	// Requests is how many are sent in all, Duration for how long; the first of
	// the two that is reached ends the run. One of them is set. A closed loop sends
	// one request on each connection, however short the time.
	Requests int
	Duration time.Duration
	// Rate is the requests due per second of an open loop; 0 = closed loop.
	Rate float64
}

// Source says what to send and looks at what comes back. Both functions are
// called by all connections at once.
type Source struct {
	// Request returns the bytes of request i, i = 0, 1, 2, …
	Request func(i int) []byte
	// Check looks at the answer to request i. It may be nil: then any status
	// below 300 is right. Its error counts as a failed request.
	Check func(i int, a *Answer) error
}

// Result is what a run measured.
type Result struct {
	Sent    int // answered, right or wrong
	Failed  int
	First   error // the first failure
	Elapsed time.Duration
	Latency measure.Histogram // of right answers
}

// QPS is right answers per second.
func (r *Result) QPS() float64 {
	return float64(r.Latency.Count()) / r.Elapsed.Seconds()
}

// Run loads a server. It returns when every connection has stopped. A run with
// failed requests is no error: the caller decides. Errors: a Config that makes
// no sense; ctx's.
func Run(ctx context.Context, c Config, s Source) (*Result, error) {
	if c.Conns < 1 || c.Timeout <= 0 || c.Rate < 0 || c.Requests < 1 && c.Duration <= 0 {
		return nil, fmt.Errorf("load: conns %d, timeout %v, rate %v, requests %d, duration %v",
			c.Conns, c.Timeout, c.Rate, c.Requests, c.Duration)
	}
	runCtx := ctx
	if c.Duration > 0 {
		var cancel context.CancelFunc
		runCtx, cancel = context.WithTimeout(ctx, c.Duration)
		defer cancel()
	}
	r := &runner{config: c, source: s, start: time.Now()}
	workers := make([]worker, c.Conns)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { workers[i].run(ctx, runCtx, r) })
	}
	wg.Wait()
	out := &Result{Elapsed: time.Since(r.start)}
	for i := range workers {
		w := &workers[i]
		out.Sent += w.sent
		out.Failed += w.failed
		out.Latency.Merge(&w.latency)
		if out.First == nil {
			out.First = w.first
		}
	}
	return out, ctx.Err()
}

// runner is shared by the workers of a run.
type runner struct {
	config Config
	source Source
	start  time.Time
	next   atomic.Int64
}

// take returns the next request and when it is due; ok is false after the last.
func (r *runner) take() (i int, due time.Time, ok bool) {
	i = int(r.next.Add(1) - 1)
	if r.config.Requests > 0 && i >= r.config.Requests {
		return 0, time.Time{}, false
	}
	if r.config.Rate > 0 {
		offset := float64(i) / r.config.Rate * float64(time.Second)
		return i, r.start.Add(time.Duration(offset)), true
	}
	return i, time.Time{}, true
}

// worker is one connection's share of the run.
type worker struct {
	sent, failed int
	first        error
	latency      measure.Histogram
}

// run sends requests until ctx ends, and none when caller has.
func (w *worker) run(caller, ctx context.Context, r *runner) {
	conn := NewConn(r.config.Addr, r.config.Timeout)
	defer func() { _ = conn.Close() }()
	// A machine so busy that the time is over before a connection began must not make
	// a rate of nothing.
	for ctx.Err() == nil || w.sent == 0 && caller.Err() == nil {
		i, due, ok := r.take()
		if !ok || !waitUntil(ctx, due) {
			return
		}
		if due.IsZero() {
			due = time.Now()
		}
		// A request that runs when the time is over is finished: its latency
		// must not be lost for being long. The timeout bounds it.
		a, err := conn.Do(context.WithoutCancel(ctx), r.source.Request(i))
		took := time.Since(due)
		w.sent++
		if err == nil {
			err = r.check(i, a)
		}
		if err != nil {
			w.fail(ctx, fmt.Errorf("request %d: %w", i, err))
			continue
		}
		w.latency.Add(took)
	}
}

func (r *runner) check(i int, a *Answer) error {
	if r.source.Check != nil {
		return r.source.Check(i, a)
	}
	return a.OK()
}

// OK is nil for a status below 300, and otherwise an error with the start of the
// body.
func (a *Answer) OK() error {
	if a.Status < 300 {
		return nil
	}
	return fmt.Errorf("status %d: %.300s", a.Status, a.Body)
}

// failPause keeps a connection whose server is gone from spinning.
const failPause = 10 * time.Millisecond

func (w *worker) fail(ctx context.Context, err error) {
	w.failed++
	if w.first == nil && !errors.Is(err, context.Canceled) {
		w.first = err
	}
	waitUntil(ctx, time.Now().Add(failPause))
}

// waitUntil reports whether due came before ctx ended.
func waitUntil(ctx context.Context, due time.Time) bool {
	wait := time.Until(due)
	if due.IsZero() || wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
