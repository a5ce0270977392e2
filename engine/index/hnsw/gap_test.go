package hnsw

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// A row that moves far is linked to no more from where it was by the rows that it
// linked to, before any repair pass; they link to one another instead and are as well
// connected as before.
func TestFarMoveClosesItsGap(t *testing.T) {
	for _, metric := range []compute.Metric{compute.L2, compute.Cosine, compute.Dot} {
		t.Run(fmt.Sprint("metric ", metric), func(t *testing.T) {
			x, _ := randomIndexOf(t, 1500, Config{Dim: 8, Metric: metric, M: 8, EfConstruction: 64})
			m := x.mem.Load()
			closed := 0
			for row := uint32(0); row < 25; row++ { // fewer than start a pass
				old := appendLinks(nil, m.links0(row))
				back := slices.DeleteFunc(slices.Clone(old), func(r uint32) bool { return !contains(m.links0(r), row) })
				had := make([]int, len(back))
				for i, r := range back {
					had[i] = listLen(m.links0(r))
				}
				far := make([]float32, x.cfg.Dim)
				for i, v := range m.vector(row)[:x.cfg.Dim] {
					far[i] = -v
				}
				if err := x.Put(row, far); err != nil {
					t.Fatal(err)
				}
				x.Wait()
				if x.work.away.has(row) { // else some of what it linked to is still near
					closed += checkGap(t, x, row, back, had)
				}
			}
			if closed < 50 {
				t.Errorf("%d gaps of links were there to close; the test shows little", closed)
			}
			if _, wrong := reachable(x); wrong != 0 {
				t.Errorf("%d rows with a wrong count of links", wrong)
			}
			if x.work.movers == 0 {
				t.Error("a repair pass ran: this test does not show what the move did")
			}
		})
	}
}

// checkGap checks the lists of the rows that linked to row, had links each, and returns
// how many that are.
func checkGap(t *testing.T, x *Index, row uint32, back []uint32, had []int) int {
	m := x.mem.Load()
	for i, r := range back {
		if contains(m.links0(r), row) && !contains(m.links0(row), r) { // it does where nobody else links to r
			t.Errorf("row %d still links to row %d, which left", r, row)
		}
		list := appendLinks(nil, m.links0(r))
		open := slices.ContainsFunc(back, func(o uint32) bool { return o != r && !slices.Contains(list, o) })
		if len(list) < had[i] && open {
			t.Errorf("row %d had %d links and has %d, though it does not link to all rows around", r, had[i], len(list))
		}
	}
	return len(back)
}

func TestBridge(t *testing.T) {
	// Five rows on a line, at 0, 1, 2, 4 and 9.
	at := []float32{0, 1, 2, 4, 9}
	g := gap{rows: make([]uint32, len(at)), dist: make([]float32, 0, 25), linked: make([]uint64, len(at))}
	for _, a := range at {
		for _, b := range at {
			g.dist = append(g.dist, (a-b)*(a-b))
		}
	}
	w := &walk{s: &scratch{gap: g}}
	for _, c := range []struct {
		what   string
		from   int
		linked uint64
		want   int
	}{
		{"the nearest", 0, 0, 1},
		{"the nearest on the other side", 2, 1 << 1, 3},
		{"the nearest, where a link leads nearer to all", 0, 1 << 1, 2},
		{"the last that is left", 0, 1<<1 | 1<<2 | 1<<3, 4},
		{"nothing where all are linked to", 4, 1<<0 | 1<<1 | 1<<2 | 1<<3, -1},
	} {
		w.s.gap.linked[c.from] = c.linked
		if got := w.bridge(c.from); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
		w.s.gap.linked[c.from] = 0
	}
}

// While rows keep coming in, repair passes are due by what moved, and the job that
// makes one due says so: nothing else would ask. A Wait beside rows that are not
// linked makes none due earlier.
func TestRepairBesideLinking(t *testing.T) {
	x, _ := randomIndex(t, 600, 8)
	for _, c := range []struct {
		movers, waits int
		due           bool
	}{{256, 0, false}, {256, 1, false}, {257, 0, true}} {
		w := &x.work
		w.add(1, 0) // no linker starts
		w.add(2, 0)
		w.mu.Lock()
		w.movers, w.draining, w.linkers = c.movers, c.waits, 1
		w.mu.Unlock()
		row, _, ok := w.take(x)
		if !ok {
			t.Fatal("no job")
		}
		if got := w.done(x, row); got != c.due {
			t.Errorf("%d moved, %d wait: due %v", c.movers, c.waits, got)
		}
		w.mu.Lock()
		w.movers, w.draining = 0, 0
		w.mu.Unlock()
		x.linkRows()
		x.Wait()
	}
}
