package demo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/report"
)

// TestRun is the whole demo on a cut of the real set.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	small, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var last int64
	o := Options{Set: dataset.Cut(small, 2000, 40, 10), DataDir: t.TempDir(), Out: &out,
		Version: "test", SIMD: "x", Seconds: 0.05, Progress: func(n, _ int64) { last = n }}
	run, err := Run(ctx, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if last != 2000 {
		t.Errorf("progress ended at %d", last)
	}
	for _, name := range []string{"recall", "p50", "p99", "build time", "import rate", "index memory",
		"recall of exact search", "restart"} {
		if f := run.Figure(name); f == nil || f.Value <= 0 || !f.Met() {
			t.Errorf("figure %s: %+v", name, f)
		}
	}
	if len(run.Curves) != 1 || len(run.Latencies) != 3 || run.Figure("recall").Value < MinRecall {
		t.Errorf("%+v", run)
	}
	for _, want := range []string{"2,000 real vectors", "stored", "recall@10", "restarted", "memory"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&page, Page(run)); err != nil {
		t.Fatal(err)
	}
	if n := len(Page(run).Tiles); n != 8 {
		t.Errorf("%d tiles", n)
	}
}

func TestRefusesUsedDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	small, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(context.Background(), Options{Set: small, DataDir: dir, Out: new(bytes.Buffer)})
	if err == nil || !strings.Contains(err.Error(), "expected an empty or new one") {
		t.Errorf("%v", err)
	}
}
