package gpu

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// session is one life of a context, from opening it to losing or closing it.
type session struct {
	b      *Backend
	device driver.Device
	work   chan *job
	ended  chan struct{} // closed when the session takes no more work
	lanes  sync.WaitGroup
	tiling chan struct{} // holds a token while a search reads tiles
	queued atomic.Int64  // nanoseconds that the jobs under way may take, see expected

	mu  sync.Mutex // guards: everything below
	err error      // why it ended
	// over is set with the first fatal error, or by close.
	over  bool
	hosts map[*hostRows]struct{} // whose memory the context holds
}

// openSession opens the device, starts the lanes and tests the kernels.
func openSession(b *Backend) (*session, error) {
	s := &session{
		b: b, work: make(chan *job), ended: make(chan struct{}),
		tiling: make(chan struct{}, 1), hosts: map[*hostRows]struct{}{},
	}
	ready := make(chan error)
	for i := range b.o.Lanes {
		s.lanes.Add(1)
		go s.lane(i == 0, ready)
		if err := <-ready; err != nil {
			return nil, errors.Join(err, s.close(err))
		}
	}
	if err := selfTest(s); err != nil {
		return nil, errors.Join(err, s.close(err))
	}
	return s, nil
}

// lane is the goroutine of one lane. The first opens the device.
func (s *session) lane(first bool, ready chan<- error) {
	defer s.lanes.Done()
	// Never unlocked: a thread with a context of ours ends with the lane.
	runtime.LockOSThread()
	l, err := s.newLane(first)
	ready <- err
	if err != nil {
		return
	}
	defer l.close()
	for {
		select {
		case j := <-s.work:
			j.finish(s.note(j.run(l)))
		case <-s.ended:
			return
		}
	}
}

func (s *session) newLane(first bool) (*lane, error) {
	if first {
		d, err := s.b.o.Driver.Open(s.b.o.Ordinal, s.b.o.Images)
		if err != nil {
			return nil, err
		}
		s.device = d
	} else if err := s.device.Bind(); err != nil {
		return nil, err
	}
	l := &lane{s: s, o: &s.b.o, device: s.device}
	var err error
	if l.stage, err = s.device.AllocHost(s.b.o.StageBytes); err != nil {
		return nil, err
	}
	if l.stream, err = s.device.NewStream(); err != nil {
		return nil, errors.Join(err, s.device.FreeHost(l.stage))
	}
	l.time, _ = l.stream.(driver.Clock)
	return l, nil
}

// note looks at the error of a job: a fatal one ends the session.
func (s *session) note(err error) error {
	if e := (*driver.Error)(nil); errors.As(err, &e) && e.Fatal() {
		s.fail(e)
	}
	return err
}

// fail ends the session for a fatal error, once, and has it opened again.
func (s *session) fail(err *driver.Error) {
	if s.end(err) {
		s.b.lost(s, err)
	}
}

// end makes every lane stop after its job. It reports whether it was the first.
func (s *session) end(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.over, s.err = true, err
	close(s.ended)
	return true
}

// keep notes pinned rows, which go with the context. Errors: it is over already.
func (s *session) keep(h *hostRows) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		h.take()
		return errTilesGone()
	}
	s.hosts[h] = struct{}{}
	return nil
}

func (s *session) forget(h *hostRows) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hosts, h)
}

// dropHosts takes pinned rows out of use before the context frees them.
func (s *session) dropHosts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.hosts {
		h.take()
	}
	s.hosts = nil
}

// reason is why the session ended.
func (s *session) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return &driver.Error{Code: driver.Lost, Detail: "closed"}
	}
	return s.err
}

// close ends the session and the context. A lane that hangs in the driver is left
// behind after HangAfter: its thread cannot be had back, and the context is not
// destroyed under it.
func (s *session) close(why error) error {
	s.end(why)
	idle := make(chan struct{})
	go func() { s.lanes.Wait(); close(idle) }()
	timer := time.NewTimer(s.b.o.HangAfter)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
		return &driver.Error{Code: driver.Hung, Op: "close", Detail: "a lane does not return"}
	}
	s.dropHosts()
	if s.device == nil {
		return nil
	}
	err := s.device.Close()
	if why != nil {
		return nil // closing what is broken says nothing new
	}
	return err
}

// submit runs a job on a lane and waits for it, or until abandon is closed.
// Errors: *driver.Error of the session when it has ended, or of the job.
func (s *session) submit(j *job, abandon <-chan struct{}) error {
	// Twice the longest wait inside a job: beyond it the lane itself hangs. Before it
	// has a lane, a job waits for others too.
	limit := 2*s.b.o.HangAfter + j.work
	ahead := s.queued.Add(int64(j.work)) - int64(j.work)
	defer s.queued.Add(-int64(j.work))
	timer := time.NewTimer(limit + time.Duration(ahead))
	defer timer.Stop()
	select {
	case s.work <- j:
		timer.Reset(limit)
	case <-s.ended:
		j.finish(nil)
		return s.reason()
	case <-abandon:
		j.finish(nil)
		return errAbandoned
	case <-timer.C:
		j.finish(nil)
		return s.hung("no lane is free")
	}
	select {
	case err := <-j.answer:
		return err
	case <-abandon:
		j.abandon()
		return errAbandoned
	case <-timer.C:
		j.abandon()
		return s.hung("a lane does not return")
	}
}

// hung ends the session because of a lane that does not answer.
func (s *session) hung(detail string) error {
	err := &driver.Error{Code: driver.Hung, Op: "search", Detail: detail}
	s.fail(err)
	return err
}

// errAbandoned says that the caller's context ended.
var errAbandoned = errors.New("gpu: abandoned")
