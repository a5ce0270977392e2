package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// historyRuns bounds the results that a history shows, the newest of them.
const historyRuns = 8

// history are the results of one suite on the same data and machine over time.
type history struct {
	Heads []string     // date and commit of each result
	Rows  []historyRow // figures with a target
}

// historyRow is one figure over time; "" where a result lacks it.
type historyRow struct {
	Name   string
	Values []string
}

// sameBench reports whether two results are of the same suite, data and machine.
func sameBench(a, b *result.Run) bool {
	return a.Suite == b.Suite && a.Data.Name == b.Data.Name && a.Data.Rows == b.Data.Rows &&
		a.Machine.CPU == b.Machine.CPU && a.Machine.Cores == b.Machine.Cores && a.SIMD == b.SIMD
}

// past returns the results of older that r continues, oldest first, and r.
func past(r *result.Run, older []*result.Run) []*result.Run {
	out := []*result.Run{r}
	for _, o := range older {
		if sameBench(o, r) && o.Date.Before(r.Date) {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b *result.Run) int { return a.Date.Compare(b.Date) })
	return out[max(len(out)-historyRuns, 0):]
}

// newHistory is nil when r has no past.
func newHistory(r *result.Run, older []*result.Run) *history {
	runs := past(r, older)
	if len(runs) < 2 {
		return nil
	}
	h := &history{}
	for _, one := range runs {
		h.Heads = append(h.Heads, strings.TrimSpace(fmt.Sprintf("%s %.8s", one.Date.UTC().Format("2006-01-02 15:04"),
			one.Build.Commit)))
	}
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Target == nil {
			continue
		}
		line := historyRow{Name: f.Name}
		for _, one := range runs {
			text := ""
			if old := one.Figure(f.Name); old != nil {
				text = result.Number(old.Value, old.Unit)
			}
			line.Values = append(line.Values, text)
		}
		h.Rows = append(h.Rows, line)
	}
	if len(h.Rows) == 0 {
		return nil
	}
	return h
}

// historyChart draws the figures with a target over time, each relative to its
// first value.
func historyChart(r *result.Run, older []*result.Run) string {
	runs := past(r, older)
	var lines []series
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Target == nil || len(lines) == seriesColours {
			continue
		}
		line := series{name: f.Name}
		first := 0.0
		for n, one := range runs {
			old := one.Figure(f.Name)
			if old == nil || old.Value <= 0 {
				continue
			}
			if first == 0 {
				first = old.Value
			}
			line.points = append(line.points, point{float64(n + 1), old.Value / first,
				one.Date.UTC().Format(time.DateOnly) + ": " + result.Number(old.Value, old.Unit)})
		}
		if len(line.points) > 1 {
			lines = append(lines, line)
		}
	}
	return lineChart("History", "result", "against the first", scale{}, scale{log: true}, lines, whole, trimZero)
}

// whole prints a tick that is a whole number, and nothing for one that is not.
func whole(v float64) string {
	if v != float64(int(v)) {
		return ""
	}
	return trimZero(v)
}
