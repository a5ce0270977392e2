package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// series is one line of a chart.
type series struct {
	name   string
	dashed bool
	points []point
}

// lineChart draws lines over two axes, each as long as its points need. "" where
// no line has two points.
func lineChart(label, xName, yName string, x, y scale, lines []series, xText, yText func(float64) string) string {
	x.min, y.min = math.Inf(1), math.Inf(1)
	x.max, y.max = math.Inf(-1), math.Inf(-1)
	longest := 0
	for _, l := range lines {
		longest = max(longest, len(l.points))
		for _, p := range l.points {
			x.min, x.max = min(x.min, p.x), max(x.max, p.x)
			y.min, y.max = min(y.min, p.y), max(y.max, p.y)
		}
	}
	if longest < 2 || x.log && x.min <= 0 || y.log && y.min <= 0 {
		return ""
	}
	if y.log {
		y.min, y.max = y.min/1.3, y.max*1.3
	} else {
		y.min, y.max = min(y.min, 0), y.max*1.08
	}
	c := newCanvas(x, y)
	c.axes(xName, yName, xText, yText)
	names, dashed := make([]string, len(lines)), make([]bool, len(lines))
	for i, l := range lines {
		c.line(i, l.dashed, l.points)
		names[i], dashed[i] = l.name, l.dashed
	}
	return c.svg(label) + legend(names, dashed)
}

// sizeCharts draws the figures that a suite gives for several sizes, each over the
// size.
func sizeCharts(r *result.Run) []chart {
	var titles []string
	all := map[string]*series{}
	units := map[string]string{}
	for i := range r.Figures {
		f := &r.Figures[i]
		title, at, ok := strings.Cut(f.Name, ": ")
		if !ok || f.At <= 0 {
			continue
		}
		if all[title] == nil {
			all[title], units[title] = &series{name: title}, f.Unit
			titles = append(titles, title)
		}
		all[title].points = append(all[title].points, point{f.At, f.Value,
			at + ": " + result.Number(f.Value, f.Unit)})
	}
	var out []chart
	for _, title := range titles {
		text := count
		if units[title] == "bytes" {
			text = mebibytes
		}
		svg := lineChart(title, sizeAxis(r), units[title], scale{log: true}, scale{log: true},
			[]series{*all[title]}, count, text)
		if svg != "" {
			out = append(out, newChart(title, svg, ""))
		}
	}
	return out
}

// sizeAxis names what the sizes of a suite count: the word behind the number.
func sizeAxis(r *result.Run) string {
	for i := range r.Figures {
		if f := &r.Figures[i]; f.At > 0 {
			return f.Name[strings.LastIndex(f.Name, " ")+1:]
		}
	}
	return ""
}

// buildTime is the title of figures that say how long a build took.
const buildTime = "build time"

// buildChart draws build time against recall of each system that was built with
// several efforts: figures "build time: SYSTEM, …" with a recall.
func buildChart(r *result.Run) string {
	var lines []series
	for i := range r.Figures {
		f := &r.Figures[i]
		title, rest, ok := strings.Cut(f.Name, ": ")
		system, effort, several := strings.Cut(rest, ", ")
		if !ok || !several || title != buildTime || f.Recall == 0 {
			continue
		}
		at := slices.IndexFunc(lines, func(s series) bool { return s.name == system })
		if at < 0 {
			lines = append(lines, series{name: system, dashed: isPeer(system)})
			at = len(lines) - 1
		}
		lines[at].points = append(lines[at].points, point{f.Recall, f.Value, fmt.Sprintf("%s, %s: recall %.4f, %s",
			system, effort, f.Recall, result.Number(f.Value, f.Unit))})
	}
	return lineChart("Build time against recall", "recall", "seconds", scale{}, scale{}, lines, fixed, trimZero)
}

func mebibytes(v float64) string { return trimZero(v/(1<<20)) + " MiB" }
