package crashtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Exit codes that scripts rely on; see vectorizer serve --help.
const (
	codeDataDir = 3
	codeListen  = 4
	codeVerify  = 5
)

// fill makes a collection of n vectors and returns their model.
func fill(t *testing.T, c *caller, coll string, n int) map[string]state {
	t.Helper()
	c.ask(t, "POST", "/api/v1/collections",
		object{"name": coll, "dimension": dimension, "metric": "euclidean"}, nil)
	model := map[string]state{}
	for i := 0; i < n; i += 100 {
		upsert(t, c, coll, model, i, min(i+100, n), 1)
	}
	return model
}

// upsert writes the vectors from to to in a version.
func upsert(t *testing.T, c *caller, coll string, model map[string]state, from, to, version int) {
	t.Helper()
	c.ask(t, "POST", "/api/v1/collections/"+coll+"/vectors", batch(from, to, version), nil)
	for i := from; i < to; i++ {
		model[fmt.Sprint("v", i)] = state{version, version}
	}
}

func batch(from, to, version int) object {
	var list []object
	for i := from; i < to; i++ {
		id := fmt.Sprint("v", i)
		list = append(list, object{"id": id, "vector": vectorOf(id, version), "payload": payloadOf(id, version)})
	}
	return object{"vectors": list}
}

// same fails unless a collection holds exactly the model.
func same(t *testing.T, c *caller, coll string, model map[string]state) {
	t.Helper()
	stored := scroll(t, c, coll)
	for id, s := range model {
		if r := stored[id]; !r.is(id, s) {
			t.Errorf("%s/%s: %+v, want version %+v", coll, id, r, s)
		}
	}
	if len(stored) != len(model) {
		t.Errorf("%s: %d vectors, want %d", coll, len(stored), len(model))
	}
}

// fails checks that a process ended with a code and one plain sentence about it.
func fails(t *testing.T, s *server, code int, words ...string) {
	t.Helper()
	if got := s.wait(); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	text := s.stderr.String()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("the message lacks %q", w)
		}
	}
	if strings.Contains(text, "panic") || strings.Contains(text, "goroutine ") {
		t.Error("a panic reached the user")
	}
	if t.Failed() {
		t.Logf("it said:\n%s", text)
	}
}

// TestPortInUse starts a server on an address that is taken.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	s := startCmd(t, exec.Command(binary, "serve", "--port", port, "--data-dir", dir))
	fails(t, s, codeListen, port, "in use")
}

// TestSecondProcess starts a server on the directory of another one.
func TestSecondProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := start(t, dir)
	first.ready()
	c := newCaller(first.url)
	defer c.close()
	model := fill(t, c, "c", 100)
	fails(t, start(t, dir), codeDataDir, dir, "in use")
	upsert(t, c, "c", model, 50, 150, 2)
	same(t, c, "c", model)
	first.kill() // its lock must not outlive it
	again := start(t, dir)
	again.ready()
	d := newCaller(again.url)
	defer d.close()
	same(t, d, "c", model)
}

// listing describes every file below dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestForeignDirectory starts a server on a directory that is not its own.
func TestForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), []byte("\\begin"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	fails(t, start(t, dir), codeDataDir, dir, "not a Vectorizer data directory")
	if after := listing(t, dir); after != before {
		t.Errorf("the directory changed:\n%s\nwas\n%s", after, before)
	}
	file := filepath.Join(dir, "thesis.tex")
	fails(t, start(t, file), codeDataDir, file)
}

// TestNewerFormat starts a server on a directory that a later version wrote.
func TestNewerFormat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, dir)
	s.ready()
	s.kill()
	path := filepath.Join(dir, "IDENTITY")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var identity object
	if err := json.Unmarshal(text, &identity); err != nil {
		t.Fatal(err)
	}
	identity["format"] = 999
	if text, err = json.Marshal(identity); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	fails(t, start(t, dir), codeDataDir, dir, "format 999", "reads up to")
	if after := listing(t, dir); after != before {
		t.Error("the directory changed")
	}
	if err := os.WriteFile(path, []byte(`{"product":`), 0o644); err != nil {
		t.Fatal(err)
	}
	fails(t, start(t, dir), codeDataDir, dir)
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
