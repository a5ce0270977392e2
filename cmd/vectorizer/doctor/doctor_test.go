package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options returns what checks a healthy set-up with the given files under /.
func options(t *testing.T, pairs ...string) Options {
	t.Helper()
	root := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		root[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	c := config.Default()
	c.DataDir, c.Server.Port, c.Storage.MinFreeBytes = t.TempDir(), 0, 1
	return Options{
		Version: "test", Config: c, Root: root, Fetch: "measured",
		Devices: []Device{{"cpu", true, "kernels"}, {"cuda", false, "not built"}},
		Inspect: func(string) (DirState, error) { return DirState{Found: "is fine"}, nil },
		Ask: func(context.Context, string) (string, error) {
			return "", errors.New("no server")
		},
	}
}

// find returns the check called name.
func find(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %q in %v", name, checks)
	}
	return checks[i]
}

func want(t *testing.T, c Check, status Status, parts ...string) {
	t.Helper()
	if c.Status != status {
		t.Errorf("%+v: want %s", c, status)
	}
	for _, p := range parts {
		if !strings.Contains(c.Found+"\n"+c.Advice, p) {
			t.Errorf("%+v lacks %q", c, p)
		}
	}
}

func TestKernel(t *testing.T) {
	f := func(path, text, name string, status Status, parts ...string) {
		t.Helper()
		want(t, find(t, kernelChecks(options(t, path, text).Root), name), status, parts...)
	}
	const thp = "sys/kernel/mm/transparent_hugepage/enabled"
	f(thp, "always [madvise] never\n", "huge pages", OK, "madvise")
	f(thp, "[always] madvise never\n", "huge pages", OK, "always")
	f(thp, "always madvise [never]\n", "huge pages", Warn, "echo madvise > /sys")
	f(thp, "?", "huge pages", Info)
	f("proc/sys/vm/max_map_count", "65530\n", "max_map_count", OK)
	f("proc/sys/vm/max_map_count", "100\n", "max_map_count", Warn, "sysctl")
	f("proc/sys/vm/max_map_count", "x\n", "max_map_count", Info)
	f("proc/sys/vm/overcommit_memory", "1\n", "overcommit", OK)
	f("proc/sys/vm/overcommit_memory", "2\n", "overcommit", Warn, "sysctl")
	f("proc/sys/vm/overcommit_memory", "7\n", "overcommit", Info)
	if got := kernelChecks(fstest.MapFS{}); len(got) != 0 {
		t.Errorf("without a kernel's files: %v", got)
	}
}

func TestMachine(t *testing.T) {
	f := func(facts machine.Facts, limit, name string, status Status, parts ...string) {
		t.Helper()
		o := options(t)
		o.SIMDLimit = limit
		want(t, find(t, machineChecks(o, facts), name), status, parts...)
	}
	big := machine.Facts{OS: "linux", Arch: "amd64", CPU: "Fast", Cores: 8, Procs: 4,
		SIMD: "avx2", Memory: 8 << 30, Available: 4 << 30}
	f(big, "", "machine", OK, "linux/amd64", "Fast")
	f(big, "", "cores", OK, "8, of which 4")
	f(big, "", "memory", OK, "8.0GiB", "4.0GiB free")
	f(big, "", "simd", OK, "avx2")
	f(big, "avx2", "simd", OK, "VECTORIZER_SIMD=avx2")
	small := machine.Facts{Cores: 1, Procs: 1, SIMD: "generic", Memory: 8 << 30, CgroupSize: 100 << 20}
	f(small, "", "cores", Warn, "second processor")
	f(small, "", "memory", Warn, "control group allows 100.0MiB", "512MiB")
	f(small, "", "simd", Warn, "AVX2 or NEON")
	f(small, "generic", "simd", Warn, "unset VECTORIZER_SIMD")
	f(machine.Facts{}, "", "memory", Info)
}

