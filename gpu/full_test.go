//go:build unix

package gpu

import (
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// TestSomeListsOverflow: queries whose list overflows are scanned for again, and
// those beside them keep their results. A fifth of the rows are copies of one, far from
// the others: they tie at the limit of the query that asks for them.
func TestSomeListsOverflow(t *testing.T) {
	const rows, dim, k = 3000, 8, 6
	r := rand.New(rand.NewPCG(4, 4))
	all := clustered(r, rows, dim, 0, 1)
	for i := range dim {
		all[i] += 100
	}
	for i := range rows {
		if i%5 == 0 {
			copy(all[i*dim:(i+1)*dim], all[:dim])
		}
	}
	queries := clustered(r, 9, dim, 0, 1)
	copy(queries[4*dim:], all[:dim]) // asks for the copies
	b := emulated(t, Options{ListKeys: 512, SampleRows: 100, HalfQueries: -1, Lanes: 1}, emu.Options{})
	defer b.Close()
	spec := compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.L2}
	got, want := searchBoth(t, b, spec, all, compute.SearchRequest{Queries: queries, K: k})
	if share := agree(got, want); share < 0.98 { // the rest ties in f32
		t.Errorf("%v of the rows are the reference's:\n%v\n%v", share, got.IDs, want.IDs)
	}
	if b.stats.rescans.Load() == 0 {
		t.Error("no list overflowed")
	}
}
