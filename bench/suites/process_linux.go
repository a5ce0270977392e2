package suites

import (
	"os"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// onCPUs runs start on a thread that is pinned to cpus, so that a process which it
// starts is; none = anywhere.
func onCPUs(cpus []int, start func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		if len(cpus) > 0 {
			runtime.LockOSThread() // and never unlocked: the thread ends
			setCPUs(0, cpus)
		}
		start()
	})
	wg.Wait()
}

// pinProcess pins every thread of this process to cpus; those that are made later
// are pinned too. restore undoes it.
func pinProcess(cpus []int) (restore func()) {
	all := searchCPUs(1 << 10)
	if len(cpus) == 0 {
		return func() {}
	}
	pinThreads(cpus)
	return func() { pinThreads(all) }
}

func pinThreads(cpus []int) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // without it the measurement is only noisier
	}
	for _, t := range threads {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			setCPUs(tid, cpus)
		}
	}
}

// setCPUs pins a thread; 0 = the calling one.
func setCPUs(tid int, cpus []int) {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	_ = unix.SchedSetaffinity(tid, &set) // a thread may have ended since
}
