package httpapi

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestEndedRequestContext ends requests whose context has children: each child sees
// an error, also one that is cancelled at the same moment.
func TestEndedRequestContext(t *testing.T) {
	for range 2000 {
		r := &reqContext{base: context.Background(), deadline: time.Now().Add(time.Hour)}
		child, cancel := context.WithCancel(r)
		if r.Err() != nil || child.Err() != nil {
			t.Fatal("ended before its time")
		}
		r.end()
		<-r.Done()
		if !errors.Is(r.Err(), context.Canceled) {
			t.Fatalf("%v after Done", r.Err())
		}
		<-child.Done()
		if child.Err() == nil {
			t.Fatal("a child without an error")
		}
		cancel()
	}
}
