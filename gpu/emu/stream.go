//go:build unix

package emu

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// stream runs its work on a goroutine, in order and later, as a device does: a
// caller that reads or reuses a buffer before Wait is found out by its results
// or by the race detector.
type stream struct {
	d    *device
	work chan func() error
	done sync.WaitGroup
	once sync.Once

	mu    sync.Mutex // guards: err, marks
	err   error      // first failure since the last Wait
	marks [driver.MaxMarks]time.Time
}

const streamDepth = 64 // queued calls; beyond, a caller waits as with a real driver

func (d *device) NewStream() (driver.Stream, error) {
	if err := d.check(NewStream); err != nil {
		return nil, err
	}
	s := &stream{d: d, work: make(chan func() error, streamDepth)}
	s.done.Add(1)
	go s.run()
	d.mu.Lock()
	d.streams = append(d.streams, s)
	d.mu.Unlock()
	return s, nil
}

func (s *stream) run() {
	defer s.done.Done()
	for f := range s.work {
		if s.failed() != nil {
			continue // work after a failure does not run
		}
		if err := f(); err != nil {
			s.mu.Lock()
			s.err = s.d.note(err)
			s.mu.Unlock()
		}
	}
}

func (s *stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) CopyIn(dst driver.Ptr, src []byte) error {
	if err := s.d.check(CopyIn); err != nil || len(src) == 0 {
		return err
	}
	to := s.d.heap.slice(dst, len(src))
	s.work <- func() error { copy(to, src); return nil }
	return nil
}

func (s *stream) CopyOut(dst []byte, src driver.Ptr) error {
	if err := s.d.check(CopyOut); err != nil || len(dst) == 0 {
		return err
	}
	from := s.d.heap.slice(src, len(dst))
	s.work <- func() error { copy(dst, from); return nil }
	return nil
}

func (s *stream) Launch(l driver.Launch) error {
	if err := s.d.check(Launching); err != nil {
		return err
	}
	if int(l.SharedBytes) > s.d.info.SharedBytes {
		return &driver.Error{Code: driver.LaunchFailed, Op: "launch " + l.Kernel, Detail: "too much shared memory"}
	}
	l.Args = slices.Clone(l.Args) // the driver takes the arguments at once
	s.work <- func() error { return s.d.p.launch(l) }
	return nil
}

// Mark notes the host's time when the work before it has run: Elapsed says what
// the emulation took, which is no measure of a device.
func (s *stream) Mark(i int) error {
	if err := s.d.failed(); err != nil {
		return err
	}
	s.work <- func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.marks[i] = time.Now()
		return nil
	}
	return nil
}

// Elapsed is the time between two marks.
func (s *stream) Elapsed(from, to int) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.marks[from].IsZero() || s.marks[to].IsZero() {
		return 0, false
	}
	return s.marks[to].Sub(s.marks[from]), true
}

// Wait waits for the queue. A fault of code Hung is reported after the limit,
// as by a device that does not answer.
func (s *stream) Wait(limit time.Duration) error {
	err := s.d.check(Waiting)
	if e := (*driver.Error)(nil); errors.As(err, &e) && e.Code == driver.Hung && e.Detail == "injected" {
		time.Sleep(limit)
	}
	if err != nil {
		return err
	}
	reached := make(chan struct{})
	s.work <- func() error { close(reached); return nil }
	timer := time.NewTimer(limit)
	defer timer.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-reached:
			return nil
		case <-timer.C:
			return s.d.note(&driver.Error{Code: driver.Hung, Op: "wait"})
		case <-tick.C:
			if err := s.take(); err != nil {
				return err
			}
		}
	}
}

// take returns the failure and forgets one that is not fatal.
func (s *stream) take() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err
	if err == nil {
		return nil
	}
	if e := (*driver.Error)(nil); errors.As(err, &e) && !e.Fatal() {
		s.err = nil
	}
	return err
}

func (s *stream) Close() error {
	s.end()
	return s.d.failed()
}

func (s *stream) end() {
	s.once.Do(func() { close(s.work) })
	s.done.Wait()
}