func TestGPU(t *testing.T) {
	f := func(o Options, status Status, parts ...string) {
		t.Helper()
		want(t, find(t, gpuChecks(o), "cuda"), status, parts...)
	}
	o := options(t)
	f(o, Info, "no NVIDIA card", "not built", "the CPU computes")
	o = options(t, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t Big Card\nIRQ: 1\n")
	f(o, Info, "Big Card; not built")
	o.Config.Backend = "cuda"
	f(o, Fail, "set backend to auto or cpu")
	f(options(t, "dev/nvidia0", "", "dev/nvidiactl", ""), Info, "/dev/nvidia0; not built")
	o.Devices[1].Usable = true
	f(o, OK)
}

func TestDirectory(t *testing.T) {
	f := func(o Options, name string, status Status, parts ...string) {
		t.Helper()
		want(t, find(t, dirChecks(o), name), status, parts...)
	}
	o := options(t)
	f(o, "data directory", OK, "is fine")
	f(o, "permissions", OK)
	f(o, "disk space", OK, "free")
	if c := find(t, dirChecks(o), "fsync"); c.Status == Info || c.Status == Fail {
		t.Errorf("%+v", c) // how fast it is depends on the machine
	}
	if left, err := os.ReadDir(o.Config.DataDir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	o.Inspect = func(string) (DirState, error) { return DirState{}, errors.New("newer") }
	f(o, "data directory", Fail, "newer", "--data-dir")
	o.Inspect = func(string) (DirState, error) { return DirState{"in use by pid 7", true}, nil }
	f(o, "data directory", Info, "in use by pid 7", "stop that process")

	o = options(t)
	o.Config.Storage.MinFreeBytes = 1 << 62
	f(o, "disk space", Fail, "storage.min_free")

	o = options(t)
	o.Config.DataDir = filepath.Join(o.Config.DataDir, "a", "b")
	f(o, "data directory", OK, "does not exist")
	f(o, "permissions", OK)
	if _, err := os.Stat(filepath.Dir(o.Config.DataDir)); err == nil {
		t.Error("the check made the directory")
	}

	o = options(t)
	o.Config.DataDir = filepath.Join(o.Config.DataDir, "file")
	if err := os.WriteFile(o.Config.DataDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f(o, "data directory", Fail, "is a file")
}

func TestPort(t *testing.T) {
	o := options(t)
	want(t, portCheck(context.Background(), o), OK)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o.Config.Server.Port = l.Addr().(*net.TCPAddr).Port
	want(t, portCheck(context.Background(), o), Fail, "another program", "--port")
	o.Ask = func(_ context.Context, address string) (string, error) {
		if address != l.Addr().String() {
			t.Errorf("asked %s", address)
		}
		return "9.9", nil
	}
	want(t, portCheck(context.Background(), o), Info, "served by vectorizer 9.9")
	o.Config.Server.Host = "203.0.113.7"
	want(t, portCheck(context.Background(), o), Fail, "203.0.113.7")
}

func TestClock(t *testing.T) {
	want(t, timeCheck(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)), Fail, "1970-01-01", "set the clock")
	if c := timeCheck(time.Now()); c.Status == Fail {
		t.Errorf("%+v", c)
	}
	const path = "sys/devices/system/clocksource/clocksource0/current_clocksource"
	want(t, find(t, clockChecks(options(t, path, "tsc\n").Root), "clock source"), OK, "tsc")
	want(t, find(t, clockChecks(options(t, path, "hpet\n").Root), "clock source"), Warn, "slow")
}

func TestReport(t *testing.T) {
	r := Run(context.Background(), options(t))
	if r.Failures() != 0 {
		t.Errorf("a healthy machine fails: %+v", r.Checks)
	}
	for _, c := range r.Checks {
		if c.Name == "" || c.Found == "" || c.Advice == "" || c.Status == "" {
			t.Errorf("incomplete: %+v", c)
		}
	}
	var text, raw strings.Builder
	r.Checks = append(r.Checks, Check{"a", Fail, "b", "c"}, Check{"d", Warn, "e", "f"},
		Check{"g", Warn, "h", "i"})
	if err := errors.Join(r.WriteText(&text), r.WriteJSON(&raw)); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text.String(), "\n"); lines != len(r.Checks)+2 {
		t.Errorf("%d lines for %d checks:\n%s", lines, len(r.Checks), text.String())
	}
	if !strings.Contains(text.String(), "\nnot ready: 1 failure, ") {
		t.Error(text.String())
	}
	var back Report
	if err := json.Unmarshal([]byte(raw.String()), &back); err != nil || len(back.Checks) != len(r.Checks) {
		t.Errorf("%v: %d checks", err, len(back.Checks))
	}
}
