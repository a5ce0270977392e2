package hnsw

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
)

// TestPendingRowsDoNotEndTheWalk has more rows than the candidate list holds
// waiting near the query: the linked row that is nearer than all of them is found,
// and the nearest of the waiting ones after it.
func TestPendingRowsDoNotEndTheWalk(t *testing.T) {
	const dim, linked, waiting = 16, 4000, 500
	x, r := randomIndex(t, linked, dim)
	// No linker works while the lock is held.
	x.jobs.Lock()
	q := append([]float32(nil), x.Vector(linked/2)...)
	for i := range uint32(waiting) {
		v := append([]float32(nil), q...)
		for j := range v {
			v[j] += 0.1 + 0.1*r.Float32()
		}
		if err := x.Put(linked+i, v); err != nil {
			t.Fatal(err)
		}
	}
	for name, p := range map[string]index.Params{"near": {K: 20, Ef: 100}, "far": {K: 20, Ef: farEf}} {
		var tr index.Trace
		p.Trace = &tr
		hits := x.Search(q, p, nil)
		if len(hits) != p.K || hits[0].Row != linked/2 || hits[1].Row < linked {
			t.Errorf("%s: %v", name, hits)
		}
		if tr.Pending != waiting || tr.Hops == 0 {
			t.Errorf("%s: %+v, want a walk beside %d waiting rows", name, tr, waiting)
		}
	}
	x.jobs.Unlock()
	x.Wait()
}

// TestNewRowIsAnnouncedLast looks at lists while rows are linked: nobody links to
// a row that has no list on layer 0 yet, so no search is led to a dead end.
func TestNewRowIsAnnouncedLast(t *testing.T) {
	const rows, dim = 3000, 8
	x, r := randomIndex(t, 2, dim)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for row := range uint32(rows) {
			if err := x.Put(2+row, gauss(r, dim)); err != nil {
				t.Error(err)
			}
		}
		x.Wait()
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		m := x.mem.Load()
		for row := range m.rows.Load() {
			for level := x.lv.of(row); m.isLinked(row) && level >= 0; level-- {
				for _, to := range appendLinks(nil, m.links(&x.lv, row, level)) {
					if to != uint32(x.entry.Load()) && listLen(m.links0(to)) == 0 {
						t.Fatalf("row %d links on level %d to row %d, which leads nowhere", row, level, to)
					}
				}
			}
		}
	}
}
