package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// rowsFile writes n rows of 4 components as JSON lines.
func rowsFile(t *testing.T, dir string, n int) string {
	t.Helper()
	path := filepath.Join(dir, "rows.jsonl")
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"r%04d","vector":[%d,0.5,-1,%d],"payload":{"n":%d,"odd":%v,"price":%d.50}}`+"\n",
			i, i, i%7, i, i%2 == 1, i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fileRows reads a file as text, one line per row.
func fileRows(t *testing.T, path string) string {
	t.Helper()
	r, err := rowio.Open(path, rowio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var b strings.Builder
	var row rowio.Row
	for r.Next(&row) == nil {
		fmt.Fprintf(&b, "%s %v %s\n", row.ID, row.Vector, row.Payload)
	}
	return b.String()
}

// TestImportExport stores a file, reads it back in every format, stores that
// again elsewhere, and compares.
func TestImportExport(t *testing.T) {
	s := newSession(t)
	dir := t.TempDir()
	r := start(t, s, "--data-dir", filepath.Join(dir, "data"))
	file := rowsFile(t, dir, 1234)
	want := fileRows(t, file)
	run := func(code int, args ...string) (string, string) {
		t.Helper()
		args = append(args, "--url", r.url)
		if args[0] == "import" {
			args = append(args, "--state-dir", filepath.Join(dir, "state"))
		}
		return s.call(t, code, args...)
	}
	_, errOut := run(exitFailure, "import", file, "-c", "a")
	contains(t, errOut, `collection "a" does not exist; --create makes it`)
	out, _ := run(exitOK, "import", file, "-c", "a", "--create", "--metric", "l2", "--batch", "100",
		"--concurrency", "3", "--wait-index")
	contains(t, out, "imported 1,234 rows into a", "1,234 new, 0 replaced")
	out, _ = run(exitOK, "import", file, "-c", "a", "--json")
	var done map[string]any
	if err := json.Unmarshal([]byte(out), &done); err != nil || done["rows"] != 1234.0 || done["created"] != 0.0 {
		t.Errorf("%s %v", out, err)
	}
	for i, name := range []string{"x.jsonl.zst", "x.parquet", "x.npy", "x.fvecs.gz"} {
		path := filepath.Join(dir, name)
		out, _ = run(exitOK, "export", path, "-c", "a", "--batch", "97")
		contains(t, out, "exported 1,234 rows of a")
		if got := fileRows(t, path); got != want {
			t.Errorf("%s differs from what was imported", name)
		}
		copied := fmt.Sprint("copy", i)
		run(exitOK, "import", path, "-c", copied, "--create", "--metric", "euclidean")
		back := filepath.Join(dir, copied+".jsonl")
		run(exitOK, "export", back, "-c", copied)
		if got := fileRows(t, back); got != want {
			t.Errorf("%s does not come back as it was", name)
		}
	}
	part := filepath.Join(dir, "part.jsonl")
	out, _ = run(exitOK, "export", part, "-c", "a", "--filter", `{"odd":true}`, "--json")
	contains(t, out, `"rows":617`)
	_, errOut = run(exitUsage, "export", part, "-c", "a", "--filter", "{")
	contains(t, errOut, "--filter is not JSON")
	_, errOut = run(exitFailure, "export", part, "-c", "none")
	contains(t, errOut, "Collection not found: none")
}

func TestImportRefusals(t *testing.T) {
	s := newSession(t)
	dir := t.TempDir()
	r := start(t, s, "--data-dir", filepath.Join(dir, "data"))
	file := rowsFile(t, dir, 10)
	f := func(code int, want string, args ...string) {
		t.Helper()
		_, errOut := s.call(t, code, append([]string{"import"}, append(args, "--url", r.url)...)...)
		contains(t, errOut, want)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f(exitFailure, "no such file", filepath.Join(dir, "none.npy"), "-c", "a")
	f(exitUsage, "--batch must be", file, "-c", "a", "--batch", "0")
	f(exitUsage, "Invalid metric", file, "-c", "a", "--metric", "cosmic")
	f(exitUsage, "--collection names the collection", file)
	f(exitFailure, "the file has no rows", write("empty.jsonl", ""), "-c", "a", "--create")
	f(exitFailure, "row 0: vector[1]: expected a number", write("bad.jsonl", `{"vector":[1,"x"]}`), "-c", "a")
	s.call(t, exitOK, "import", file, "-c", "a", "--create", "--url", r.url, "--state-dir", dir)
	f(exitFailure, `collection "a" has dimension 4, the file 2`, write("two.jsonl", `{"vector":[1,2]}`), "-c", "a")
	f(exitFailure, "row 0 (id \"z\"): ", write("zero.jsonl", `{"id":"z","vector":[0,0,0,0]}`), "-c", "a",
		"--state-dir", dir)
	_, errOut := s.call(t, exitUnreachable, "import", file, "-c", "a", "--url", "http://127.0.0.1:1")
	contains(t, errOut, "no server answers at http://127.0.0.1:1")
}

// TestImportGoesOn breaks an import off by a broken row, mends the file's end and
// goes on from there.
func TestImportGoesOn(t *testing.T) {
	s := newSession(t)
	dir := t.TempDir()
	r := start(t, s, "--data-dir", filepath.Join(dir, "data"))
	file := rowsFile(t, dir, 1000)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The state belongs to the content, so the fault is one that the server
	// finds: an id that is too long for it, which a new collection still refuses.
	bad := strings.Replace(string(good), `"r0700"`, `"`+strings.Repeat("x", 300)+`"`, 1)
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"import", file, "-c", "a", "--create", "--url", r.url, "--state-dir", dir, "--batch", "50",
		"--concurrency", "1"}
	_, errOut := s.call(t, exitFailure, args...)
	contains(t, errOut, "700 rows were stored by this run; the same command goes on after row 699", "row 700")
	_, errOut = s.call(t, exitFailure, args...)
	contains(t, errOut, "going on after row 699", "row 700")
	if strings.Contains(errOut, "700 rows were stored by this run") {
		t.Error("rows were sent again")
	}
	_, errOut = s.call(t, exitFailure, append(args, "--fresh")...)
	contains(t, errOut, "700 rows were stored by this run")
}

func TestImportOffline(t *testing.T) {
	s := newSession(t)
	dir := t.TempDir()
	file, data := rowsFile(t, dir, 50), filepath.Join(dir, "data")
	s.call(t, exitOK, "import", file, "-c", "a", "--create", "--offline", data, "--state-dir", dir)
	out := filepath.Join(dir, "out.jsonl")
	s.call(t, exitOK, "export", out, "-c", "a", "--offline", data)
	if got, want := fileRows(t, out), fileRows(t, file); got != want {
		t.Errorf("got %s", got)
	}
	r := start(t, s, "--data-dir", data)
	_, errOut := s.call(t, exitDataDir, "export", out, "-c", "a", "--offline", data)
	contains(t, errOut, data)
	if r.end() != exitOK {
		t.Error("the server did not stop well")
	}
	if runtime.GOOS == "windows" {
		return
	}
	if _, errOut = s.call(t, exitUnreachable, "export", out, "-c", "a", "--url", r.url); errOut == "" {
		t.Error("no message")
	}
}
