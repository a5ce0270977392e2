package measure

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/cpu"
)

// Machine describes where something was measured.
type Machine struct {
	CPU         string   `json:"cpu"`             // model name, "" when unknown
	Model       string   `json:"model,omitempty"` // family, model and stepping, which names may hide
	Cores       int      `json:"cores"`
	GOMAXPROCS  int      `json:"gomaxprocs"`
	Features    []string `json:"features"` // that matter for distance kernels
	MemoryBytes int64    `json:"memory_bytes,omitempty"`
	OS          string   `json:"os"`
	Arch        string   `json:"arch"`
	Kernel      string   `json:"kernel,omitempty"`
	Load1       string   `json:"load1,omitempty"` // load average when the run began
}

// Build describes what was measured.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Dirty   bool   `json:"dirty"` // the tree had changes
	Go      string `json:"go"`
	CGO     string `json:"cgo,omitempty"`
}

// ThisMachine describes the machine of this process.
func ThisMachine() Machine {
	m := Machine{
		Cores: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), OS: runtime.GOOS,
		Arch: runtime.GOARCH, Features: features(),
	}
	const cpuinfo = "/proc/cpuinfo"
	m.CPU = field(cpuinfo, "model name")
	if family := field(cpuinfo, "cpu family"); family != "" {
		m.Model = family + "-" + field(cpuinfo, "model") + "-" + field(cpuinfo, "stepping")
	}
	m.MemoryBytes = kibibytes(field("/proc/meminfo", "MemTotal"))
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load1, _, _ = strings.Cut(string(text), " ")
	}
	return m
}

// field returns the value of the first "name : value" line of a file, or "".
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func features() []string {
	out := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA},
		{"avx512f", cpu.X86.HasAVX512F}, {"avx512vnni", cpu.X86.HasAVX512VNNI},
		{"avxvnni", cpu.X86.HasAVXVNNI}, {"amx-int8", cpu.X86.HasAMXInt8},
		{"asimd", cpu.ARM64.HasASIMD}, {"asimddp", cpu.ARM64.HasASIMDDP}, {"sve", cpu.ARM64.HasSVE},
	} {
		if f.has {
			out = append(out, f.name)
		}
	}
	return out
}

// ThisBuild describes this binary; version is the product's, as git describes it.
// The Go tool leaves out the commit in a linked working tree; there the version
// names it.
func ThisBuild(version string) Build {
	b := Build{Version: version, Go: runtime.Version()}
	if version != "unknown" && version != "devel" {
		b.Commit, b.Dirty = strings.CutSuffix(version, "-dirty")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		case "CGO_ENABLED":
			b.CGO = s.Value
		}
	}
	return b
}
