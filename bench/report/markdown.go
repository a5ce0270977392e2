package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// WriteMarkdown writes the page as Markdown tables.
func WriteMarkdown(w io.Writer, p *Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", p.Title)
	if p.Lead != "" {
		fmt.Fprintf(&b, "%s\n\n", p.Lead)
	}
	for _, t := range p.Tiles {
		fmt.Fprintf(&b, "- %s: **%s**\n", t.Name, t.Value)
	}
	if len(p.Tiles) > 0 {
		b.WriteString("\n")
	}
	if all := goals(p.Runs); len(all) > 0 {
		b.WriteString("## Goals\n\n| suite | figure | value | recall | target | |\n|---|---|---|---|---|---|\n")
		for _, g := range all {
			cells(&b, g.Where, g.Name, g.Value, g.Recall, g.Target, verdict(&g.row))
		}
		b.WriteString("\n")
	}
	for _, r := range p.Runs {
		writeRun(&b, r, p.Older)
	}
	if p.End != "" {
		fmt.Fprintf(&b, "%s\n", p.End)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRun(b *strings.Builder, r *result.Run, older []*result.Run) {
	fmt.Fprintf(b, "## %s: %s\n\n", r.Suite, r.Data.Name)
	v := newView(r, older)
	if len(v.Rows) > 0 {
		b.WriteString("| figure | value | least to most (runs) | recall | target | |\n|---|---|---|---|---|---|\n")
		for _, f := range v.Rows {
			cells(b, f.Name, f.Value, f.Spread, f.Recall, f.Target, verdict(&f))
		}
		b.WriteString("\n")
	}
	writeCurves(b, r)
	writeLatencies(b, r)
	if h := v.History; h != nil {
		b.WriteString("### History\n\n")
		cells(b, append([]string{"figure"}, h.Heads...)...)
		b.WriteString(strings.Repeat("|---", len(h.Heads)+1) + "|\n")
		for _, line := range h.Rows {
			cells(b, append([]string{line.Name}, line.Values...)...)
		}
		b.WriteString("\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(b, "%s\n\n", n)
	}
	b.WriteString("| | |\n|---|---|\n")
	for _, f := range v.Facts {
		cells(b, f[0], f[1])
	}
	b.WriteString("\n")
}

// verdict says whether a figure reached its target, "" without one.
func verdict(f *row) string {
	switch {
	case !f.HasTarget:
		return ""
	case f.Met:
		return "met"
	}
	return "**not met**"
}

// cells writes one line of a table.
func cells(b *strings.Builder, texts ...string) {
	for _, t := range texts {
		t = strings.ReplaceAll(strings.ReplaceAll(t, "|", `\|`), "\n", " ")
		fmt.Fprintf(b, "| %s ", t)
	}
	b.WriteString("|\n")
}

func optional(v float64) string {
	if v == 0 {
		return ""
	}
	return result.Number(v, "")
}

func writeCurves(b *strings.Builder, r *result.Run) {
	for _, c := range r.Curves {
		fmt.Fprintf(b, "### %s, recall@%d\n\n| ef | recall | queries/s | p50 µs | p99 µs |\n|---|---|---|---|---|\n",
			curveName(&c), c.K)
		for _, p := range c.Points {
			cells(b, fmt.Sprint(p.Ef), fmt.Sprintf("%.4f", p.Recall), result.Number(p.QPS, ""),
				optional(p.P50us), optional(p.P99us))
		}
		b.WriteString("\n")
	}
}

func writeLatencies(b *strings.Builder, r *result.Run) {
	if len(r.Latencies) > 0 {
		b.WriteString("| latency, µs | requests | mean | p50 | p90 | p99 | p99.9 | max |\n|---|---|---|---|---|---|---|---|\n")
		for _, l := range r.Latencies {
			cells(b, l.Name, fmt.Sprint(l.Count), optional(l.MeanUS), optional(l.P50us), optional(l.P90us),
				optional(l.P99us), optional(l.P999us), optional(l.MaxUS))
		}
		b.WriteString("\n")
	}
}
