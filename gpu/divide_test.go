//go:build unix

package gpu

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// TestLargeKLeavesTheRest: of a batch only the queries of large k leave tensor cores, in
// one set of launches for all of them; a batch of nothing else is that one set, and too
// few others for tensor cores go along.
func TestLargeKLeavesTheRest(t *testing.T) {
	const rows, dim, most = 1500, 16, 400
	r := rand.New(rand.NewPCG(8, 8))
	all := clustered(r, rows+64, dim, 0, 1)
	f := new(emu.Faults)
	b := emulated(t, Options{Lanes: 1, ListKeys: 2048, SampleRows: 300, HalfRows: 1000}, emu.Options{Faults: f})
	defer b.Close()
	m, err := b.NewMatrix(compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: compute.L2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Write(0, all[:rows*dim]); err != nil {
		t.Fatal(err)
	}
	// search has the first queries want few results and the rest many.
	search := func(few, many int) (launches int, cores int64) {
		t.Helper()
		n := few + many
		req := compute.SearchRequest{Queries: all[rows*dim : (rows+n)*dim], K: most,
			IDs: make([]uint32, n*most), Dist: make([]float32, n*most)}
		for q := range n {
			req.Ks = append(req.Ks, 10)
			if q >= few {
				req.Ks[q] = most - q
			}
		}
		r.Shuffle(n, func(i, j int) { req.Ks[i], req.Ks[j] = req.Ks[j], req.Ks[i] })
		if few == 0 {
			req.Ks[0] = most
		}
		stats := &b.stats
		launches, cores = f.Seen(emu.Launching), stats.halfQueries.Load()+stats.halfLeft.Load()
		left := stats.halfLeft.Load()
		if err := b.Search(context.Background(), m, &req); err != nil {
			t.Fatal(err)
		}
		if stats.halfLeft.Load() != left {
			t.Fatalf("bounds overlapped: the launches mean nothing")
		}
		return f.Seen(emu.Launching) - launches, stats.halfQueries.Load() + stats.halfLeft.Load() - cores
	}
	onCores, cores := search(63, 0)
	inFull, none := search(0, 63)
	if cores != 63 || none != 0 || onCores > 6 || inFull > 6 {
		t.Fatalf("%d launches and %d queries on tensor cores, %d and %d for large k", onCores, cores, inFull, none)
	}
	expect := func(few, many, wantLaunches int, wantCores int64) {
		t.Helper()
		if launches, cores := search(few, many); launches != wantLaunches || cores != wantCores {
			t.Errorf("%d queries of small k and %d of large: %d launches, %d on tensor cores, want %d, %d",
				few, many, launches, cores, wantLaunches, wantCores)
		}
	}
	expect(63, 1, onCores+inFull, 63)
	expect(40, 24, onCores+inFull, 40)
	expect(8, 30, inFull, 0)
}
