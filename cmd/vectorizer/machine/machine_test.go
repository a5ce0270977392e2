package machine

import (
	"runtime"
	"testing"
	"testing/fstest"
)

// files makes a file system of path, text pairs.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestCgroupMemory(t *testing.T) {
	f := func(want int64, pairs ...string) {
		t.Helper()
		if got := CgroupMemory(files(pairs...)); got != want {
			t.Errorf("%q: %d, want %d", pairs, got, want)
		}
	}
	const self = "proc/self/cgroup"
	f(0)
	f(0, self, "0::/\n")
	f(0, self, "0::/\n", "sys/fs/cgroup/memory.max", "max\n")
	f(1024, self, "0::/\n", "sys/fs/cgroup/memory.max", "1024\n")
	f(512, self, "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max", "max\n",
		"sys/fs/cgroup/a/memory.max", "512\n", "sys/fs/cgroup/memory.max", "1024\n")
	f(77, self, "5:cpu,memory:/x\n0::/\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "77\n",
		"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
	f(0, self, "5:cpu:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "77\n")
	f(0, self, "nonsense\n:\n", "sys/fs/cgroup/memory.max", "5\n")
	f(0, self, "0::/\n", "sys/fs/cgroup/memory.max", "many\n")
}

// TestFree: what the system has, and no more than the control group lets this process
// have beside what it uses.
func TestFree(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // /proc is not looked at
	}
	f := func(want int64, pairs ...string) {
		t.Helper()
		pairs = append(pairs, "proc/self/cgroup", "0::/a\n",
			"proc/meminfo", "MemTotal: 1024 kB\nMemAvailable: 512 kB\n")
		if got := Read(files(pairs...)).Free(); got != want {
			t.Errorf("%q: %d, want %d", pairs, got, want)
		}
	}
	const limit, used = "sys/fs/cgroup/a/memory.max", "sys/fs/cgroup/a/memory.current"
	f(512 << 10)
	f(4096-1000, limit, "4096\n", used, "1000\n")
	f(0, limit, "4096\n", used, "5000\n")
	f(512<<10, limit, "1048576\n", used, "1000\n")
}

func TestRead(t *testing.T) {
	f := Read(files(
		"proc/cpuinfo", "processor : 0\nmodel name\t: Some CPU: 3 GHz\n",
		"proc/meminfo", "MemTotal:       1024 kB\nMemAvailable:    512 kB\n",
		"proc/self/cgroup", "0::/\n", "sys/fs/cgroup/memory.max", "4096\n"))
	if f.Cores < 1 || f.Procs < 1 || f.SIMD == "" || f.OS != runtime.GOOS {
		t.Errorf("%+v", f)
	}
	if runtime.GOOS == "linux" {
		if f.CPU != "Some CPU: 3 GHz" || f.Memory != 1<<20 || f.Available != 512<<10 {
			t.Errorf("%+v", f)
		}
	}
	if f.Usable() != 4096 {
		t.Errorf("usable %d", f.Usable())
	}
}

// TestReadThisMachine checks that the real system is understood.
func TestReadThisMachine(t *testing.T) {
	f := Read(Root())
	if f.Memory < 1<<20 || f.Kernel == "" || f.Usable() > f.Memory {
		t.Errorf("%+v", f)
	}
}
