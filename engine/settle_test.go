package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestHotRecordIsNeverMissing searches for a record that is written all the time:
// however often it changes under a search, it is there.
func TestHotRecordIsNeverMissing(t *testing.T) {
	for _, mode := range []UpdateMode{UpdateInPlace, UpdateReinsert} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			e := openTest(t, crashOptions(vfs.NewMem()))
			if _, err := e.CreateCollection(context.Background(), CollectionConfig{
				Name: "a", Dimension: 4, Metric: compute.Cosine, UpdateMode: mode}); err != nil {
				t.Fatal(err)
			}
			write := func(n int) {
				op := Op{Kind: OpUpsert, ID: "hot", Vector: []float32{1, float32(n%7) / 100, 0, 0},
					Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}
				res, err := e.Write(context.Background(), Mutation{Collection: "a", Ops: []Op{op}})
				if err != nil || res.Items[0].Err != nil {
					t.Errorf("write %d: %v %v", n, err, res.Items)
				}
			}
			write(0)
			var wg sync.WaitGroup
			stop := make(chan struct{})
			for c := range 4 {
				wg.Go(func() {
					for n := c; ; n++ {
						select {
						case <-stop:
							return
						default:
							write(n)
						}
					}
				})
			}
			searchHot(t, e)
			close(stop)
			wg.Wait()
		})
	}
}

func searchHot(t *testing.T, e *Engine) {
	for i := range 20000 {
		req := &SearchRequest{Vector: []float32{1, 0, 0, 0}, K: 1, Fields: Fields{Payload: i%2 == 0}}
		res, err := e.Search(context.Background(), "a", req)
		if err != nil {
			t.Errorf("search %d: %v", i, err)
			return
		}
		if len(res.Hits) != 1 || res.Hits[0].ID != "hot" || res.Hits[0].Score < 0.99 {
			t.Errorf("search %d: %+v, want the hot record", i, res.Hits)
			return
		}
		if (res.Hits[0].Payload != nil) != (i%2 == 0) || res.Hits[0].Vector != nil {
			t.Errorf("search %d: fields %+v", i, res.Hits[0].Record)
			return
		}
	}
}
