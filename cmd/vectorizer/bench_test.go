package main

import (
	little "encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// tinyData writes a data set of 500 rows into a folder.
func tinyData(t *testing.T) string {
	t.Helper()
	small, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	set := dataset.Cut(small, 500, 20, 10)
	dir := t.TempDir()
	for name, rows := range map[string][]float32{"base.fvecs": set.Base, "queries.fvecs.gz": set.Queries} {
		w, err := rowio.Create(filepath.Join(dir, name), "")
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(rows); i += set.Dim {
			if err := w.Write(&rowio.Row{ID: "x", Vector: rows[i : i+set.Dim]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	var truth []byte
	for i := range set.NumQueries() {
		truth = little.LittleEndian.AppendUint32(truth, uint32(set.TruthK))
		for _, row := range set.Nearest(i) {
			truth = little.LittleEndian.AppendUint32(truth, uint32(row))
		}
	}
	for name, text := range map[string][]byte{"truth.ivecs": truth,
		"set.json": []byte(`{"name":"tiny","metric":"cosine"}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBench runs the suites that need a server, with the real program, and
// compares and reports what they wrote.
func TestBench(t *testing.T) {
	out := t.TempDir()
	args := []string{"bench", "--suite",
		"http,clients,durable,bulk,churn,restart,overhead,replication,fullsync,core,backends",
		"--data", tinyData(t), "--repeat", "2", "--seconds", "0.02", "--rows", "2000", "--cycles", "8", "--out", out,
		"--ef-construction", "60"}
	code, stdout, stderr := program(t, "", args...)
	if code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.json"))
	if err != nil || len(files) != 11 {
		t.Fatalf("results %v %v", files, err)
	}
	want := map[string][]string{
		"http": {"queries per second: json, 1 connections", "queries per second: octets, 32 connections"},
		"clients": {"queries per second: 256 clients, single queries",
			"single queries against what HTTP allows of full batches",
			"p99 of a single query against the time of a batch"},
		"durable": {"durable upserts per second: this disk, 32 clients",
			"32 clients against one: this disk", "32 clients against one: fsync 2ms longer"},
		"bulk":     {"import rate against pure build rate", "rows per second: import over HTTP"},
		"churn":    {"recall: after churn", "disk: late cycles against early ones"},
		"restart":  {"restart to the first correct answer", "raw vectors", "links"},
		"overhead": {"time per search in process: plain"},
		"replication": {"write rate with one replica against alone: shared processors, 32 clients",
			"idle to applied: from the master's answer to the replica's, p99", "apply rate against commit rate"},
		"core": {"median latency: create a collection", "p99 latency: search in a batch", "p99 latency: delete a row"},
		"backends": {"queries per second over HTTP, by graph: generic",
			"queries per second over HTTP, exact: " + simd.Level()},
		"fullsync": {"rate of a full copy on loopback", "last byte to the first correct answer of the replica"},
	}
	if runtime.GOOS == "linux" { // which tells what a process uses
		want["http"] = append(want["http"], "server CPU per search above the index: json, 1 connections")
		want["restart"] = append(want["restart"], "resident memory after restart and queries")
		want["overhead"] = append(want["overhead"], "share of the server's throughput that metrics and logging cost")
	}
	for _, path := range files {
		r, err := result.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range want[r.Suite] {
			if r.Figure(name) == nil {
				t.Errorf("suite %s has no figure %q", r.Suite, name)
			}
		}
		if r.Machine.Cores == 0 || r.Build.Version != "1.2.3-test" || r.SIMD == "" || r.Parameters["k"] != 10.0 ||
			!strings.Contains(r.Command, "--suite "+r.Suite) {
			t.Errorf("%s: %+v", path, r)
		}
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(page), "targets met", "restart: clustered-2k-128", "durable: tiny")
	s := newSession(t)
	text, _ := s.call(t, exitOK, "bench", "compare", files[0], files[0])
	contains(t, text, "FIGURE", "same within noise")
	report := filepath.Join(t.TempDir(), "r.html")
	s.call(t, exitOK, "bench", "report", files[0], files[1], "--report", report)
	s.call(t, exitOK, "bench", "report", out, "--report", report)
	s.call(t, exitUsage, "bench", "report", out, out, "--report", report)
	s.call(t, exitFailure, "bench", "report", t.TempDir(), "--report", report)
	if _, err := os.Stat(strings.TrimSuffix(report, ".html") + ".md"); err != nil {
		t.Error(err)
	}
}

func TestBenchRefusals(t *testing.T) {
	s := newSession(t)
	f := func(code int, want string, args ...string) {
		t.Helper()
		_, errOut := s.call(t, code, append([]string{"bench"}, args...)...)
		contains(t, errOut, want)
	}
	f(exitUsage, "Invalid suite: expected all or a list of search", "--suite", "speed")
	f(exitUsage, "--k must be 1 to 100", "--k", "0")
	f(exitUsage, "--threads must be", "--threads", "1,0")
	f(exitUsage, "--seconds must be", "--seconds", "-1")
	f(exitFailure, "data set nowhere", "--data", "nowhere")
	f(exitUsage, "accepts 2 arg", "compare", "a")
	f(exitFailure, "no such file", "compare", "a", "b")
	if err := os.WriteFile("x.json", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(exitFailure, "expected a benchmark result of schema 1", "report", "x.json")
}

// TestDemo runs the demo of the real program on little data.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	data, page, figures := filepath.Join(dir, "data"), filepath.Join(dir, "demo.html"), filepath.Join(dir, "d.json")
	code, stdout, stderr := program(t, "", "demo", "--data", tinyData(t), "--data-dir", data, "--report", page,
		"--json", figures, "--seconds", "0.05")
	if code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	contains(t, stdout, "500 real vectors", "restarted", "done in", "vectorizer serve --data-dir "+data)
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(html), "Vectorizer demo", "recall@10", "Recall and speed")
	text, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var run result.Run
	if err := json.Unmarshal(text, &run); err != nil || run.Suite != "demo" || run.Figure("recall").Value < 0.95 {
		t.Errorf("%v %s", err, text)
	}
	// What the farewell says works: the data is there for a server of one's own.
	s := newSession(t)
	r := start(t, s, "--data-dir", data)
	var info map[string]any
	eventually(t, "the collection is loaded", func() bool {
		ask(t, r.url, "GET", "/api/v1/collections/demo", nil, &info)
		return info["status"] == "ready"
	})
	if info["vector_count"] != 500.0 {
		t.Errorf("%v", info)
	}
	code, _, stderr = program(t, "", "demo", "--small", "--data-dir", data, "--report", "-")
	if code != exitFailure || !strings.Contains(stderr, "expected an empty or new one") {
		t.Errorf("a used directory: %d %s", code, stderr)
	}
	s.call(t, exitUsage, "demo", "--seconds", "0")
}
