package suites

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// tinyEnv is an Env whose measurements take moments. The suites that need a
// server run in the tests of the commands.
func tinyEnv(t *testing.T, out *bytes.Buffer) *Env {
	t.Helper()
	small, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	return &Env{Out: out, Version: "test", Command: "vectorizer bench", TempDir: t.TempDir(),
		Set: dataset.Cut(small, 1000, 20, 10), K: 10, M: 16, EfC: 100, Threads: []int{1, 2}, BuildTh: 2,
		Repeat: 2, Seconds: 0.002, Rows: 1000}
}

func runSuite(t *testing.T, name string) (*result.Run, string) {
	t.Helper()
	var out bytes.Buffer
	s, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	run, err := s[0].Run(context.Background(), tinyEnv(t, &out))
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for i := range run.Figures {
		f := &run.Figures[i]
		if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) || f.Value < 0 {
			t.Errorf("figure %s is %v", f.Name, f.Value)
		}
		if len(f.Samples) > 0 && f.Value != measure.Median(f.Samples) {
			t.Errorf("figure %s is %v, its samples are %v", f.Name, f.Value, f.Samples)
		}
	}
	return run, out.String()
}

func TestSearchSuite(t *testing.T) {
	run, out := runSuite(t, "search")
	if len(run.Curves) != 2 || len(run.Curves[0].Points) != len(searchEfs) {
		t.Fatalf("%d curves", len(run.Curves))
	}
	last := run.Curves[0].Points[len(searchEfs)-1]
	if last.Recall < 0.99 || last.QPS <= 0 || len(last.Samples) != 2 {
		t.Errorf("at the highest ef: %+v", last)
	}
	for _, name := range []string{"build time: vectorizer", "index memory: vectorizer",
		"queries per second at recall 0.95, 1 threads: vectorizer",
		"queries per second at recall 0.99, 2 threads: vectorizer"} {
		if f := run.Figure(name); f == nil || f.Value <= 0 {
			t.Errorf("figure %s: %+v", name, f)
		}
	}
	// sync.Pool drops values at random under the race detector.
	if f := run.Figure("allocations per query"); f == nil || !f.Met() && !raceEnabled {
		t.Errorf("allocations: %+v", f)
	}
	for _, name := range []string{"two threads against one at recall 0.95",
		"99th percentile of a search against its median"} {
		if f := run.Figure(name); f == nil || f.Value <= 0 || f.Target == nil {
			t.Errorf("figure %s: %+v", name, f)
		}
	}
	if len(run.Latencies) != 1 || run.Latencies[0].Count == 0 {
		t.Errorf("%+v", run.Latencies)
	}
	if !strings.Contains(out, "build time: vectorizer") || run.Parameters["m"] != 16 {
		t.Errorf("%v\n%s", run.Parameters, out)
	}
}

func TestBuildSuite(t *testing.T) {
	run, _ := runSuite(t, "build")
	for _, effort := range efforts {
		name := fmt.Sprintf("build time: vectorizer, effort %d", effort)
		if f := run.Figure(name); f == nil || f.Value <= 0 || f.Recall < 0.9 || len(f.Samples) != 2 {
			t.Errorf("figure %s: %+v", name, f)
		}
	}
}

// TestGoals checks the multiples that stand for twice the speed of glass.
func TestGoals(t *testing.T) {
	f := func(data string, i int, want float64) {
		t.Helper()
		if got := speedGoal(data, i); got != want {
			t.Errorf("%s: %v, want %v", data, got, want)
		}
	}
	f("mnist-784", 0, 4.5)
	f("clustered-1m-128", 1, 3.1)
	f("tiny", 0, 1)
	if g := againstHnswlib(100, 4.5); g.Value != 450 || g.From != "4.50 times hnswlib in the same run" {
		t.Errorf("%+v", g)
	}
	if g := againstHnswlib(100, 1); g.Value != 100 || g.From != "hnswlib in the same run" {
		t.Errorf("%+v", g)
	}
}

func TestUpdateSuite(t *testing.T) {
	run, _ := runSuite(t, "update")
	for _, name := range []string{"time per row: insert into the full index",
		"time per row: update, same vector", "time per row: update, small move", "time per row: update, far move",
		"time per row: delete and insert", "small move against delete and insert", "far move against an insert",
		"recall: after churn"} {
		if f := run.Figure(name); f == nil || f.Value <= 0 {
			t.Errorf("figure %s: %+v", name, f)
		}
	}
	if f := run.Figure("recall: after churn"); !f.Met() {
		t.Errorf("churn: %+v", f)
	}
}

func TestFilteredSuite(t *testing.T) {
	run, _ := runSuite(t, "filtered")
	for _, name := range []string{"50 % of the rows, uncorrelated", "0.1 % of the rows, correlated"} {
		recall := run.Figure("recall: " + name + " with the vectors")
		short := run.Figure("short answers: " + name + " with the vectors")
		if recall == nil || !recall.Met() || short == nil || !short.Met() {
			t.Errorf("%s: %+v %+v", name, recall, short)
		}
	}
	if len(run.Figures) != 1+3*2*len(selectivities) {
		t.Errorf("%d figures", len(run.Figures))
	}
}

