package suites

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU is the CPU time of the calling thread.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// searchCPUs are the processors that searches with a number of threads are pinned
// to: the last ones that this process may use.
func searchCPUs(threads int) []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var allowed []int
	for cpu := 0; len(allowed) < set.Count() && cpu < 8*len(set)*8; cpu++ {
		if set.IsSet(cpu) {
			allowed = append(allowed, cpu)
		}
	}
	if threads >= len(allowed) {
		return allowed
	}
	return allowed[len(allowed)-threads:]
}

// pinThread pins the calling thread to one of cpus. The caller has locked its
// goroutine to the thread and ends without unlocking, so that the thread ends too.
func pinThread(cpus []int, which int) {
	if len(cpus) == 0 {
		return
	}
	var set unix.CPUSet
	set.Set(cpus[which%len(cpus)])
	_ = unix.SchedSetaffinity(0, &set) // without it the measurement is only noisier
}
