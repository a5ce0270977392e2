package hnsw

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

// TestChoose compares the selection with the heuristic by its definition, candidate after
// candidate, by vectors and by codes, among rows of which some are copies.
func TestChoose(t *testing.T) {
	for _, kind := range []codes.Kind{codes.None, codes.SQ8, codes.SQ4} {
		r := rand.New(rand.NewPCG(51, uint64(kind)))
		cfg := codedConfig(12)
		cfg.Quantization = kind
		x, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		for row := range uint32(600) {
			v := gauss(r, 12)
			for i := range v { // sums are exact, in whatever order
				v[i] = float32(math.Round(float64(v[i]) * 16))
			}
			if row > 0 && r.IntN(4) == 0 {
				copy(v, x.Vector(r.Uint32N(row)))
			}
			if err := x.Put(row, v); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
		m, s := x.mem.Load(), x.scratch.Get().(*scratch)
		for range 200 {
			w := x.newLinkWalk(m, s)
			w.setRow(r.Uint32N(600))
			s.ids = s.ids[:0]
			for _, row := range r.Perm(600)[:r.IntN(80)] {
				s.ids = append(s.ids, uint32(row))
			}
			var pool []cand
			for i, d := range w.distances() {
				pool = append(pool, cand{d, s.ids[i]})
			}
			slices.SortFunc(pool, func(a, b cand) int {
				return byDist(index.Hit{Row: a.row, Dist: a.dist}, index.Hit{Row: b.row, Dist: b.dist})
			})
			limit := 1 + r.IntN(20)
			want := chosen(&w, pool, limit)
			before := slices.Clone(pool)
			w.choose(pool, limit)
			if !slices.Equal(s.kept, want) || !slices.Equal(pool, before) {
				t.Fatalf("%v: %d of %v: %v, want %v", kind, limit, pool, s.kept, want)
			}
		}
	}
}

// chosen is choose, one distance at a time.
func chosen(w *walk, pool []cand, limit int) (kept []uint32) {
	for i, c := range pool {
		fell, copied := false, false
		for _, k := range kept {
			var d [8]float32
			w.src.takeRow(&w.s.from, k)
			w.src.gather(&w.s.from, []uint32{c.row}, d[:1])
			fell = fell || d[0] < c.dist
			copied = copied || d[0] == c.dist && i > 0 && c.dist == pool[0].dist
		}
		if !fell && !copied && len(kept) < limit {
			kept = append(kept, c.row)
		}
	}
	return kept
}
