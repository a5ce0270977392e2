package measure

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// KeepAwake keeps every processor from going idle, by processes that run only when
// nothing else wants to, until stop is called. A virtual processor that sleeps is
// woken by the machine's host, and the time that takes is charged to whoever woke
// it: microseconds for each answer that a lone client waits for.
// Errors: errors.ErrUnsupported where the system has no such scheduling class.
func KeepAwake() (stop func(), err error) {
	s := &spinners{}
	for range runtime.NumCPU() {
		if err := s.add(); err != nil {
			s.stop()
			return nil, err
		}
	}
	return s.stop, nil
}

// spinners are processes of the idle class.
type spinners struct{ all []*exec.Cmd }

func (s *spinners) add() error {
	c := exec.Command("sh", "-c", "while :; do :; done")
	if err := c.Start(); err != nil {
		return fmt.Errorf("measure: a process that keeps a processor awake: %w", err)
	}
	s.all = append(s.all, c)
	idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	if err := unix.SchedSetAttr(c.Process.Pid, &idle, 0); err != nil {
		return errors.Join(errors.ErrUnsupported, err)
	}
	return nil
}

func (s *spinners) stop() {
	for _, c := range s.all {
		_ = c.Process.Kill() // it may be gone
		_ = c.Wait()         // always "killed"
	}
}
