package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
)

// running is a server inside the test's process.
type running struct {
	*session
	url  string
	stop chan os.Signal
	done chan int // exit code
}

// addressLine finds the one line that says where the server listens.
var addressLine = regexp.MustCompile(`"address":"(http://[^"]+)"`)

// start runs serve with args and waits until it listens.
func start(t *testing.T, s *session, args ...string) *running {
	t.Helper()
	r := &running{session: s, stop: make(chan os.Signal, 2), done: make(chan int, 1)}
	a := *s.app
	a.signals = r.stop
	ctx, cancel := context.WithCancel(context.Background())
	go func() { r.done <- a.run(ctx, append([]string{"serve", "--port", "0"}, args...)) }()
	t.Cleanup(func() {
		cancel()
		if r.done != nil {
			<-r.done
		}
		if t.Failed() {
			t.Log(s.stderr.String())
		}
	})
	eventually(t, "listening", func() bool {
		m := addressLine.FindStringSubmatch(s.stderr.String())
		if m != nil {
			r.url = m[1]
		}
		return m != nil
	})
	return r
}

// end stops the server and returns its exit code.
func (r *running) end() int {
	r.stop <- syscall.SIGTERM
	code := <-r.done
	r.done = nil
	return code
}

// ask sends one request and decodes the answer.
func ask(t *testing.T, url, method, path string, in, out any) {
	t.Helper()
	c, err := client.New(url, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Do(t.Context(), method, path, in, out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

type object = map[string]any

// fill makes a collection with n vectors of 4 dimensions.
func fill(t *testing.T, url, name string, n int) {
	t.Helper()
	ask(t, url, "POST", "/api/v1/collections", object{"name": name, "dimension": 4, "metric": "cosine"}, nil)
	list := make([]object, n)
	for i := range list {
		list[i] = object{"id": fmt.Sprintf("v%d", i), "vector": []float32{1, float32(i), 0.5, 0},
			"payload": object{"n": i}}
	}
	ask(t, url, "POST", "/api/v1/collections/"+name+"/vectors", object{"vectors": list}, nil)
}

func TestServeStartsAndStops(t *testing.T) {
	s := newSession(t, "VECTORIZER_SERVICE_HOST=10.0.0.1")
	r := start(t, s, "--data-dir", "d", "--fsync", "off")
	fill(t, r.url, "c", 10)
	out, _ := s.call(t, exitOK, "status", "--url", r.url)
	contains(t, out, "state        ready", "collections  1", "vectors      10", "COLLECTION", "completed")
	out, _ = s.call(t, exitOK, "status", "--url", r.url, "--json")
	var st serverStatus
	if err := json.Unmarshal([]byte(out), &st); err != nil || !st.Ready || len(st.Collections) != 1 {
		t.Errorf("%v %+v", err, st)
	}
	if out, _ := s.call(t, exitOK, "status", "--url", r.url, "--quiet"); out != "" {
		t.Errorf("quiet says %q", out)
	}
	if code := r.end(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
	log := s.stderr.String()
	if n := strings.Count(log, `"address"`); n != 1 {
		t.Errorf("the address is told %d times", n)
	}
	contains(t, log, `"message":"starting"`, `"message":"ready"`, "made for a service of the same name",
		"can be lost when the machine fails", `"message":"requests finished"`,
		`"message":"data directory closed"`)
	for line := range strings.SplitSeq(strings.TrimSpace(log), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if _, errOut := s.call(t, exitUnreachable, "status", "--url", r.url); errOut == "" {
		t.Error("no message")
	}
}

func TestServeRefusals(t *testing.T) {
	s := newSession(t)
	r := start(t, s, "--data-dir", "d")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(code int, want string, args ...string) {
		t.Helper()
		_, errOut := s.call(t, code, append([]string{"serve", "--log-level", "error"}, args...)...)
		if !strings.HasPrefix(errOut, "vectorizer: ") || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: not one sentence: %q", args, errOut)
		}
		contains(t, errOut, want)
	}
	f(exitListen, "port "+port+" of 127.0.0.1 is already in use", "--port", port)
	f(exitListen, "not an address of this machine", "--port", "0", "--host", "203.0.113.7", "--insecure-listen")
	f(exitDataDir, "is in use by another process", "--port", "0", "--data-dir", "d")
	f(exitDataDir, "not a directory", "--port", "0", "--data-dir", filepath.Join("d", "IDENTITY", "x"))
	f(exitFailure, "backend cuda cannot be used", "--backend", "cuda")
	if err := os.MkdirAll("foreign/x", 0o755); err != nil {
		t.Fatal(err)
	}
	f(exitDataDir, "not a Vectorizer data directory", "--port", "0", "--data-dir", "foreign")
	if err := os.MkdirAll("newer", 0o755); err != nil {
		t.Fatal(err)
	}
	identity := []byte(`{"product":"vectorizer","version":"99.0","format":99}`)
	if err := os.WriteFile(filepath.Join("newer", "IDENTITY"), identity, 0o600); err != nil {
		t.Fatal(err)
	}
	f(exitDataDir, "written by version 99.0", "--port", "0", "--data-dir", "newer")
	_, errOut := s.call(t, exitDataDir, "snapshot", "x.tar", "--data-dir", "d")
	contains(t, errOut, "in use")
	if code := r.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// TestSnapshotRestore copies a data directory through each compression and
// finds its vectors in the copy.
func TestSnapshotRestore(t *testing.T) {
	s := newSession(t)
	r := start(t, s, "--data-dir", "d")
	fill(t, r.url, "c", 25)
	r.end()
	for _, name := range []string{"a.tar", "a.tar.zst", "a.tar.gz"} {
		out, _ := s.call(t, exitOK, "snapshot", name, "--data-dir", "d")
		contains(t, out, "wrote "+name)
		copyDir := name + ".dir"
		out, _ = s.call(t, exitOK, "restore", name, "--data-dir", copyDir)
		contains(t, out, "made "+copyDir)
		_, errOut := s.call(t, exitDataDir, "restore", name, "--data-dir", copyDir)
		contains(t, errOut, "not empty")
	}
	_, errOut := s.call(t, exitUsage, "snapshot", "a.tar", "--data-dir", "d")
	contains(t, errOut, "--force")
	s.call(t, exitOK, "snapshot", "a.tar", "--data-dir", "d", "--force", "--json")

	raw, errOut := s.call(t, exitOK, "snapshot", "-", "--data-dir", "d")
	contains(t, errOut, "wrote -")
	s.in = strings.NewReader(raw)
	s.call(t, exitOK, "restore", "-", "--data-dir", "piped", "--json")
	s.in = strings.NewReader(raw[:len(raw)/2])
	s.call(t, exitFailure, "restore", "-", "--data-dir", "half")
	if _, err := os.Stat("half"); err == nil {
		t.Error("half a snapshot made a directory")
	}
	s.in = devNull()
	s.call(t, exitFailure, "restore", "-", "--data-dir", "half")
	s.call(t, exitFailure, "restore", "absent.tar", "--data-dir", "half")
	s.call(t, exitDataDir, "snapshot", "b.tar", "--data-dir", "absent")
	if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}

	s.stderr = buffer{}
	r = start(t, s, "--data-dir", "piped")
	var found struct{ Count int }
	ask(t, r.url, "GET", "/api/v1/collections/c/count", nil, &found)
	if found.Count != 25 {
		t.Errorf("%d vectors in the copy", found.Count)
	}
	if code := r.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestStatusWatch(t *testing.T) {
	s := newSession(t)
	r := start(t, s)
	a := *s.app
	var out buffer
	stop := make(chan os.Signal, 1)
	a.out, a.signals = &out, stop
	done := make(chan int, 1)
	go func() { done <- a.run(context.Background(), []string{"status", "--url", r.url, "--watch=100ms"}) }()
	eventually(t, "two pages", func() bool { return strings.Count(out.String(), "state ") >= 2 })
	r.end()
	eventually(t, "the server is away", func() bool {
		return strings.Contains(out.String(), "no server answers")
	})
	stop <- os.Interrupt
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
