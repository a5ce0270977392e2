package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// recallNines bounds the axis of recalls: what is nearer to 1 is drawn there.
const recallNines = 4

// recallMarks are the recalls that the axis names.
var recallMarks = []float64{0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999}

// ninesOf is the number of nines of a recall, on which 0.95 and 0.99 are as far
// apart as they are hard.
func ninesOf(recall float64) float64 {
	return min(-math.Log10(max(1-recall, math.Pow(10, -recallNines))), recallNines)
}

// recallOf prints the recall that a number of nines stands for.
func recallOf(nines float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", 1-math.Pow(10, -nines)), "0"), ".")
}

// curveChart draws recall against speed: up and to the right is better.
func curveChart(curves []result.Curve) string {
	x, y := scale{min: recallNines, max: recallNines}, scale{min: math.Inf(1), log: true}
	for _, m := range recallMarks {
		x.marks = append(x.marks, ninesOf(m))
	}
	for _, c := range curves {
		for _, p := range c.Points {
			x.min = min(x.min, ninesOf(p.Recall))
			y.min, y.max = min(y.min, p.QPS), max(y.max, p.QPS)
		}
	}
	if y.max == 0 {
		return ""
	}
	x.min = max(x.min-0.1, 0)
	y.min, y.max = y.min/1.3, y.max*1.3
	c := newCanvas(x, y)
	c.axes(fmt.Sprintf("recall@%d", curves[0].K), "queries per second", recallOf, count)
	var names []string
	var dashed []bool
	for i, curve := range curves {
		name := curveName(&curve)
		var points []point
		for _, p := range curve.Points {
			points = append(points, point{ninesOf(p.Recall), p.QPS, fmt.Sprintf("%s, ef %d: recall %.4f, %s",
				name, p.Ef, p.Recall, rate(p.QPS))})
		}
		c.line(i, curve.System != "vectorizer", points)
		names, dashed = append(names, name), append(dashed, curve.System != "vectorizer")
	}
	return c.svg("Recall against queries per second") + legend(names, dashed)
}

func curveName(c *result.Curve) string {
	name := c.System
	if c.Label != "" {
		name += " " + c.Label
	}
	if c.Threads == 1 {
		return name + ", 1 thread"
	}
	return fmt.Sprintf("%s, %d threads", name, c.Threads)
}

// histogramChart draws one distribution of times with its percentiles.
func histogramChart(l *result.Latency) string {
	x := timeScale([]result.Latency{*l})
	bins := rebin(l.Buckets, x)
	y := scale{}
	for _, b := range bins {
		y.max = max(y.max, b.count)
	}
	y.max *= 1.08
	c := newCanvas(x, y)
	c.axes("latency", "requests", micros, count)
	for _, b := range bins {
		x1, x2, y1 := c.x.at(b.from), c.x.at(b.to), c.y.at(b.count)
		c.add(`<rect class="f0" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s to %s: about %.0f</title></rect>`,
			x1+0.5, y1, max(x2-x1-1, 0.5), chartHeight-bottom-y1, esc(short(b.from)), esc(short(b.to)), b.count)
	}
	for i, m := range []struct {
		name string
		at   float64
	}{{"p50", l.P50us}, {"p90", l.P90us}, {"p99", l.P99us}} {
		c.mark(m.at, i, m.name+" "+short(m.at))
	}
	return c.svg("Histogram of the latency of " + l.Name)
}

// bin is one bar of a histogram, in microseconds.
type bin struct{ from, to, count float64 }

// histogramBins is how many bars a histogram has.
const histogramBins = 48

// rebin spreads buckets, which are of equal width within a power of two only,
// over bars of equal width on a logarithmic axis. A bucket that two bars share is
// split between them by length.
func rebin(buckets []result.Bucket, x scale) []bin {
	bins := make([]bin, histogramBins)
	step := math.Log(x.max/x.min) / histogramBins
	for i := range bins {
		bins[i].from = x.min * math.Exp(step*float64(i))
		bins[i].to = x.min * math.Exp(step*float64(i+1))
	}
	for _, b := range buckets {
		from, to := math.Log(bucketFrom(b.TopUS)), math.Log(b.TopUS)
		for i := range bins {
			lo, hi := math.Log(bins[i].from), math.Log(bins[i].to)
			if share := (min(hi, to) - max(lo, from)) / (to - from); share > 0 {
				bins[i].count += share * float64(b.Count)
			}
		}
	}
	return bins
}

