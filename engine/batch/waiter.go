package batch

import "github.com/vectorizer-go/vectorizer/engine/compute"

// state is where a query is.
type state uint8

const (
	idle      state = iota // in the free list
	queued                 // in the queue
	searching              // copied into a flush
	answering              // its caller's ids and dist are being written
	abandoned              // its caller left while it was searched
)

// waiter is one Submit. Except for answer, found, err and note, which pass from the
// flush to the caller with the answer, Batcher.mu guards it.
type waiter struct {
	q      []float32
	mask   *Mask // nil = none of its own
	ids    []uint32
	dist   []float32
	state  state
	found  int
	err    error
	note   compute.Note
	answer chan struct{} // capacity 1: the flush never blocks on a caller

	prev, next *waiter
}

// waitList is a queue that also removes from the middle, for callers that give
// up: a ring buffer would keep their places until they are reached.
type waitList struct {
	first, last *waiter
	length      int
}

func (l *waitList) push(w *waiter) {
	w.prev, w.next = l.last, nil
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.length++
}

// pop returns the oldest waiter, or nil.
func (l *waitList) pop() *waiter {
	w := l.first
	if w != nil {
		l.remove(w)
	}
	return w
}

func (l *waitList) remove(w *waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	l.length--
}
