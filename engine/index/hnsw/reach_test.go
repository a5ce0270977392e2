package hnsw

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// TestShortListsReach builds with lists of which a share would leave little: with that
// of a long list 210, 713 and 999 rows are found, with all that is due 477, 843 and 1000.
func TestShortListsReach(t *testing.T) {
	for ef, least := range map[int]int{1: 400, 4: 780, 12: 990} {
		x, err := New(Config{Dim: 8, Metric: compute.L2, M: 8, EfConstruction: ef, LinkWorkers: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Close() })
		w := x.newWalk(x.mem.Load(), x.newScratch().(*scratch))
		if got, want := w.reach(ef), min(ef, 8); got != want {
			t.Errorf("of %d places %d are expanded, want %d", ef, got, want)
		}
		r := rand.New(rand.NewPCG(8, uint64(ef)))
		vecs := make([][]float32, 1000)
		for row := range vecs {
			vecs[row] = gauss(r, 8)
			if err := x.Put(uint32(row), vecs[row]); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
		found := 0
		for row, v := range vecs {
			if hits := x.Search(v, index.Params{K: 1, Ef: 64}, nil); len(hits) == 1 && hits[0].Row == uint32(row) {
				found++
			}
		}
		if found < least {
			t.Errorf("ef_construction %d: %d of %d rows are found", ef, found, len(vecs))
		}
	}
}
