package result

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
)

func sample() *Run {
	r := &Run{Schema: Schema, Suite: "search", Date: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC),
		Command: "vectorizer bench", Machine: measure.Machine{CPU: "x", Cores: 2, Features: []string{"avx2"}},
		Data:       Data{Name: "d", Rows: 1, Dim: 2, Metric: "cosine"},
		Parameters: map[string]any{"m": 16.0},
		Curves: []Curve{{System: "vectorizer", Label: "f32", Threads: 1, K: 10,
			Points: []Point{{Ef: 10, Recall: 0.9, QPS: 100, Samples: []float64{99, 100, 101}}}}},
	}
	r.Add(Figure{Name: "build", Unit: "s", Better: Lower, Target: &Target{Value: 11, From: "peer"}}, 9, 10, 11)
	r.Add(Figure{Name: "rows", Value: 7})
	return r
}

func TestSaveLoad(t *testing.T) {
	r := sample()
	path, err := r.Save(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(path) != "search-d-20250102T030405Z.json" {
		t.Error(path)
	}
	got, err := Load(path)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
	if f := got.Figure("build"); f.Value != 10 || !f.Met() || len(f.Samples) != 3 {
		t.Errorf("%+v", f)
	}
	if got.Figure("none") != nil {
		t.Error("a figure that is not there")
	}
}

func TestLoadDir(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b", "a", "b"} {
		r := sample()
		r.Suite, r.Date = name, r.Date.Add(time.Duration(-i)*time.Hour)
		if _, err := r.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := LoadDir(dir)
	if err != nil || len(runs) != 3 || runs[0].Date.After(runs[2].Date) {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	newest, older := Newest(runs)
	if len(newest) != 2 || newest[0].Suite != "a" || newest[1] != runs[2] || len(older) != 1 || older[0] != runs[0] {
		t.Errorf("newest %v, older %v", newest, older)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDir(dir); err == nil || !strings.Contains(err.Error(), "x.json: expected a benchmark result") {
		t.Error(err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{": "expected a benchmark result", `{"schema":2,"suite":"x"}`: "got schema 2",
		`{"schema":1}`: `suite ""`,
	} {
		path := filepath.Join(t.TempDir(), "r.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMet(t *testing.T) {
	f := func(better Better, value, target float64, want bool) {
		t.Helper()
		fig := Figure{Value: value, Better: better, Target: &Target{Value: target}}
		if fig.Met() != want {
			t.Errorf("%v %v against %v", better, value, target)
		}
	}
	f(Higher, 2, 1, true)
	f(Higher, 1, 2, false)
	f(Lower, 1, 2, true)
	f(Lower, 3, 2, false)
}

func TestCompare(t *testing.T) {
	a, b := sample(), sample()
	b.Machine.CPU = "y"
	b.Parameters["m"] = 32.0
	b.Figures[0].Value, b.Figures[0].Samples = 5, []float64{5, 5.1, 4.9}
	b.Curves[0].Points[0].Samples = []float64{98, 101, 100}
	b.Curves[0].Points[0].Recall = 0.8
	d := Compare(a, b)
	if len(d) != 4 || d[0].Verdict() != "better" || d[1].Verdict() != "one sample" ||
		d[2].Verdict() != "same within noise" || d[3].A != 0.9 || d[3].B != 0.8 {
		t.Errorf("%+v", d)
	}
	if back := Compare(b, a); back[0].Verdict() != "worse" {
		t.Errorf("%+v", back[0])
	}
	var out strings.Builder
	if err := WriteComparison(&out, a, b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"processor differs: A x, B y", "parameter m differs: A 16, B 32",
		"build", "better", "0.50", "1 better, 0 worse, 0 changed, 1 the same within noise, 2 of one sample alone"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestNumber(t *testing.T) {
	f := func(v float64, unit, want string) {
		t.Helper()
		if got := Number(v, unit); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	f(1234567.4, "queries/s", "1,234,567 queries/s")
	f(-1234, "", "-1,234")
	f(999.6, "", "1000")
	f(0.26283, "s", "0.263 s")
	f(10, "rows", "10 rows")
	f(12.345, "s", "12.3 s")
	f(1.234, "s", "1.23 s")
	f(0.98765, "", "0.9877")
	f(0, "", "0")
	f(0.00012345, "", "0.000123")
	f(3<<20, "bytes", "3.0 MiB")
}

// FuzzParse checks that no text makes Parse panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schema":1,"suite":"x","figures":[{"name":"a","samples":[1]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse("f", text)
		if err == nil && r.Schema != Schema {
			t.Error("another schema was taken")
		}
	})
}
