package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine"
)

func TestVerify(t *testing.T) {
	s := newSession(t)
	r := start(t, s, "--data-dir", "d")
	fill(t, r.url, "c", 20)
	_, errOut := s.call(t, exitDataDir, "verify", "--data-dir", "d")
	contains(t, errOut, "in use")
	r.end()
	out, _ := s.call(t, exitOK, "verify", "--data-dir", "d")
	contains(t, out, "records    20", "COLLECTION", "nothing is damaged")
	out, _ = s.call(t, exitOK, "verify", "--data-dir", "d", "--json")
	var report engine.VerifyReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Records != 20 {
		t.Errorf("%v %+v", err, report)
	}
	if out, _ := s.call(t, exitOK, "verify", "--data-dir", "d", "-q"); out != "" {
		t.Errorf("quiet says %q", out)
	}
	s.call(t, exitDataDir, "verify", "--data-dir", "absent")
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	_, errOut = s.call(t, exitDataDir, "verify", "--data-dir", "empty")
	contains(t, errOut, "holds no data")
}

// TestVerifyFindsDamage damages a file of each kind.
func TestVerifyFindsDamage(t *testing.T) {
	f := func(kind, pattern string) {
		t.Helper()
		s := newSession(t)
		r := start(t, s, "--data-dir", "d")
		for _, name := range []string{"a", "b", "c", "e"} { // several commits
			fill(t, r.url, name, 50)
		}
		ask(t, r.url, "POST", "/api/v1/collections/a/force-save", nil, nil)
		r.end()
		s.stderr = buffer{}
		start(t, s, "--data-dir", "d").end() // turns the write-ahead log into tables
		damage(t, pattern, 0.25, 0.75)
		out, errOut := s.call(t, exitVerify, "verify", "--data-dir", "d")
		contains(t, out, "problem in "+kind)
		contains(t, errOut, "vectorizer: d is damaged")
	}
	f("image", filepath.Join("d", "images", "*"))
	f("", filepath.Join("d", "db", "*.sst"))
}

// largest is the largest file that matches pattern.
func largest(t *testing.T, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	best, size := "", int64(-1)
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && info.Size() > size {
			best, size = p, info.Size()
		}
	}
	if best == "" {
		t.Fatalf("no file matches %s", pattern)
	}
	return best
}

func TestInterrupted(t *testing.T) {
	s := newSession(t)
	r := start(t, s, "--data-dir", "d")
	fill(t, r.url, "c", 20)
	r.end()
	signals := make(chan os.Signal, 1)
	s.signals = signals
	ctx, restore := s.interruptible(t.Context())
	signals <- syscall.SIGINT
	<-ctx.Done()
	if err := interrupted(ctx, ctx.Err()); err != errInterrupted { //nolint:errorlint // the very one
		t.Errorf("%v", err)
	}
	restore()
	if err := interrupted(ctx, nil); err != nil {
		t.Error(err)
	}
}

// TestStatusOfDamage damages the records of a collection and finds the reason in
// the status of the server, which serves the rest.
func TestStatusOfDamage(t *testing.T) {
	s := newSession(t)
	r := start(t, s, "--data-dir", "d")
	fill(t, r.url, "good", 1)
	fill(t, r.url, "hurt", 3000)
	r.end()
	s.stderr = buffer{}
	start(t, s, "--data-dir", "d").end() // turns the write-ahead log into tables
	damage(t, filepath.Join("d", "images", "*"), 0.25, 0.75)
	damage(t, filepath.Join("d", "db", "*.sst"), 0.80, 0.85) // records come last
	s.stderr = buffer{}
	r = start(t, s, "--data-dir", "d")
	eventually(t, "the damage is told", func() bool {
		return strings.Contains(s.stderr.String(), "collection is quarantined")
	})
	out, errOut := s.call(t, exitFailure, "status", "--url", r.url)
	contains(t, out, "state        not ready", "quarantined")
	contains(t, errOut, "not ready")
	ask(t, r.url, "POST", "/api/v1/collections/good/vectors",
		object{"vectors": []object{{"id": "new", "vector": []float32{1, 2, 3, 4}}}}, nil)
	var found struct{ Count int }
	ask(t, r.url, "GET", "/api/v1/collections/good/count", nil, &found)
	if found.Count != 2 {
		t.Errorf("%d vectors in the whole collection", found.Count)
	}
	if code := r.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