func TestQuantisationSuite(t *testing.T) {
	run, _ := runSuite(t, "quantisation")
	if len(run.Curves) != len(codeKinds()) || run.Curves[0].Label != "none" {
		t.Errorf("%d curves", len(run.Curves))
	}
	for _, name := range []string{"build time: sq8", "index memory, vectors mapped: sq4",
		"index memory, vectors in memory: none"} {
		if f := run.Figure(name); f == nil || f.Value <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := run.Figure("recall that sq8 reaches"); f == nil || !f.Met() {
		t.Errorf("%+v", f)
	}
	name := "recall that auto loses beside full precision, at the same effort"
	if f := run.Figure(name); f == nil || f.Target == nil || f.Value < -0.1 || f.Value > 0.1 {
		t.Errorf("%s: %+v", name, f)
	}
}

func TestLoss(t *testing.T) {
	full := result.Curve{Points: []result.Point{{Ef: 10, Recall: 0.9}, {Ef: 20, Recall: 0.95}, {Ef: 40, Recall: 0.99}}}
	codes := result.Curve{Points: []result.Point{{Ef: 10, Recall: 0.92}, {Ef: 20, Recall: 0.94}, {Ef: 30, Recall: 0.5}}}
	if got := loss(&full, &codes); math.Abs(got-0.01) > 1e-9 {
		t.Errorf("loss %v, want 0.01: what both have at an effort counts", got)
	}
}

func TestExactSuite(t *testing.T) {
	run, _ := runSuite(t, "exact")
	f := run.Figure("exact queries per second: vectorizer")
	if f == nil || f.Value <= 0 || f.Recall != 1 || run.Data.Rows != 1000 || run.Data.Dim != exactDim {
		t.Errorf("%+v %+v", f, run.Data)
	}
	share := run.Figure("share of the machine's multiplications")
	if simd.PeakF32(1) == 0 { // no kernel measures what the machine can do
		if share != nil {
			t.Errorf("a share of nothing: %+v", share)
		}
	} else if share == nil || share.Value <= 0 { // in milliseconds beside other tests it can be anything
		t.Errorf("%+v", share)
	}
}

func TestSizeSuites(t *testing.T) {
	run, _ := runSuite(t, "scale")
	if f := run.Figure("build time: 1,000 rows"); f == nil || f.At != 1000 || len(run.Curves) != 1 {
		t.Errorf("%+v, %d curves", f, len(run.Curves))
	}
	run, _ = runSuite(t, "dimensions")
	f := run.Figure("bytes per row: 1536 components")
	if f == nil || f.Value < 1536*4 || len(run.Curves) != len(dimensions) {
		t.Errorf("%+v, %d curves", f, len(run.Curves))
	}
	if got := scaleSteps(1_000_000); !slices.Equal(got, []int{10_000, 30_000, 100_000, 300_000, 1_000_000}) {
		t.Error(got)
	}
	if got := scaleSteps(20_000); !slices.Equal(got, []int{10_000, 20_000}) {
		t.Error(got)
	}
}

func TestStorageSuite(t *testing.T) {
	run, _ := runSuite(t, "storage")
	for _, name := range []string{"rows per second, linked: fsync always", "rows per second, linked: fsync off",
		"on the disk: records and log", "on the disk: index image", "write amplification: until every row is linked"} {
		if f := run.Figure(name); f == nil || f.Value <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	// A row's vector alone is 1 KiB.
	if f := run.Figure("vector and payload as given"); f == nil || f.Value < 1024 || f.Value > 1200 {
		t.Errorf("%+v", f)
	}
}

func TestUsableDevices(t *testing.T) {
	got, err := usableDevices([]byte(`{"devices":[{"name":"cpu","usable":true},{"name":"cuda","usable":true},
		{"name":"metal","usable":false}]}`))
	if err != nil || !slices.Equal(got, []string{"cuda"}) {
		t.Error(got, err)
	}
	if _, err := usableDevices([]byte("no")); err == nil {
		t.Error("text that is no JSON was taken")
	}
}

func TestFind(t *testing.T) {
	if all, err := Find("all"); err != nil || len(all) != len(Names()) {
		t.Error(all, err)
	}
	if two, err := Find("http, durable"); err != nil || len(two) != 2 || two[1].Name != "durable" {
		t.Error(two, err)
	}
	if _, err := Find("speed"); err == nil || !strings.Contains(err.Error(), "search, build") {
		t.Error(err)
	}
}

func TestSpeedAt(t *testing.T) {
	c := &result.Curve{Points: []result.Point{{Recall: 0.9, QPS: 1000}, {Recall: 0.95, QPS: 400},
		{Recall: 0.97, QPS: 100}}}
	f := func(recall, want float64, ok bool) {
		t.Helper()
		got, gotOK := SpeedAt(c, recall)
		if gotOK != ok || math.Abs(got-want) > 1e-6 {
			t.Errorf("%v: %v %v, want %v %v", recall, got, gotOK, want, ok)
		}
	}
	f(0.8, 1000, true)
	f(0.9, 1000, true)
	f(0.96, 200, true) // half way, on a logarithmic scale
	f(0.95, 400, true)
	f(0.98, 0, false)
}

func TestPeerFailuresAreNamed(t *testing.T) {
	var out bytes.Buffer
	e := tinyEnv(t, &out)
	e.Peers = Peers{Names: []string{"hnswlib"}, Python: "no-such-python", Driver: "driver.py"}
	s, err := Find("search")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s[0].Run(context.Background(), e); err == nil ||
		!strings.Contains(err.Error(), "peer hnswlib") || !strings.Contains(err.Error(), "setup.sh") {
		t.Error(err)
	}
}
