package engine

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestRefusalIsNotAheadOfMemory has clients insert the same id at once while the
// index makes writers wait. All but one are refused because the id is there: a
// search after the refusal must find it.
func TestRefusalIsNotAheadOfMemory(t *testing.T) {
	const dim, ids, clients = 64, 1000, 4
	o := crashOptions(vfs.NewMem())
	o.MaxPending = 1
	e := openTest(t, o)
	create(t, e, "a", dim, compute.L2)
	for n := range ids {
		vec := make([]float32, dim)
		vec[n%dim] = float32(n + 1)
		id := strconv.Itoa(n)
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				ctx := context.Background()
				op := Op{Kind: OpInsert, ID: id, Vector: vec}
				if _, err := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{op}}); err != nil {
					t.Error(err)
				}
				res, err := e.Search(ctx, "a", &SearchRequest{Vector: vec, K: 1, Exact: true})
				if err != nil || len(res.Hits) != 1 || res.Hits[0].ID != id {
					t.Errorf("id %s after its insert was answered: %v, %v", id, res.Hits, err)
				}
			})
		}
		wg.Wait()
	}
}
