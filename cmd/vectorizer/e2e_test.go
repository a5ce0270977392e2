package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
)

// process is the real program, running.
type process struct {
	cmd    *exec.Cmd
	stderr buffer
	url    string
	ended  bool
}

// launch starts the server as a process of its own and waits until it listens.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return launchWith(t, nil, dir, args...)
}

// launchWith is launch with more in the environment.
func launchWith(t *testing.T, env []string, dir string, args ...string) *process {
	t.Helper()
	p := &process{}
	p.cmd = exec.Command(binary, append([]string{"serve", "--port", "0", "--data-dir", dir}, args...)...)
	p.cmd.Dir, p.cmd.Stderr, p.cmd.Env = t.TempDir(), &p.stderr, append(cleanEnv(), env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.ended {
			if err := p.cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			p.wait()
		}
	})
	eventually(t, "listening", func() bool {
		m := addressLine.FindStringSubmatch(p.stderr.String())
		if m != nil {
			p.url = m[1]
		}
		return m != nil
	})
	return p
}

// cleanEnv is the environment without settings.
func cleanEnv() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "VECTORIZER_") {
			out = append(out, e)
		}
	}
	return out
}

// wait returns the exit code, -1 after a signal.
func (p *process) wait() int {
	p.ended = true
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -2
	}
	return 0
}

// stop asks the process to end, as a service manager would.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	sig := os.Signal(syscall.SIGTERM)
	if runtime.GOOS == "windows" {
		sig = os.Kill // the only signal there is
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	return p.wait()
}

// program runs one command of the real program to its end.
func program(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env = t.TempDir(), cleanEnv()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

type searchAnswer struct {
	Results []struct {
		ID      string         `json:"id"`
		Score   float64        `json:"score"`
		Payload map[string]any `json:"payload"`
	} `json:"results"`
}

// TestTour walks through what the README shows, with a restart in the middle.
func TestTour(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := launch(t, dir)
	const one = "/api/v1/collections/books"
	ask(t, p.url, "POST", "/api/v1/collections",
		object{"name": "books", "dimension": 3, "metric": "cosine"}, nil)
	ask(t, p.url, "POST", one+"/vectors", object{"vectors": []object{
		{"id": "a", "vector": []float32{1, 0, 0}, "payload": object{"title": "A", "year": 1999}},
		{"id": "b", "vector": []float32{0.9, 0.1, 0}, "payload": object{"title": "B", "year": 2005}},
		{"id": "c", "vector": []float32{0, 0, 1}, "payload": object{"title": "C", "year": 2020}},
	}}, nil)
	check := func(url string, filter any, want ...string) {
		t.Helper()
		body := object{"vector": []float32{1, 0, 0}, "limit": 2}
		if filter != nil {
			body["filter"] = filter
		}
		var found searchAnswer
		ask(t, url, "POST", one+"/search", body, &found)
		var ids []string
		for _, r := range found.Results {
			ids = append(ids, r.ID)
		}
		if strings.Join(ids, " ") != strings.Join(want, " ") {
			t.Errorf("found %v, want %v", ids, want)
		}
	}
	check(p.url, nil, "a", "b")
	check(p.url, object{"year": 2020}, "c")
	var got struct {
		ID      string
		Vector  []float32
		Payload map[string]any
	}
	ask(t, p.url, "GET", one+"/vectors/b", nil, &got)
	if got.ID != "b" || len(got.Vector) != 3 || got.Payload["title"] != "B" {
		t.Errorf("got %+v", got)
	}
	ask(t, p.url, "DELETE", one+"/vectors/a", nil, nil)
	if code := p.stop(t); code != 0 && runtime.GOOS != "windows" {
		t.Fatalf("exit code %d\n%s", code, p.stderr.String())
	}

	p = launch(t, dir)
	eventually(t, "ready", func() bool {
		code, _, _ := program(t, "", "status", "--quiet", "--url", p.url)
		return code == exitOK
	})
	check(p.url, nil, "b", "c")
	c, err := client.New(p.url, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Get(t.Context(), one+"/vectors/a", nil); !client.IsType(err, "vector_not_found") {
		t.Errorf("the deleted vector: %v", err)
	}
}

// TestKilledServerKeepsItsWrites ends the process without warning.
func TestKilledServerKeepsItsWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := launch(t, dir)
	fill(t, p.url, "c", 100)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait()
	p = launch(t, dir)
	var found struct{ Count int }
	eventually(t, "ready", func() bool {
		code, _, _ := program(t, "", "status", "--quiet", "--url", p.url)
		return code == exitOK
	})
	ask(t, p.url, "GET", "/api/v1/collections/c/count", nil, &found)
	if found.Count != 100 {
		t.Errorf("%d vectors after the restart", found.Count)
	}
}

// TestExitCodes checks what scripts rely on, through the real program.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	data, foreign := filepath.Join(dir, "data"), filepath.Join(dir, "foreign")
	if err := os.MkdirAll(filepath.Join(foreign, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := launch(t, data)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(want int, args ...string) {
		t.Helper()
		code, out, errOut := program(t, "", args...)
		if code != want {
			t.Errorf("%v: exit code %d, want %d\n%s%s", args, code, want, out, errOut)
		}
	}
	f(0, "version")
	f(0, "serve", "--print-config")
	f(0, "status", "--url", p.url)
	f(0, "status", "--port", port)
	f(0, "doctor", "--port", port, "--data-dir", data)
	f(1, "doctor", "--port", "0", "--data-dir", foreign)
	f(1, "serve", "--backend", "metal", "--data-dir", data)
	f(1, "restore", "absent.tar", "--data-dir", filepath.Join(dir, "r"))
	f(2, "nonsense")
	f(2, "serve", "--port", "many")
	f(2, "snapshot")
	f(3, "serve", "--port", "0", "--data-dir", data)
	f(3, "serve", "--port", "0", "--data-dir", foreign)
	f(3, "snapshot", "x", "--data-dir", data)
	f(4, "serve", "--port", port, "--data-dir", filepath.Join(dir, "other"))
	if code := p.stop(t); code != 0 && runtime.GOOS != "windows" {
		t.Errorf("stop: exit code %d", code)
	}
	f(0, "verify", "--data-dir", data)
	damage(t, filepath.Join(data, "db", "MANIFEST-*"), 0.25, 0.75)
	f(5, "verify", "--data-dir", data)
	f(6, "status", "--url", p.url)
	f(6, "status", "--port", port, "--quiet")
}

// damage flips bits between two fractions of the largest file that matches
// pattern; one alone could fall into padding.
func damage(t *testing.T, pattern string, from, to float64) {
	t.Helper()
	path := largest(t, pattern)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := float64(len(raw))
	for i := int(n * from); i < int(n*to); i += 61 {
		raw[i] ^= 0x40
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVersionOfBuild checks that the linker's version reaches the user.
func TestVersionOfBuild(t *testing.T) {
	_, out, _ := program(t, "", "version")
	contains(t, out, "vectorizer 1.2.3-test\n")
}

// hang sends half a request, which the server waits for when it stops, and
// returns when the server has begun with it.
func hang(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "POST /api/v1/collections HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q %v", line, err)
	}
	return conn
}
