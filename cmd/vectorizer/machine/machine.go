// Package machine reads what the operating system says about the machine and
// the limits of this process. What a system does not tell is left zero: nothing
// here is guessed.
package machine

import (
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// Facts describes the machine at one moment.
type Facts struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Kernel     string `json:"kernel,omitempty"`    // release of the kernel
	CPU        string `json:"cpu,omitempty"`       // model as the system names it
	Cores      int    `json:"cores"`               // logical processors
	Procs      int    `json:"processors_usable"`   // that Go runs code on at once
	SIMD       string `json:"simd"`                // instruction set of the kernels
	Memory     int64  `json:"memory_bytes"`        // physical; 0 = not known
	Available  int64  `json:"available_bytes"`     // free without swapping; 0 = not known
	CgroupSize int64  `json:"cgroup_memory_bytes"` // limit of this process; 0 = none
	CgroupUsed int64  `json:"cgroup_used_bytes"`   // of that limit, caches included; 0 = not known
}

// Root is the file system that Read and the other functions look at.
func Root() fs.FS { return os.DirFS("/") }

// Read gathers the facts. root is the machine's file system, Root outside
// tests; it is only looked at where /proc exists.
func Read(root fs.FS) Facts {
	f := Facts{
		OS: runtime.GOOS, Arch: runtime.GOARCH,
		Cores: runtime.NumCPU(), Procs: runtime.GOMAXPROCS(0), SIMD: simd.Level(),
	}
	f.Kernel = firstLine(root, "proc/sys/kernel/osrelease")
	f.CPU = field(root, "proc/cpuinfo", "model name")
	f.Memory = kibField(root, "MemTotal")
	f.Available = kibField(root, "MemAvailable")
	f.CgroupSize, f.CgroupUsed = cgroupMemory(root)
	fillSystem(&f)
	return f
}

// Usable is the memory that this process may take, in bytes; 0 = not known.
func (f Facts) Usable() int64 {
	if f.CgroupSize > 0 && (f.Memory == 0 || f.CgroupSize < f.Memory) {
		return f.CgroupSize
	}
	return f.Memory
}

// Free is the memory that this process may take beside what it has, in bytes, so far
// as the system tells; 0 = not known.
func (f Facts) Free() int64 {
	free := f.Available
	if f.CgroupSize > 0 {
		free = min(free, max(0, f.CgroupSize-f.CgroupUsed))
	}
	return free
}

// CgroupMemory returns the least memory limit of the control groups that this
// process is in, in bytes; 0 = none. Both versions of control groups are read.
func CgroupMemory(root fs.FS) int64 {
	limit, _ := cgroupMemory(root)
	return limit
}

// cgroupMemory is CgroupMemory with what the group that sets the limit has in use.
func cgroupMemory(root fs.FS) (least, used int64) {
	raw, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, 0
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file, usage := "sys/fs/cgroup", "memory.max", "memory.current"
		if parts[1] != "" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			base, file, usage = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
		}
		if n, u := groupLimit(root, base, parts[2], file, usage); n > 0 && (least == 0 || n < least) {
			least, used = n, u
		}
	}
	return least, used
}

// groupLimit returns the least limit from the group at path up to the root of
// its tree, and what that group uses. A group may be hidden by a namespace: only what
// is visible counts.
func groupLimit(root fs.FS, base, path, file, usage string) (least, used int64) {
	const none = int64(1) << 60 // version 1 writes "no limit" as a huge number
	for p := strings.Trim(path, "/"); ; {
		dir := base
		if p != "" {
			dir += "/" + p
		}
		n, err := strconv.ParseInt(firstLine(root, dir+"/"+file), 10, 64)
		if err == nil && n > 0 && n < none && (least == 0 || n < least) {
			least = n
			used, _ = strconv.ParseInt(firstLine(root, dir+"/"+usage), 10, 64)
		}
		if p == "" {
			return least, used
		}
		p = p[:max(0, strings.LastIndexByte(p, '/'))]
	}
}

// Setting returns the first line of a file such as proc/sys/vm/max_map_count,
// and whether it exists.
func Setting(root fs.FS, path string) (string, bool) {
	raw, err := fs.ReadFile(root, path)
	if err != nil {
		return "", false
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSpace(line), true
}

func firstLine(root fs.FS, path string) string {
	line, _ := Setting(root, path)
	return line
}

// field returns the value of the first "name : value" line of a file.
func field(root fs.FS, path, name string) string {
	raw, err := fs.ReadFile(root, path)
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kibField returns a line of /proc/meminfo in bytes.
func kibField(root fs.FS, name string) int64 {
	text, _ := strings.CutSuffix(field(root, "proc/meminfo", name), " kB")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
