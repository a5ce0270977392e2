package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// The size of every chart, in user units of the SVG; the page scales it.
const (
	chartWidth  = 560.0
	chartHeight = 300.0
	left        = 66.0
	right       = 20.0
	top         = 16.0
	bottom      = 46.0
)

// scale maps values to positions.
type scale struct {
	min, max float64 // of the data
	from, to float64 // positions of min and max
	log      bool
	marks    []float64 // where ticks stand; nil = at round values
}

// at returns the position of v.
func (s scale) at(v float64) float64 {
	lo, hi := s.min, s.max
	if s.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	if hi == lo {
		return (s.from + s.to) / 2
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// ticks are round values between min and max, about n of them.
func (s scale) ticks(n int) []float64 {
	if s.marks != nil {
		return slices.DeleteFunc(slices.Clone(s.marks), func(v float64) bool { return v < s.min || v > s.max })
	}
	if s.log {
		return logTicks(s.min, s.max)
	}
	span := s.max - s.min
	if span <= 0 {
		return []float64{s.min}
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if span/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	var out []float64
	for i := math.Ceil(s.min/step - 1e-9); i*step <= s.max+step*1e-9; i++ {
		out = append(out, i*step+0) // no negative zero
	}
	return out
}

// logTicks are 1, 2 and 5 times the powers of ten, the powers alone when there
// are many, and more between when there are few.
func logTicks(lo, hi float64) []float64 {
	muls := []float64{1, 2, 5}
	switch {
	case hi/lo > 1e3:
		muls = muls[:1]
	case hi/lo < 8:
		muls = []float64{1, 1.5, 2, 3, 4, 5, 6, 8}
	}
	var out []float64
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for _, m := range muls {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, v)
			}
		}
	}
	return out
}

// canvas collects the elements of one chart.
type canvas struct {
	b    strings.Builder
	x, y scale
}

func newCanvas(x, y scale) *canvas {
	x.from, x.to = left, chartWidth-right
	y.from, y.to = chartHeight-bottom, top
	return &canvas{x: x, y: y}
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

// axes draws grid lines, tick labels and the names of both axes.
func (c *canvas) axes(xName, yName string, xText, yText func(float64) string) {
	for _, v := range c.y.ticks(6) {
		y := c.y.at(v)
		c.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, chartWidth-right, y, y)
		c.add(`<text class="tick" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, left-8, y+4, esc(yText(v)))
	}
	for _, v := range c.x.ticks(8) {
		x := c.x.at(v)
		c.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, x, x, top, chartHeight-bottom)
		c.add(`<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x,
			chartHeight-bottom+18, esc(xText(v)))
	}
	c.add(`<line class="axis" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, chartWidth-right,
		chartHeight-bottom, chartHeight-bottom)
	c.add(`<text class="name" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
		(left+chartWidth-right)/2, chartHeight-8, esc(xName))
	c.add(`<text class="name" transform="translate(14 %.1f) rotate(-90)" text-anchor="middle">%s</text>`,
		(top+chartHeight-bottom)/2, esc(yName))
}

// point is a place in data units with what to say about it.
type point struct {
	x, y float64
	tip  string
}

// line draws a line with dots in the colour of a series.
func (c *canvas) line(series int, dashed bool, points []point) {
	if len(points) == 0 {
		return
	}
	var path strings.Builder
	for i, p := range points {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, c.x.at(p.x), c.y.at(p.y))
	}
	dash := ""
	if dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	c.add(`<path class="line s%d" d="%s"%s/>`, series%seriesColours, path.String(), dash)
	for _, p := range points {
		if p.tip != "" {
			c.add(`<circle class="dot f%d" cx="%.1f" cy="%.1f" r="3.5"><title>%s</title></circle>`,
				series%seriesColours, c.x.at(p.x), c.y.at(p.y), esc(p.tip))
		}
	}
}

// mark draws a vertical line with a word at its top.
func (c *canvas) mark(x float64, row int, text string) {
	at := c.x.at(x)
	anchor, shift := "start", 5.0
	if at > chartWidth-right-110 {
		anchor, shift = "end", -5.0
	}
	c.add(`<line class="mark" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, at, at, top,
		chartHeight-bottom)
	c.add(`<text class="marktext" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, at+shift,
		top+12+15*float64(row), anchor, esc(text))
}

// svg returns the chart as an element; label is what a screen reader says.
func (c *canvas) svg(label string) string {
	return fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s">%s</svg>`,
		chartWidth, chartHeight, esc(label), c.b.String())
}

// seriesColours is how many colours the style has.
const seriesColours = 6

func esc(s string) string { return html.EscapeString(s) }

// legend names the series below a chart.
func legend(names []string, dashed []bool) string {
	if len(names) < 2 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<ul class="legend">`)
	for i, n := range names {
		dash := ""
		if dashed[i] {
			dash = ` stroke-dasharray="5 4"`
		}
		fmt.Fprintf(&b, `<li><svg viewBox="0 0 24 8" aria-hidden="true"><path class="line s%d" d="M1 4L23 4"%s/>`+
			`</svg>%s</li>`, i%seriesColours, dash, esc(n))
	}
	b.WriteString(`</ul>`)
	return b.String()
}

// count prints a tick of a count or a rate: 500, 20k, 3M.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return trimZero(v/1e6) + "M"
	case v >= 1e4:
		return trimZero(v/1e3) + "k"
	}
	return trimZero(v)
}

// micros prints a tick of a time in microseconds.
func micros(us float64) string {
	switch {
	case us >= 1e6:
		return trimZero(us/1e6) + " s"
	case us >= 1e3:
		return trimZero(us/1e3) + " ms"
	}
	return trimZero(us) + " µs"
}

func trimZero(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}

// fixed prints a recall.
func fixed(v float64) string { return trimZero(v) }

// rate prints a speed in words.
func rate(v float64) string { return result.Number(v, "queries/s") }
