//go:build unix

package gpu

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// TestMasksShareLaunches: queries that each leave other rows out take the launches of a
// batch that leaves the same out, in f32, on tensor cores and in tiles; a table that
// does not hold them all takes more.
func TestMasksShareLaunches(t *testing.T) {
	const rows, dim, k, words = 600, 16, 3, 10
	r := rand.New(rand.NewPCG(6, 6))
	data := clustered(r, rows, dim, 0, 1)
	launches := func(o Options, queries int, masked, tiled bool) int {
		t.Helper()
		f := new(emu.Faults)
		o.Lanes, o.SampleRows, o.ListKeys = 1, 64, 1024
		b := emulated(t, o, emu.Options{Faults: f})
		defer b.Close()
		make1 := b.NewMatrix
		if tiled {
			make1 = b.NewTiled
		}
		m, err := make1(compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.Dot})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Write(0, data); err != nil {
			t.Fatal(err)
		}
		req := compute.SearchRequest{Queries: clustered(r, queries, dim, 0, 1), K: k,
			IDs: make([]uint32, queries*k), Dist: make([]float32, queries*k)}
		for range queries {
			mask := make([]uint64, words)
			for i := range mask {
				mask[i] = r.Uint64()
			}
			if masked {
				req.Skips = append(req.Skips, mask)
			}
		}
		before := f.Seen(emu.Launching)
		if err := b.Search(context.Background(), m, &req); err != nil {
			t.Fatal(err)
		}
		return f.Seen(emu.Launching) - before
	}
	full, half := Options{HalfQueries: -1}, Options{HalfQueries: 2, HalfRows: 1}
	tiles := Options{HostBytes: 1 << 20, TileBytes: 300 * dim * 4}
	for _, c := range []struct {
		name    string
		o       Options
		queries int
		tiled   bool
	}{
		{"one query", full, 1, false}, {"f32", full, 20, false},
		{"tensor cores", half, 20, false}, {"tiles", tiles, 20, true},
	} {
		want, got := launches(c.o, c.queries, false, c.tiled), launches(c.o, c.queries, true, c.tiled)
		if want != got || want > 10 {
			t.Errorf("%s: %d launches for %d queries, %d with a bitmap each", c.name, want, c.queries, got)
		}
	}
	full.MaskBytes = 5 * words * 8
	if one, got := launches(full, 5, true, false), launches(full, 20, true, false); got != 4*one {
		t.Errorf("%d launches for 20 bitmaps of which a table holds 5, %d for one table", got, one)
	}
}
