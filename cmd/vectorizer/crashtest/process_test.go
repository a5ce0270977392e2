package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "crashtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "vectorizer")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-pgo=off", "-o", binary, "..")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	return m.Run()
}

// output collects what a process writes.
type output struct {
	mu  sync.Mutex // guards: buf
	buf []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf)
}

// server is a running process of the program.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr output
	url    string
	exited chan struct{} // closed when the process has ended
	code   int           // its exit code, -1 after a signal; set before exited is closed
}

// environment is that of this process without settings, and with more.
func environment(more ...string) []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "VECTORIZER_") {
			out = append(out, e)
		}
	}
	return append(out, more...)
}

// start runs "serve" on a free port. It does not wait for anything.
func start(t *testing.T, dir string, env ...string) *server {
	t.Helper()
	return startCmd(t, exec.Command(binary, "serve", "--host", "127.0.0.1", "--port", "0",
		"--data-dir", dir, "--backend", "cpu"), env...)
}

func startCmd(t *testing.T, cmd *exec.Cmd, env ...string) *server {
	t.Helper()
	return startIn(t, cmd, t.TempDir(), env...)
}

// startIn runs a command in a working directory.
func startIn(t *testing.T, cmd *exec.Cmd, dir string, env ...string) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr, cmd.Env, cmd.Dir = &s.stderr, environment(env...), dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := cmd.Wait()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			s.code = exit.ExitCode()
		case err != nil:
			s.code = -2
		}
		close(s.exited)
	}()
	t.Cleanup(func() { s.kill() })
	return s
}

// kill ends the process as kill -9 does, and waits for that.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exited
}

var addressLine = regexp.MustCompile(`"address":"(http://[^"]+)"`)

// listening waits until the process says where it listens.
func (s *server) listening() {
	s.t.Helper()
	s.until("listening", func() bool {
		m := addressLine.FindStringSubmatch(s.stderr.String())
		if m != nil {
			s.url = m[1]
		}
		return m != nil
	})
}

// ready waits until every collection serves.
func (s *server) ready() {
	s.t.Helper()
	s.listening()
	c := newCaller(s.url)
	defer c.close()
	s.until("ready", func() bool {
		code, _ := c.try("GET", "/ready", nil, nil)
		return code == 200
	})
}

// until polls while the process runs.
func (s *server) until(what string, cond func() bool) {
	s.t.Helper()
	err := poll(time.Minute, func() bool {
		select {
		case <-s.exited:
			return true
		default:
			return cond()
		}
	})
	select {
	case <-s.exited:
		s.t.Fatalf("ended with code %d before it was %s\n%s", s.code, what, s.stderr.String())
	default:
	}
	if err != nil {
		s.t.Fatalf("not %s: %v\n%s", what, err, s.stderr.String())
	}
}

// poll asks cond again and again until it holds.
func poll(limit time.Duration, cond func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("within %v", limit)
		}
	}
	return nil
}

// wait returns the exit code of a process that is to end by itself.
func (s *server) wait() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(time.Minute):
		s.t.Fatalf("still running\n%s", s.stderr.String())
	}
	return s.code
}

// minuteOrTwo bounds waits on a busy machine.
const minuteOrTwo = 90 * time.Second
