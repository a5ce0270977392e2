package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/cpu/tune"
)

// fetchRun starts and stops a server on dir and returns its log. The measurement finds
// r; calls counts how often it was asked for.
func fetchRun(t *testing.T, dir string, r tune.Result, calls *int) string {
	t.Helper()
	s := newSession(t)
	s.measure = func() tune.Result {
		*calls++
		return r
	}
	server := start(t, s, "--data-dir", dir, "--fsync", "off")
	ask(t, server.url, "GET", "/live", nil, nil)
	if code := server.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	return s.stderr.String()
}

// TestFetchIsKept has the first server measure, the next ones take what it found
// until the file is damaged.
func TestFetchIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	path, calls := filepath.Join(dir, tune.FileName), 0
	busy := tune.Result{Why: "the machine is busy"}
	contains(t, fetchRun(t, dir, busy, &calls), `"source":"table"`, busy.Why, `"rows_ahead":[16,12,4,4,4]`)
	if _, err := os.Stat(path); err == nil || calls != 1 {
		t.Errorf("kept, though not measured; %d calls", calls)
	}
	found := tune.Result{Rounds: 7,
		Fetch: simd.Fetch{Ahead: [simd.FetchClasses]uint8{24, 4, 0, 8, 0}, CodeLines: 16}}
	depths := `"rows_ahead":[24,4,4,8,4],"code_lines":16`
	contains(t, fetchRun(t, dir, found, &calls), `"source":"measured"`, depths)
	if machine.Read(machine.Root()).CPU == "" {
		return // nothing is kept for a processor without a name
	}
	contains(t, fetchRun(t, dir, busy, &calls), `"source":"kept"`, depths)
	if calls != 2 {
		t.Errorf("measured %d times", calls)
	}
	if err := os.WriteFile(path, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, fetchRun(t, dir, found, &calls), `"source":"measured"`, depths)
	contains(t, fetchRun(t, dir, busy, &calls), `"source":"kept"`, depths)
	if calls != 3 {
		t.Errorf("measured %d times", calls)
	}
}

// TestFetchOfAForeignDirectory writes nothing into a directory that is not ours.
func TestFetchOfAForeignDirectory(t *testing.T) {
	s := newSession(t)
	s.measure = func() tune.Result { return tune.Result{} }
	if err := os.WriteFile("theirs", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.call(t, exitDataDir, "serve", "--port", "0", "--data-dir", ".")
	if names, _ := os.ReadDir("."); len(names) != 1 {
		t.Errorf("found %v", names)
	}
}

func TestDoctorTellsFetch(t *testing.T) {
	if !simd.Fetches() {
		contains(t, describeFetch(t.TempDir()), "leave it to the processor")
		return
	}
	dir, facts := t.TempDir(), machine.Read(machine.Root())
	contains(t, describeFetch(dir), "up to 192 bytes 16 early", "larger ones 4, 8 lines", "until the next start")
	if facts.CPU == "" {
		return // nothing is kept for it
	}
	if err := tune.Save(dir, fetchKey(facts), simd.Fetch{CodeLines: 4}); err != nil {
		t.Fatal(err)
	}
	contains(t, describeFetch(dir), "larger ones 4, 4 lines", "as measured on this machine")
}

func TestProbeTellsFetch(t *testing.T) {
	s := newSession(t)
	s.measure = func() tune.Result {
		return tune.Result{Rounds: 5, Fetch: simd.Fetch{Ahead: [simd.FetchClasses]uint8{8}}}
	}
	out, _ := s.call(t, exitOK, "probe")
	var p struct {
		Fetch foundFetch `json:"fetch"`
	}
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	want := foundFetch{Source: fetchMeasured, Rounds: 5,
		Fetch: simd.Fetch{Ahead: [simd.FetchClasses]uint8{8, 12, 4, 4, 4}, CodeLines: 8}}
	if p.Fetch != want {
		t.Errorf("got %+v, want %+v", p.Fetch, want)
	}
}

// TestMeasureFetch runs the real measurement: it ends, and finds what is accepted.
func TestMeasureFetch(t *testing.T) {
	if r := measureFetch(); r.Fetch.Check() != nil || r.Why == "" && r.Rounds == 0 {
		t.Errorf("%+v", r)
	}
}
