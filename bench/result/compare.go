package result

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/vectorizer-go/vectorizer/bench/measure"
)

// Difference is how one figure changed between two runs.
type Difference struct {
	Name   string
	Unit   string
	Better Better
	A, B   float64
	measure.Ratio
}

// Verdict says in one word what the difference means.
func (d *Difference) Verdict() string {
	faster := d.Value > 1 == (d.Better == Higher)
	switch {
	case !d.Interval:
		return "one sample"
	case !d.Sure:
		return "same within noise"
	case d.Better == Info:
		return "changed"
	case faster:
		return "better"
	}
	return "worse"
}

// Compare lists the figures and curve points that both runs have, in a's order.
func Compare(a, b *Run) []Difference {
	var out []Difference
	for i := range a.Figures {
		fa := &a.Figures[i]
		fb := b.Figure(fa.Name)
		if fb == nil || fb.Unit != fa.Unit {
			continue
		}
		out = append(out, difference(fa.Name, fa.Unit, fa.Better, sampled(fa.Value, fa.Samples),
			sampled(fb.Value, fb.Samples)))
	}
	for i := range a.Curves {
		ca := &a.Curves[i]
		at := slices.IndexFunc(b.Curves, func(c Curve) bool {
			return c.System == ca.System && c.Label == ca.Label && c.Threads == ca.Threads &&
				c.K == ca.K
		})
		if at >= 0 {
			out = append(out, comparePoints(ca, &b.Curves[at])...)
		}
	}
	return out
}

func comparePoints(a, b *Curve) []Difference {
	var out []Difference
	for _, p := range a.Points {
		at := slices.IndexFunc(b.Points, func(o Point) bool { return o.Ef == p.Ef })
		if at < 0 {
			continue
		}
		o := b.Points[at]
		name := fmt.Sprintf("%s %s, %d threads, ef %d", a.System, a.Label, a.Threads, p.Ef)
		out = append(out, difference(name, "queries/s", Higher, sampled(p.QPS, p.Samples),
			sampled(o.QPS, o.Samples)))
		if p.Recall != o.Recall {
			out = append(out, difference(name+", recall", "", Higher, []float64{p.Recall},
				[]float64{o.Recall}))
		}
	}
	return out
}

// sampled is the samples, or the value alone.
func sampled(value float64, samples []float64) []float64 {
	if len(samples) > 0 {
		return samples
	}
	return []float64{value}
}

func difference(name, unit string, better Better, a, b []float64) Difference {
	d := Difference{Name: name, Unit: unit, Better: better, A: measure.Median(a),
		B: measure.Median(b)}
	if d.A > 0 && d.B > 0 && slices.Min(a) > 0 && slices.Min(b) > 0 {
		d.Ratio = measure.Compare(a, b)
	}
	return d
}

// WriteComparison prints a table of the differences between two runs and what
// else differs between them.
func WriteComparison(w io.Writer, a, b *Run) error {
	for _, line := range contextDifferences(a, b) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "FIGURE\tA\tB\tB/A\t95 %% INTERVAL\t\n")
	all := Compare(a, b)
	for i := range all {
		d := &all[i]
		interval := "–"
		if d.Interval {
			interval = fmt.Sprintf("%.3f to %.3f", d.Low, d.High)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.3f\t%s\t%s\n", d.Name, Number(d.A, d.Unit), Number(d.B, d.Unit),
			d.Value, interval, d.Verdict())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, summary(all))
	return err
}

// summary counts the verdicts.
func summary(all []Difference) string {
	counts := map[string]int{}
	for i := range all {
		counts[all[i].Verdict()]++
	}
	return fmt.Sprintf("%d better, %d worse, %d changed, %d the same within noise, %d of one sample alone",
		counts["better"], counts["worse"], counts["changed"], counts["same within noise"], counts["one sample"])
}

// contextDifferences are the reasons why two runs may not be comparable.
func contextDifferences(a, b *Run) []string {
	var out []string
	add := func(what, x, y string) {
		if x != y {
			out = append(out, fmt.Sprintf("note: %s differs: A %s, B %s", what, x, y))
		}
	}
	add("suite", a.Suite, b.Suite)
	add("processor", a.Machine.CPU, b.Machine.CPU)
	add("number of cores", fmt.Sprint(a.Machine.Cores), fmt.Sprint(b.Machine.Cores))
	add("SIMD level", a.SIMD, b.SIMD)
	add("data", a.Data.Name+" "+a.Data.SHA256, b.Data.Name+" "+b.Data.SHA256)
	add("Go", a.Build.Go, b.Build.Go)
	add("commit", a.Build.Commit, b.Build.Commit)
	for _, key := range sortedKeys(a.Parameters) {
		if y, ok := b.Parameters[key]; ok {
			add("parameter "+key, fmt.Sprint(a.Parameters[key]), fmt.Sprint(y))
		}
	}
	return out
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
