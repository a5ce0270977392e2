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

func TestGenerate(t *testing.T) {
	s, ok, err := Generate(context.Background(), "clustered-2k-16")
	if err != nil || !ok || s.Name != "clustered-2k-16" || s.Rows() != 2000 || s.Dim != 16 ||
		s.NumQueries() != namedQueries || s.TruthK != namedTruthK {
		t.Errorf("%+v %v %v", s, ok, err)
	}
	for _, name := range []string{"clustered-5-16", "clustered-1k-0", "clustered-999999999m-4", "clustered-1k-99999"} {
		if _, ok, err := Generate(context.Background(), name); !ok || err == nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
	if _, ok, err := Generate(context.Background(), "mnist-784"); ok || err != nil {
		t.Error(ok, err)
	}
}
