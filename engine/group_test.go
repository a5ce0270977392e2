package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// TestSlowIndexHoldsUpNobodyElse blocks the index of one collection: writes to
// another are answered, reads of what is not applied yet wait, and when the index
// goes on everything is in order.
func TestSlowIndexHoldsUpNobodyElse(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "slow", 4, compute.L2)
	create(t, e, "other", 4, compute.L2)
	c, err := e.cat.find("slow")
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGraph(&e.opts, c.config())
	if err != nil {
		t.Fatal(err)
	}
	sh := &shadow{graph: g}
	c.shadow.Store(sh)
	sh.mu.Lock() // the index of "slow" stands still
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			_, err := e.Write(ctx, Mutation{Collection: "slow", Ops: []Op{
				{Kind: OpUpsert, ID: fmt.Sprint(i), Vector: []float32{float32(i), 0, 0, 0}}}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, func() bool { return e.Position().Offset >= 3 && len(c.flights.all()) > 0 })
	upsert(t, e, "other", "x", []float32{1, 2, 3, 4}, "")
	var id string
	for _, p := range c.flights.all() {
		for k := range p.records {
			id = k.id
		}
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	if _, err := e.Get(short, "slow", id, Fields{}); !errors.Is(err, errs.Of(errs.Timeout)) {
		t.Fatalf("a record that memory does not show yet was read: %v", err)
	}
	sh.mu.Unlock()
	wg.Wait()
	c.shadow.Store(nil)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := e.Get(ctx, "slow", fmt.Sprint(i), Fields{}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := e.Count(ctx, "slow", nil); n != 3 || err != nil {
		t.Fatal(n, err)
	}
}

// TestQueueFull fills the queue while the committer stands still: what is over
// the limit is refused at once with a time to come back, and nothing is lost.
func TestQueueFull(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff, QueueOps: 4})
	create(t, e, "a", 2, compute.L2)
	block, blocked := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.submit(ctx, funcCommand(func(*txn) error {
			close(blocked)
			<-block
			return nil
		}), 0, 0); err != nil {
			t.Error(err)
		}
	})
	<-blocked
	write := func(i int) error {
		_, err := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{
			{Kind: OpUpsert, ID: fmt.Sprint(i), Vector: []float32{1, 2}}}})
		return err
	}
	for i := range 4 {
		wg.Go(func() {
			if err := write(i); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, func() bool { return e.queue.ops.Load() == 4 })
	err := write(9)
	wantKind(t, err, errs.QueueFull)
	var typed *errs.Error
	if !errors.As(err, &typed) || typed.Details["retry_after"] == nil {
		t.Fatalf("%+v", typed)
	}
	// Giving up while queued leaves nothing behind.
	close(block)
	wg.Wait()
	if n, err := e.Count(ctx, "a", nil); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if e.queue.ops.Load() != 0 || e.queue.bytes.Load() != 0 {
		t.Fatal("the queue does not come back to zero")
	}
}

// TestCancelWhileQueued cancels a write before the committer takes it: nothing of
// it ran.
func TestCancelWhileQueued(t *testing.T) {
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 2, compute.L2)
	block, blocked := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = e.submit(context.Background(), funcCommand(func(*txn) error {
			close(blocked)
			<-block
			return nil
		}), 0, 0)
	})
	<-blocked
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{
			{Kind: OpUpsert, ID: "x", Vector: []float32{1, 2}}}})
		done <- err
	}()
	eventually(t, func() bool { return e.queue.ops.Load() == 1 })
	cancel()
	wantKind(t, <-done, errs.Cancelled)
	close(block)
	wg.Wait()
	if n, err := e.Count(context.Background(), "a", nil); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}
