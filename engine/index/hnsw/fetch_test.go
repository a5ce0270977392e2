package hnsw

import (
	"errors"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// TestFetchChangesNoResult has two indexes of equal rows that fetch differently.
func TestFetchChangesNoResult(t *testing.T) {
	cfg := Config{Dim: 24, Metric: compute.L2, M: 8, EfConstruction: 64, LinkWorkers: 1}
	usual, r := randomIndexOf(t, 2000, cfg)
	cfg.Fetch = Fetch{Ahead: [5]uint8{7, 8, 9, 10, 11}, CodeLines: 2}
	other, _ := randomIndexOf(t, 2000, cfg)
	for range 50 {
		q, p := gauss(r, cfg.Dim), index.Params{K: 10, Ef: 40}
		got, want := other.Search(q, p, nil), usual.Search(q, p, nil)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	}
}

func TestFetchIsChecked(t *testing.T) {
	_, err := New(Config{Dim: 4, Metric: compute.L2, Fetch: Fetch{CodeLines: 200}})
	if !errors.Is(err, errs.Of(errs.Validation)) {
		t.Fatalf("got %v", err)
	}
}
