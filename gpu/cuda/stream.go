//go:build cuda && linux && cgo

package cuda

import (
	"errors"
	"time"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

type stream struct {
	d     *device
	s     cu.Stream
	marks [driver.MaxMarks]cu.Event // the first made of them exist
	made  int
	blind bool // the driver makes no events
}

// Mark records an event, which is made at the first use.
func (s *stream) Mark(i int) error {
	for s.made <= i && !s.blind {
		e, err := cu.MakeEvent(cu.DefaultEvent)
		if err != nil {
			s.blind = true // times are worth no failed search
			break
		}
		s.marks[s.made] = e
		s.made++
	}
	if s.blind {
		return nil
	}
	return wrap("mark", s.marks[i].Record(s.s))
}

func (s *stream) Elapsed(from, to int) (time.Duration, bool) {
	if s.blind || max(from, to) >= s.made {
		return 0, false
	}
	ms, err := s.marks[from].Elapsed(s.marks[to])
	return time.Duration(ms * float64(time.Millisecond)), err == nil
}

func (s *stream) CopyIn(dst driver.Ptr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return wrap("copy in", cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(&src[0]), int64(len(src)), s.s))
}

func (s *stream) CopyOut(dst []byte, src driver.Ptr) error {
	if len(dst) == 0 {
		return nil
	}
	return wrap("copy out", cu.MemcpyDtoHAsync(unsafe.Pointer(&dst[0]), cu.DevicePtr(src), int64(len(dst)), s.s))
}

func (s *stream) Launch(l driver.Launch) error {
	f, ok := s.d.functions[l.Kernel]
	if !ok {
		return &driver.Error{
			Code: driver.LaunchFailed, Op: "launch " + l.Kernel, Detail: "no such kernel in " + s.d.image,
		}
	}
	return failure("launch "+l.Kernel, launch(f, s.s, l))
}

// Wait asks the driver until everything is done: at first without a pause, since a
// batch takes some hundred microseconds, then with pauses that grow with the time
// waited. A blocking wait could not be given up when the device hangs.
func (s *stream) Wait(limit time.Duration) error {
	const eager = 200 * time.Microsecond
	for start := time.Now(); ; {
		err := s.s.Query()
		if err == nil {
			return nil
		}
		if err != cu.NotReady {
			return wrap("wait", err)
		}
		switch waited := time.Since(start); {
		case waited > limit:
			return &driver.Error{Code: driver.Hung, Op: "wait"}
		case waited > eager:
			time.Sleep(min(waited/16, time.Millisecond))
		}
	}
}

func (s *stream) Close() error {
	var err error
	for i := range s.made {
		err = errors.Join(err, wrap("destroy event", cu.DestroyEvent(&s.marks[i])))
	}
	return errors.Join(err, wrap("close stream", s.s.Destroy()))
}
