//go:build !race

package httpapi

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// TestSearchAllocs bounds the garbage of one search over HTTP, from the bytes of
// the request to those of the reply, above what the engine makes.
func TestSearchAllocs(t *testing.T) {
	e := start(t, nil)
	q := benchRows(e, 50)
	engineAllocs := testing.AllocsPerRun(200, func() { searchDirect(t, e, q, 1) })
	for kind, most := range map[codec.Format]float64{codec.JSON: 3, codec.MsgPack: 3,
		codec.Octets: 6} {
		request := httpRequest("POST", "/api/v1/collections/b/search", kind.ContentType(),
			searchForms(q)[kind.ContentType()])
		const n = 50
		run := func() { replay(t, e, request, n) }
		run()
		// Opening the connection is spread over n requests.
		per := testing.AllocsPerRun(20, run) / n
		if over := per - engineAllocs; over > most {
			t.Errorf("%s: %.1f allocations above the engine's %.1f, at most %.0f", kind, over,
				engineAllocs, most)
		}
	}
}
