package dataset

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
)

func TestClustered(t *testing.T) {
	spec := ClusteredSpec{Rows: 9000, Dim: 24, Queries: 20, TruthK: 5, Seed: 7}
	a, err := Clustered(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	procs := runtime.GOMAXPROCS(1)
	b, err := Clustered(context.Background(), spec)
	runtime.GOMAXPROCS(procs)
	if err != nil || !slices.Equal(a.Base, b.Base) || !slices.Equal(a.Queries, b.Queries) {
		t.Error("the set depends on the number of processors", err)
	}
	if a.Name != "clustered-9k-24" || a.Rows() != 9000 || a.NumQueries() != 20 || len(a.Truth) != 100 {
		t.Errorf("%s %d %d %d", a.Name, a.Rows(), a.NumQueries(), len(a.Truth))
	}
	spec.Seed = 8
	if c, err := Clustered(context.Background(), spec); err != nil || slices.Equal(a.Base, c.Base) {
		t.Error("another seed gives the same set", err)
	}
	// The nearest row is of the query's own cluster: far nearer than a row at large.
	near, far := 0.0, 0.0
	for q := range a.NumQueries() {
		near += math.Sqrt(a.Distance(q, int(a.Nearest(q)[0])))
		far += math.Sqrt(a.Distance(q, q))
	}
	if near > far/2 {
		t.Errorf("nearest rows at %v, others at %v: no clusters", near, far)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Clustered(ctx, spec); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
