package hnsw

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// randomSet is rows Gaussian vectors with queries, and the truth.
func randomSet(tb testing.TB, rows, queries, dim int) *indextest.Set {
	r := rand.New(rand.NewPCG(11, 12))
	set := &indextest.Set{Name: "gauss", Metric: compute.L2, Dim: dim, Truth: make([][]uint32, queries)}
	for range rows {
		set.Base = append(set.Base, gauss(r, dim))
	}
	for range queries {
		set.Queries = append(set.Queries, gauss(r, dim))
	}
	exactTruth(tb, set)
	return set
}

// TestSmallMovesKeepTheGraph moves all rows in twenty rounds, and then a tenth of
// them in twenty more: the graph stays as good as one that is built of the vectors
// as they are then.
func TestSmallMovesKeepTheGraph(t *testing.T) {
	const rows, loss = 3000, 0.01
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	for _, kind := range []codes.Kind{codes.None, codes.SQ8} {
		cfg := Config{M: 8, EfConstruction: 100, Quantization: kind, TrainRows: 500}
		set := randomSet(t, rows, 200, 16)
		x := build(t, set, cfg)
		d := newDrifter(set, x, 5)
		at := make([]int, rows)
		for i := range at {
			at[i] = i
		}
		for _, part := range []int{rows, rows / 10} {
			before, moving := x.near.Load(), d.r.Perm(rows)[:part]
			for range rounds {
				for _, row := range moving {
					if err := x.Put(uint32(row), d.move(row, 0.1)); err != nil {
						t.Fatal(err)
					}
				}
				x.Wait()
			}
			if near := x.near.Load() - before; near < int64(rounds*part*8/10) {
				t.Errorf("%v: %d of %d small moves were linked from where they were", kind, near, rounds*part)
			}
			exactTruth(t, set)
			got, want := recallAt(set, x, at, 32), recallAt(set, build(t, set, cfg), at, 32)
			if got < want-loss {
				t.Errorf("%v: recall %.4f after %d rounds of %d rows, %.4f of a fresh build", kind, got, rounds,
					part, want)
			}
			if lost, wrong := reachable(x); lost > 0 || wrong > 0 {
				t.Errorf("%v: %d rows unreachable, %d miscounted", kind, lost, wrong)
			}
		}
	}
}

// TestFarMovesAreFar gives rows the vectors of others: hardly one is taken for a
// small move.
func TestFarMovesAreFar(t *testing.T) {
	const rows, moved = 3000, 300
	set := randomSet(t, rows, 1, 16)
	x := build(t, set, Config{M: 8, EfConstruction: 100})
	for row := range uint32(moved) {
		if err := x.Put(row, set.Base[(row+rows/2)%rows]); err != nil {
			t.Fatal(err)
		}
		x.Wait()
	}
	if n := x.near.Load(); n > moved/10 {
		t.Fatalf("%d of %d far moves were taken for small ones", n, moved)
	}
}

// TestSameVectorIsNotLinkedAgain puts what is there: only the epoch moves.
func TestSameVectorIsNotLinkedAgain(t *testing.T) {
	x, _ := randomIndex(t, 500, 8)
	before := slices.Clone(x.mem.Load().link)
	for row := range uint32(500) {
		epoch := x.Epoch()
		if err := x.Put(row, slices.Clone(x.Vector(row))); err != nil {
			t.Fatal(err)
		}
		if x.Pending() != 0 {
			t.Fatalf("row %d waits to be linked where it is", row)
		}
		if !x.ChangedSince(row, epoch) {
			t.Fatalf("row %d does not count as changed", row)
		}
	}
	x.Wait()
	if !slices.Equal(before, x.mem.Load().link) {
		t.Fatal("links changed")
	}
}

// BenchmarkUpdate is the cost of one update with everything that it causes, by how
// far the vector moves, beside what it is compared with.
func BenchmarkUpdate(b *testing.B) {
	const rows, dim = 20000, 64
	set := randomSet(b, rows, 1, dim)
	for _, move := range []struct {
		name string
		next func(d *drifter, i int) []float32
	}{
		{"Same", func(d *drifter, i int) []float32 { return d.set.Base[i%rows] }},
		{"Small", func(d *drifter, i int) []float32 { return d.move(i%rows, 0.1) }},
		{"Far", func(d *drifter, i int) []float32 { return d.set.Base[(i+rows/2+i/rows)%rows] }},
	} {
		b.Run(move.name, func(b *testing.B) {
			own := *set
			own.Base = slices.Clone(set.Base)
			x := build(b, &own, Config{Quantization: codes.Auto})
			d := newDrifter(&own, x, 1)
			b.ResetTimer()
			for i := range b.N {
				if err := x.Put(uint32(i%rows), move.next(d, i)); err != nil {
					b.Fatal(err)
				}
			}
			x.Wait()
		})
	}
}
