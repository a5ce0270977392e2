package gpu

import (
	"sync"
	"time"
)

// job is one piece of work for a lane.
type job struct {
	run    func(l *lane) error
	after  func()        // called once the lane, or nobody, works on it any more
	answer chan error    // capacity 1: a lane never waits for a caller
	work   time.Duration // see expected

	mu   sync.Mutex // guards: gone, and the caller's slices while they are copied
	gone bool
}

func newJob(run func(l *lane) error, after func()) *job {
	return &job{run: run, after: after, answer: make(chan error, 1)}
}

// slowest is a rate in bytes a second that every device reads its memory at, by far.
const slowest = 20e9

// expected is how long scanning bytes may take on the slowest device: it is added to
// the waits after which a device counts as hanging.
func expected(bytes float64) time.Duration {
	return time.Duration(bytes / slowest * float64(time.Second))
}

// borrow calls f, which reads or writes the caller's slices, unless the caller
// has left (G1).
func (j *job) borrow(f func()) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.gone {
		return errAbandoned
	}
	f()
	return nil
}

// abandon takes the caller's slices back: when it returns, nothing touches them.
func (j *job) abandon() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.gone = true
}

func (j *job) finish(err error) {
	if j.after != nil {
		j.after()
	}
	j.answer <- err
}
