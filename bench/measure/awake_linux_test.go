package measure

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSpinners(t *testing.T) {
	var s spinners
	err := s.add()
	if errors.Is(err, errors.ErrUnsupported) {
		s.stop() // an emulator that knows no scheduling classes
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	attr, err := unix.SchedGetAttr(s.all[0].Process.Pid, 0)
	if err != nil || attr.Policy != unix.SCHED_IDLE {
		t.Errorf("policy %v, %v", attr, err)
	}
	s.stop()
	if state := s.all[0].ProcessState; state == nil || state.Success() {
		t.Errorf("after stop: %v", state)
	}
}
