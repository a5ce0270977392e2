package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binary is the path of the real program, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "vectorizer-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "vectorizer")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-pgo=off", "-buildvcs=false", "-ldflags", "-X main.version=1.2.3-test",
		"-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	// fasthttp keeps one goroutine for the Date header, and the cleaner of a stopped
	// server notices that only every ten seconds.
	clock := goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1")
	cleaner := goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")
	if err := goleak.Find(clock, cleaner); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// buffer collects what several goroutines write.
type buffer struct {
	mu sync.Mutex // guards: b
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// session is an app whose streams a test sees.
type session struct {
	*app
	stdout, stderr buffer
	env            []string
}

// newSession returns an app in an empty working directory.
func newSession(t *testing.T, env ...string) *session {
	t.Helper()
	t.Chdir(t.TempDir())
	s := &session{env: env}
	s.app = &app{in: strings.NewReader(""), out: &s.stdout, errOut: &s.stderr,
		processors: func() int { return runtime.GOMAXPROCS(0) },
		environ:    func() []string { return s.env }}
	return s
}

// call runs one command line and checks its exit code.
func (s *session) call(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errOut buffer
	a := *s.app
	a.out, a.errOut = &out, &errOut
	if code := a.run(t.Context(), args); code != want {
		t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, want, out.String(), errOut.String())
	}
	return out.String(), errOut.String()
}

// contains fails unless text has every part.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// eventually polls cond until it holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// devNull is a reader that is empty.
func devNull() io.Reader { return strings.NewReader("") }
