package report

import (
	"encoding/xml"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
)

// samplePage is made-up figures: only their form matters here.
func samplePage() *Page {
	r := &result.Run{Schema: 1, Suite: "search", Date: time.Unix(0, 0), Command: "vectorizer bench",
		Machine: measure.Machine{CPU: "A <processor>", GOMAXPROCS: 2, OS: "linux", Load1: "0.1"},
		Data:    result.Data{Name: "sample", Rows: 100000, Dim: 256, Metric: "cosine", Queries: 1000},
		Peers:   map[string]string{"hnswlib": "0.8"}, Notes: []string{"A note & more."},
		Parameters: map[string]any{"m": 16, "ef_construction": 200}}
	for i, system := range []string{"vectorizer", "hnswlib"} {
		c := result.Curve{System: system, Threads: 1, K: 10}
		for _, ef := range []int{10, 20, 40, 80, 160, 320} {
			c.Points = append(c.Points, result.Point{Ef: ef, Recall: 1 - 2/float64(ef+10*i),
				QPS: 400000 / float64(ef+5*i)})
		}
		r.Curves = append(r.Curves, c)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i, name := range []string{"JSON, 1 connection", "octets, 32 connections"} {
		var h measure.Histogram
		for range 20000 {
			h.Add(time.Duration(math.Exp(rng.NormFloat64()*.3+11.5+1.5*float64(i)) + 5e4))
		}
		r.Latencies = append(r.Latencies, result.LatencyOf(name, &h))
	}
	r.Add(result.Figure{Name: "build time: vectorizer", Unit: "s", Better: result.Lower,
		Target: &result.Target{Value: 16, From: "hnswlib in the same run"}}, 14.2, 14.5, 15.1)
	r.Add(result.Figure{Name: "build time: hnswlib", Unit: "s", Better: result.Lower}, 16, 15.8, 17)
	r.Add(result.Figure{Name: "queries per second at recall 0.95", Value: 9000, Unit: "queries/s",
		Better: result.Higher, Recall: 0.951, Target: &result.Target{Value: 10000, From: "<b>somewhere</b>"}})
	return &Page{Title: "A report", Lead: "What it shows.", Runs: []*result.Run{r},
		Tiles: []Tile{{"0.987", "recall@10"}, {"12,345", "queries per second"}, {"81 µs", "p50"}},
		End:   "The end."}
}

func TestHTML(t *testing.T) {
	var out strings.Builder
	if err := WriteHTML(&out, samplePage()); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if dir := os.Getenv("REPORT_OUT"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "sample.html"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"http:", "https:", "src=", "href=", "@import", "url(", "<b>somewhere",
		"A <processor>", "NaN", "Inf"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{"A report", "✓ met", "✗ not met", "&lt;b&gt;somewhere", "A note &amp; more.",
		"hnswlib, 1 thread", "ef 40: recall", "p99", "Peer hnswlib", "14.5 s", "prefers-color-scheme:dark",
		"The end."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	charts := regexp.MustCompile(`(?s)<svg viewBox="0 0 560.*?</svg>`).FindAllString(page, -1)
	if len(charts) != 5 {
		t.Errorf("%d charts", len(charts))
	}
	for _, c := range charts {
		d := xml.NewDecoder(strings.NewReader(c))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("chart: %v", err)
			}
		}
	}
}

func TestMarkdown(t *testing.T) {
	var out strings.Builder
	p := samplePage()
	p.Runs[0].Notes = append(p.Runs[0].Notes, "x")
	p.Runs[0].Parameters["pipe"] = "a|b\nc"
	if err := WriteMarkdown(&out, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# A report", "- recall@10: **0.987**", "| build time: vectorizer | 14.5 s |",
		"**not met**", "### hnswlib, 1 thread, recall@10", "| pipe | a\\|b c |", "octets, 32 connections"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestSizesAndHistory draws figures over sizes, build time over recall, and the
// past of a suite on the same machine.
func TestSizesAndHistory(t *testing.T) {
	p := samplePage()
	r := p.Runs[0]
	for _, n := range []float64{10_000, 30_000, 100_000} {
		r.Add(result.Figure{Name: "index memory: " + result.Number(n, "rows"), Unit: "bytes", Value: n * 600, At: n})
	}
	for i, seconds := range []float64{3, 5, 9} {
		r.Add(result.Figure{Name: "build time: vectorizer, effort " + []string{"50", "100", "200"}[i], Unit: "s",
			Value: seconds, Recall: 0.9 + 0.03*float64(i)})
	}
	old, other := *samplePage().Runs[0], *samplePage().Runs[0]
	old.Date, other.Date = r.Date.Add(-time.Hour), r.Date.Add(-time.Hour)
	old.Build.Commit, other.Build.Commit = "0123456789abcdef", "feedfeedfeed"
	old.Figures[0].Value, other.Machine.CPU = 28.4, "another"
	p.Older = []*result.Run{r, &other, &old}
	var page, text strings.Builder
	if err := WriteHTML(&page, p); err != nil {
		t.Fatal(err)
	}
	if err := WriteMarkdown(&text, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"30,000 rows: 17.2 MiB", "vectorizer, effort 100: recall 0.9300, 5 s",
		"History: figures with a target", "1969-12-31 23:00 01234567", "28.4 s"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	if !strings.Contains(text.String(), "| build time: vectorizer | 28.4 s | 14.5 s |") {
		t.Errorf("no history in\n%s", text.String())
	}
	if strings.Contains(page.String()+text.String(), "feedfeed") {
		t.Error("the history holds a result of another machine")
	}
}

// TestGoals lists the figures with a target of several runs before the runs.
func TestGoals(t *testing.T) {
	p := samplePage()
	p.Runs = append(p.Runs, samplePage().Runs[0])
	var page, text strings.Builder
	if err := WriteHTML(&page, p); err != nil {
		t.Fatal(err)
	}
	if err := WriteMarkdown(&text, p); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "<h3>Goals</h3>") || !strings.Contains(text.String(),
		"| search: sample | queries per second at recall 0.95 | 9,000 queries/s | 0.9510 |") {
		t.Errorf("no goals in\n%s", text.String())
	}
}

func TestEmptyRun(t *testing.T) {
	p := &Page{Title: "Nothing", Runs: []*result.Run{{Schema: 1, Suite: "x"}}}
	if err := WriteHTML(io.Discard, p); err != nil {
		t.Error(err)
	}
	p.Runs[0].Curves = []result.Curve{{System: "vectorizer"}}
	if err := WriteHTML(io.Discard, p); err != nil {
		t.Error(err)
	}
}

func TestTicks(t *testing.T) {
	f := func(s scale, n int, want ...float64) {
		t.Helper()
		got := s.ticks(n)
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9*(1+b) }) {
			t.Errorf("%+v: %v, want %v", s, got, want)
		}
	}
	f(scale{min: 0, max: 10}, 5, 0, 2, 4, 6, 8, 10)
	f(scale{min: 0.85, max: 1}, 8, 0.86, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1)
	f(scale{min: 3, max: 3}, 5, 3)
	f(scale{min: 90, max: 1100, log: true}, 5, 100, 200, 500, 1000)
	f(scale{min: 900, max: 3100, log: true}, 5, 1000, 1500, 2000, 3000)
	f(scale{min: 1, max: 1e5, log: true}, 5, 1, 10, 100, 1000, 1e4, 1e5)
}

// TestRecallAxis checks that the axis of recalls names them and keeps their order.
func TestRecallAxis(t *testing.T) {
	for recall, want := range map[float64]string{0: "0", 0.5: "0.5", 0.95: "0.95", 0.99: "0.99", 0.9999: "0.9999",
		1: "0.9999"} {
		if got := recallOf(ninesOf(recall)); got != want {
			t.Errorf("%v is named %s", recall, got)
		}
	}
	s := scale{min: 1, max: 4, marks: []float64{0, 1, 2, 5}}
	if got := s.ticks(8); !slices.Equal(got, []float64{1, 2}) {
		t.Error(got)
	}
}

func TestRebin(t *testing.T) {
	var h measure.Histogram
	for i := range 10000 {
		h.Add(time.Duration(50000 + 37*i))
	}
	l := result.LatencyOf("x", &h)
	sum := 0.0
	for i, b := range rebin(l.Buckets, timeScale([]result.Latency{l})) {
		sum += b.count
		// The density is even in time, so a bar's count follows its width.
		want := (min(b.to, 420) - max(b.from, 50)) / 370 * 10000
		if b.from > 60 && b.to < 400 && math.Abs(b.count-want) > want/20 {
			t.Errorf("bar %d: %v, want %v", i, b.count, want)
		}
	}
	if math.Abs(sum-10000) > 1 {
		t.Errorf("the bars hold %v", sum)
	}
}

func TestNines(t *testing.T) {
	for n, want := range map[float64]string{0: "0 %", 1: "90 %", 2: "99 %", 3: "99.9 %", 0.5: "68.4 %"} {
		if got := nines(n); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}
