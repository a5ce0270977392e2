// Package report turns benchmark results into pages for people: one HTML file
// with everything inside it, and Markdown.
package report

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// Page is what a report shows.
type Page struct {
	Title string
	Lead  string // one or two sentences below the title
	Tiles []Tile // the figures to see first
	Runs  []*result.Run
	Older []*result.Run // results before, in any order: the history of those shown
	End   string        // a closing line
}

// Tile is one large figure.
type Tile struct{ Value, Name string }

// view is a run prepared for the template.
type view struct {
	*result.Run
	Charts     []chart
	Rows       []row
	Facts      [][2]string
	History    *history // nil without a past
	HasTarget  bool
	HasSamples bool
	HasNotes   bool
}

type chart struct {
	Title string
	SVG   template.HTML
	Note  string
}

// row is one line of the table of figures.
type row struct {
	Name, Value, Spread, Recall, Target, Note string
	HasTarget, Met                            bool
}

// WriteHTML writes the page as one file without outside references.
func WriteHTML(w io.Writer, p *Page) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"css": func() template.CSS { return style },
	}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("report template: %w", err)
	}
	views := make([]view, len(p.Runs))
	for i, r := range p.Runs {
		views[i] = newView(r, p.Older)
	}
	return t.Execute(w, struct {
		*Page
		Views []view
		Goals []goal
	}{p, views, goals(p.Runs)})
}

// goal is a figure with a target, of any run of the page.
type goal struct {
	Where string // suite and data
	row
}

// goals lists the figures with a target of pages with several runs.
func goals(runs []*result.Run) []goal {
	if len(runs) < 2 {
		return nil
	}
	var out []goal
	for _, r := range runs {
		for _, line := range newView(r, nil).Rows {
			if line.HasTarget {
				out = append(out, goal{r.Suite + ": " + r.Data.Name, line})
			}
		}
	}
	return out
}

func newView(r *result.Run, older []*result.Run) view {
	v := view{Run: r, Charts: charts(r), Facts: facts(r), History: newHistory(r, older)}
	if svg := historyChart(r, older); svg != "" {
		v.Charts = append(v.Charts, newChart("History: figures with a target", svg,
			"Each figure against its first. Results of different hours on a shared machine differ by half."))
	}
	for i := range r.Figures {
		f := &r.Figures[i]
		line := row{Name: f.Name, Value: result.Number(f.Value, f.Unit), Note: f.Note,
			HasTarget: f.Target != nil, Met: f.Met()}
		if len(f.Samples) > 1 {
			v.HasSamples = true
			line.Spread = fmt.Sprintf("%s to %s (%d)", result.Number(slices.Min(f.Samples), ""),
				result.Number(slices.Max(f.Samples), ""), len(f.Samples))
		}
		v.HasNotes = v.HasNotes || f.Note != ""
		if f.Recall > 0 {
			line.Recall = fmt.Sprintf("%.4f", f.Recall)
		}
		if f.Target != nil {
			v.HasTarget = true
			sign := "≥"
			if f.Better == result.Lower {
				sign = "≤"
			}
			line.Target = fmt.Sprintf("%s %s (%s)", sign, result.Number(f.Target.Value, f.Unit), f.Target.From)
		}
		v.Rows = append(v.Rows, line)
	}
	return v
}

// newChart makes a chart of an SVG element that this package drew.
func newChart(title, svg, note string) chart {
	return chart{title, template.HTML(svg), note} //nolint:gosec // made by this package, texts escaped
}

// charts draws what the run has.
func charts(r *result.Run) []chart {
	var out []chart
	add := func(title, svg, note string) {
		if svg != "" {
			out = append(out, newChart(title, svg, note))
		}
	}
	if len(r.Curves) > 0 {
		add("Recall and speed", curveChart(r.Curves), "Up and to the right is better. Each dot is one value of ef; "+
			"recall 1 is drawn at 0.9999.")
	}
	add("Build time against recall", buildChart(r), "Down and to the right is better. Each dot is one effort.")
	for i := range r.Latencies {
		add("Latency: "+r.Latencies[i].Name, histogramChart(&r.Latencies[i]), "")
	}
	if len(r.Latencies) > 0 {
		add("Latency: share of requests answered in time", cdfChart(r.Latencies), "")
	}
	out = append(out, sizeCharts(r)...)
	for _, g := range groups(r.Figures) {
		add(g.title, barChart(g.title, g.bars), "")
	}
	return out
}

// group is figures whose names differ behind a colon only: "build time:
// vectorizer", "build time: hnswlib".
type group struct {
	title string
	bars  []bar
}

func groups(figures []result.Figure) []group {
	var out []group
	for i := range figures {
		f := &figures[i]
		title, name, ok := strings.Cut(f.Name, ": ")
		if !ok || f.At > 0 {
			continue
		}
		at := slices.IndexFunc(out, func(g group) bool { return g.title == title })
		if at < 0 {
			out = append(out, group{title: title})
			at = len(out) - 1
		}
		out[at].bars = append(out[at].bars, bar{name: name, value: f.Value,
			text: result.Number(f.Value, f.Unit), ours: !isPeer(name)})
	}
	return slices.DeleteFunc(out, func(g group) bool { return len(g.bars) < 2 })
}

// isPeer reports whether a bar is another product's.
func isPeer(name string) bool {
	for _, p := range []string{"hnswlib", "faiss", "usearch", "glass", "openblas"} {
		if strings.Contains(strings.ToLower(name), p) {
			return true
		}
	}
	return false
}

