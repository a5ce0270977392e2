package budgets

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

func TestCheck(t *testing.T) {
	budgets := []Value{
		{Name: "cost", Value: 100, Better: result.Lower},
		{Name: "none", Value: 0, Better: result.Lower},
		{Name: "gain", Value: 10, Better: result.Higher, Machine: "this"},
	}
	f := func(cost, none, gain float64, machine string, want ...string) {
		t.Helper()
		var out strings.Builder
		bad, err := Check(&out, []Value{{Name: "cost", Value: cost, Better: result.Lower},
			{Name: "none", Value: none, Better: result.Lower},
			{Name: "gain", Value: gain, Better: result.Higher, Machine: machine}}, budgets)
		if err != nil || !slices.Equal(bad, want) {
			t.Errorf("%v, want %v (%v)\n%s", bad, want, err, out.String())
		}
	}
	f(100, 0, 10, "this")
	f(110, 0, 9, "this")
	f(50, 0, 99, "this")
	f(110.1, 0, 10, "this", "cost")
	f(100, 1, 10, "this", "none") // nothing may become something
	f(100, 0, 8.9, "this", "gain")
	f(100, 0, 1, "another") // other processors differ
	bad, err := Check(&strings.Builder{}, []Value{{Name: "new", Value: 1, Better: result.Lower}}, budgets)
	if err != nil || !slices.Equal(bad, []string{"new", "cost", "none"}) {
		t.Errorf("%v %v", bad, err)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.json")
	here := []Value{{Name: "a", Value: 1, Better: result.Lower},
		{Name: "r", Value: 2, Better: result.Higher, Machine: "x"}}
	there := []Value{{Name: "a", Value: 9, Better: result.Lower},
		{Name: "r", Value: 3, Better: result.Higher, Machine: "y"}, {Name: "gone", Value: 1, Better: result.Lower},
		{Name: "gone there", Value: 1, Better: result.Lower, Machine: "y"}}
	if err := Save(path, here, there); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || !slices.Equal(got, append(slices.Clone(here), there[1])) {
		t.Errorf("%+v %v", got, err)
	}
	for text, want := range map[string]string{"{": "expected a list of budgets", `[{"name":"a","value":1}]`: "better",
		`[{"value":1,"better":"lower"}]`: "name", `[{"name":"a","value":-1,"better":"lower"}]`: "value"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestEngineValues checks the part of Measure that is quick: the rest is what
// `vectorizer bench budgets` runs.
func TestEngineValues(t *testing.T) {
	keep, err := Load("budgets.json")
	if err != nil {
		t.Fatal(err)
	}
	set := small(t)
	got, err := engineValues(context.Background(), set, t.TempDir())
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for i := range got {
		if find(keep, &got[i]) == nil {
			t.Errorf("%s has no budget", got[i].Name)
		}
	}
	if v := got[0].Value; v < float64(4*set.Dim) || v > float64(16*set.Dim) {
		t.Errorf("an upsert of %d components commits %v bytes", set.Dim, v)
	}
}

// TestInSteps times something twice as long as another, whose ratio is known.
func TestInSteps(t *testing.T) {
	x := 1.0
	one := inSteps(func() { x = chain(x) }, 1)
	two := inSteps(func() { x = chain(chain(x)) }, 1)
	if ratio := two / one; ratio < 1.5 || ratio > 2.5 || one < 0.5*chainSteps || one > 2*chainSteps {
		t.Errorf("%v and %v steps", one, two)
	}
}

func small(t *testing.T) *dataset.Set {
	t.Helper()
	set, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A line is met where it is one, a scattered one in its mean.
func TestLineAt(t *testing.T) {
	for _, one := range []struct {
		xs, ys  []float64
		x, want float64
	}{
		{[]float64{0, 1, 2}, []float64{1, 3, 5}, 5, 11},
		{[]float64{-1, 1, -1, 1}, []float64{0, 2, 2, 4}, 0, 2},
		{[]float64{3, 3}, []float64{1, 5}, 7, 3},
	} {
		if got := lineAt(one.xs, one.ys, one.x); math.Abs(got-one.want) > 1e-12 {
			t.Errorf("lineAt(%v, %v, %v) = %v, want %v", one.xs, one.ys, one.x, got, one.want)
		}
	}
}

// The work at the goal lies between that of an effort below it and that of one above it.
func TestWorkAt(t *testing.T) {
	set, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	x, err := built(set, codes.None)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}()
	hops, distances, err := workAt(set, x)
	if err != nil {
		t.Fatal(err)
	}
	low, high := work(set, x, 17), work(set, x, 40)
	if hops < low[1] || hops > high[1] || distances < low[2] || distances > high[2] {
		t.Errorf("recall %v takes %.0f hops, %.0f distances; ef 17 %v, ef 40 %v",
			goalRecall, hops, distances, low, high)
	}
}