// bucketFrom is where the bucket that ends at top microseconds begins: buckets
// divide each power of two, counted in nanoseconds, into equal parts.
func bucketFrom(topUS float64) float64 {
	ns := topUS*1000 + 1
	octave := math.Exp2(math.Ceil(math.Log2(ns)) - 1)
	return max(ns-octave/result.BucketsPerDoubling, 0.5) / 1000
}

// cdfChart draws the share of requests answered within a time, one line per
// distribution, on a scale that spreads the tail.
func cdfChart(all []result.Latency) string {
	x := timeScale(all)
	// The vertical position is the number of nines.
	y := scale{min: 0, max: 3.2}
	c := newCanvas(x, y)
	c.axes("latency", "share of requests answered", micros, nines)
	var names []string
	var dashed []bool
	for i := range all {
		l := &all[i]
		var points []point
		seen := uint64(0)
		for _, b := range l.Buckets {
			seen += b.Count
			rest := 1 - float64(seen)/float64(l.Count)
			if rest < math.Pow(10, -y.max) {
				break
			}
			points = append(points, point{x: b.TopUS, y: -math.Log10(rest)})
		}
		c.line(i, i >= seriesColours, points)
		names, dashed = append(names, l.Name), append(dashed, i >= seriesColours)
	}
	return c.svg("Distribution of latencies") + legend(names, dashed)
}

// nines prints the share that n nines stand for.
func nines(n float64) string {
	share := 100 * (1 - math.Pow(10, -n))
	switch n {
	case 0:
		return "0 %"
	case 1, 2:
		return fmt.Sprintf("%.0f %%", share)
	case 3:
		return "99.9 %"
	}
	return fmt.Sprintf("%.3g %%", share)
}

// timeScale spans all buckets that hold something.
func timeScale(all []result.Latency) scale {
	x := scale{min: math.Inf(1), log: true}
	for i := range all {
		b := all[i].Buckets
		x.min = min(x.min, b[0].TopUS/1.3)
		x.max = max(x.max, b[len(b)-1].TopUS*1.1)
	}
	x.min = max(x.min, 0.1)
	return x
}

func short(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%.2f s", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%.2f ms", us/1e3)
	}
	return fmt.Sprintf("%.0f µs", us)
}

// bar is one horizontal bar.
type bar struct {
	name  string
	value float64
	text  string
	ours  bool
}

// barChart draws horizontal bars from zero. It has its own height.
func barChart(label string, bars []bar) string {
	longest := 0.0
	for _, b := range bars {
		longest = max(longest, b.value)
	}
	if longest == 0 {
		return ""
	}
	const row, nameWidth, textWidth = 30.0, 160.0, 110.0
	var out strings.Builder
	height := row*float64(len(bars)) + 8
	fmt.Fprintf(&out, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, height, esc(label))
	for i, b := range bars {
		y := 4 + row*float64(i)
		width := (chartWidth - nameWidth - textWidth) * b.value / longest
		class := "f1"
		if b.ours {
			class = "f0"
		}
		fmt.Fprintf(&out, `<text class="barname" x="%g" y="%g" text-anchor="end">%s</text>`,
			nameWidth-10, y+19, esc(b.name))
		fmt.Fprintf(&out, `<rect class="%s" x="%g" y="%g" width="%.1f" height="20" rx="2"/>`, class,
			nameWidth, y+4, max(width, 1))
		fmt.Fprintf(&out, `<text class="bartext" x="%.1f" y="%g">%s</text>`, nameWidth+width+8, y+19,
			esc(b.text))
	}
	out.WriteString(`</svg>`)
	return out.String()
}