// facts are the machine, the data and every parameter.
func facts(r *result.Run) [][2]string {
	dirty := ""
	if r.Build.Dirty {
		dirty = ", with uncommitted changes"
	}
	out := [][2]string{
		{"Date", r.Date.UTC().Format("2006-01-02 15:04:05 UTC")},
		{"Processor", fmt.Sprintf("%s, %d cores in use", cmp.Or(r.Machine.CPU, r.Machine.Arch),
			r.Machine.GOMAXPROCS)},
		{"Features", strings.Join(r.Machine.Features, " ") + "; kernels: " + r.SIMD},
		{"System", strings.TrimSpace(r.Machine.OS + " " + r.Machine.Kernel)},
		{"Build", fmt.Sprintf("%s, commit %.12s%s, %s", r.Build.Version, cmp.Or(r.Build.Commit, "unknown"),
			dirty, r.Build.Go)},
		{"Data", fmt.Sprintf("%s: %s × %d, %s, %s queries, sha256 %.12s", r.Data.Name,
			result.Number(float64(r.Data.Rows), ""), r.Data.Dim, r.Data.Metric,
			result.Number(float64(r.Data.Queries), ""), r.Data.SHA256)},
	}
	if r.Machine.MemoryBytes > 0 {
		out = append(out, [2]string{"Memory", result.Number(float64(r.Machine.MemoryBytes), "bytes")})
	}
	if r.Machine.Load1 != "" {
		out = append(out, [2]string{"Load average at start", r.Machine.Load1})
	}
	for _, k := range sortedKeys(r.Parameters) {
		out = append(out, [2]string{k, fmt.Sprint(r.Parameters[k])})
	}
	for _, k := range sortedKeys(r.Peers) {
		out = append(out, [2]string{"Peer " + k, r.Peers[k]})
	}
	if r.Command != "" {
		out = append(out, [2]string{"Command", r.Command})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

const pageTemplate = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{.Title}}</title>
<style>{{css}}</style>
</head>
<body>
<main>
<header>
<h1>{{.Title}}</h1>
{{with .Lead}}<p>{{.}}</p>{{end}}
</header>
{{with .Tiles}}<div class="tiles">
{{range .}}<div class="tile"><b>{{.Value}}</b><span>{{.Name}}</span></div>
{{end}}</div>{{end}}
{{with .Goals}}<div class="card scroll"><h3>Goals</h3>
<table><thead><tr><th>Suite</th><th>Figure</th><th class="num">Value</th><th class="num">Recall</th>
<th>Target</th><th></th></tr></thead>
<tbody>
{{range .}}<tr><td>{{.Where}}</td><td>{{.Name}}</td><td class="num">{{.Value}}</td>
<td class="num">{{.Recall}}</td><td>{{.Target}}</td>
<td>{{if .Met}}<span class="met">✓ met</span>{{else}}<span class="missed">✗ not met</span>{{end}}</td></tr>
{{end}}</tbody></table></div>{{end}}
{{range .Views}}<section>
<h2>{{.Suite}}: {{.Data.Name}}</h2>
<p class="sub">{{.Data.Rows}} × {{.Data.Dim}}, {{.Data.Metric}}</p>
<div class="grid2">
{{range .Charts}}<div class="card"><h3>{{.Title}}</h3>{{.SVG}}{{with .Note}}<p>{{.}}</p>{{end}}</div>
{{end}}</div>
{{$t := .HasTarget}}{{$s := .HasSamples}}{{$n := .HasNotes}}{{with .Rows}}<div class="card scroll"><h3>Figures</h3>
<table><thead><tr><th>Figure</th><th class="num">Value</th>{{if $s}}<th class="num">Least to most (runs)</th>{{end}}<th class="num">Recall</th>{{if $t}}<th>Target</th><th></th>{{end}}{{if $n}}<th>Note</th>{{end}}</tr></thead>
<tbody>
{{range .}}<tr><td>{{.Name}}</td><td class="num">{{.Value}}</td>{{if $s}}<td class="num">{{.Spread}}</td>{{end}}<td class="num">{{.Recall}}</td>{{if $t}}<td>{{.Target}}</td><td>{{if .HasTarget}}{{if .Met}}<span class="met">✓ met</span>{{else}}<span class="missed">✗ not met</span>{{end}}{{end}}</td>{{end}}{{if $n}}<td>{{.Note}}</td>{{end}}</tr>
{{end}}</tbody></table></div>{{end}}
{{with .History}}<div class="card scroll"><h3>History</h3>
<table><thead><tr><th>Figure</th>{{range .Heads}}<th class="num">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr><td>{{.Name}}</td>{{range .Values}}<td class="num">{{.}}</td>{{end}}</tr>
{{end}}</tbody></table></div>{{end}}
{{with .Notes}}<div class="card"><h3>Notes</h3>{{range .}}<p>{{.}}</p>{{end}}</div>{{end}}
<div class="card scroll"><h3>Machine, data and parameters</h3>
<table><tbody>
{{range .Facts}}<tr><th>{{index . 0}}</th><td>{{index . 1}}</td></tr>
{{end}}</tbody></table></div>
</section>
{{end}}
{{with .End}}<footer>{{.}}</footer>{{end}}
</main>
</body>
</html>
`
