package hnsw

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that the process took so far, threadTime that of
// the calling thread.
func cpuTime() time.Duration    { return rusage(unix.RUSAGE_SELF) }
func threadTime() time.Duration { return rusage(unix.RUSAGE_THREAD) }

func rusage(who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
