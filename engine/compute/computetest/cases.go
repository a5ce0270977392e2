package computetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// foreign is a matrix that no backend made.
type foreign struct{}

func (foreign) Write(int, []float32) error { return nil }
func (foreign) Len() int                   { return 0 }
func (foreign) SizeBytes() uint64          { return 0 }
func (foreign) Close() error               { return nil }

func f32Spec(rows, dim int, m compute.Metric) compute.MatrixSpec {
	return compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: m}
}

// testSkip excludes nothing, single rows, half, all, with bitmaps shorter and
// longer than the rows.
func testSkip(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(21, 21))
	const rows, dim = 700, 24
	for _, metric := range metrics {
		m, h := filled(t, b, f32Spec(rows, dim, metric), vectors(r, rows, dim))
		half, most, few := make([]uint64, rows/64+1), make([]uint64, 6), make([]uint64, 11)
		for i := range half {
			half[i] = r.Uint64()
		}
		for i := range most {
			most[i] = ^(r.Uint64() & r.Uint64() & r.Uint64() & r.Uint64())
		}
		for i := range few {
			few[i] = r.Uint64() & r.Uint64() & r.Uint64()
		}
		for _, skip := range [][]uint64{
			nil, {}, {1}, {^uint64(0)}, half, half[:4], most, few,
			slices.Repeat([]uint64{^uint64(0)}, rows/64), slices.Repeat([]uint64{^uint64(0)}, 40),
		} {
			for _, n := range []int{2, 5} {
				req := newRequest(t, queries(r, n, dim, metric), dim, 20, skip)
				search(t, b, m, req)
				checkResults(t, h, compute.F32, req)
			}
		}
	}
}

// testSkips gives queries of one batch bitmaps of their own: one row, few, most, all, a
// prefix, a bitmap that several share, and none, in which case the batch's counts.
func testSkips(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(31, 31))
	const rows, dim, words = 700, 24, 11
	random := func(f func() uint64) []uint64 {
		m := make([]uint64, words)
		for i := range m {
			m[i] = f()
		}
		return m
	}
	one := random(func() uint64 { return ^uint64(0) })
	one[5] = ^uint64(1 << 17)
	few := random(func() uint64 { return r.Uint64() | r.Uint64() | r.Uint64() | r.Uint64() })
	half, shared := random(r.Uint64), random(r.Uint64)
	masks := [][]uint64{nil, one, few, few, half, nil, half[:4], {}, shared, shared, shared, make([]uint64, words),
		random(func() uint64 { return ^uint64(0) })}
	for _, metric := range metrics {
		for _, elem := range elems {
			spec := compute.MatrixSpec{Rows: rows + 80, Dim: dim, Elem: elem, Metric: metric}
			m, h := filled(t, b, spec, vectors(r, rows, dim))
			if m == nil {
				continue
			}
			for i, which := range [][][]uint64{masks, masks[1:2], masks[:2], slices.Repeat(masks[4:5], 9),
				slices.Repeat(masks, 11)} {
				if i > 0 && (metric != compute.L2 || elem != compute.F32) {
					continue // what is left has nothing to do with those
				}
				req := newRequest(t, queries(r, len(which), dim, metric), dim, 12, [][]uint64{half, nil, {0xffff}}[i%3])
				req.Skips = which
				search(t, b, m, req)
				checkResults(t, h, elem, req)
			}
		}
	}
}

// testTies fills the matrix with copies of a few rows: within equal distances
// the smallest rows must be returned, in order.
func testTies(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(22, 22))
	const rows, dim, kinds = 900, 12, 3
	base := vectors(r, kinds, dim)
	all := make([]float32, 0, rows*dim)
	for i := range rows {
		all = append(all, base[i%kinds*dim:(i%kinds+1)*dim]...)
	}
	for _, metric := range metrics {
		m, h := filled(t, b, f32Spec(rows, dim, metric), all)
		q := queries(r, 4, dim, metric)
		for _, k := range []int{1, 10, 299, 301} {
			req := newRequest(t, q, dim, k, nil)
			search(t, b, m, req)
			for i := range 4 {
				want := scored(h, q[i*dim:(i+1)*dim], nil)
				for j, got := range req.IDs[i*k : (i+1)*k] {
					if got != want[j].row {
						t.Fatalf("metric %d query %d k %d slot %d: row %d, want %d",
							metric, i, k, j, got, want[j].row)
					}
				}
			}
		}
	}
}

// testLargeValues searches rows far from the origin and close to each other: a
// distance expanded into norms would lose all its digits.
func testLargeValues(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(23, 23))
	const rows, dim = 300, 40
	v := vectors(r, rows+5, dim)
	for i := range v {
		v[i] = v[i]*0.5 + 1000
	}
	m, h := filled(t, b, f32Spec(rows, dim, compute.L2), v[:rows*dim])
	req := newRequest(t, v[rows*dim:], dim, 10, nil)
	search(t, b, m, req)
	checkResults(t, h, compute.F32, req)
}

// testReplace writes over rows and appends in pieces; later searches see it.
func testReplace(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(24, 24))
	const rows, dim = 200, 16
	for _, metric := range metrics {
		m, h := filled(t, b, f32Spec(rows, dim, metric), vectors(r, 50, dim))
		all := h.Rows
		for _, at := range []int{0, 49, 10, 45, 60} {
			v := vectors(r, 15, dim)
			if at > m.Len() {
				at = m.Len()
			}
			write(t, m, at, v)
			if need := (at + 15) * dim; need > len(all) {
				all = append(all, make([]float32, need-len(all))...)
			}
			for i := range 15 {
				Stored(all[(at+i)*dim:(at+i+1)*dim], v[i*dim:(i+1)*dim], f32Spec(rows, dim, metric))
			}
			h.Rows = all
			req := newRequest(t, queries(r, 3, dim, metric), dim, 12, nil)
			search(t, b, m, req)
			checkResults(t, h, compute.F32, req)
		}
		if err := m.Write(m.Len(), nil); err != nil {
			t.Fatalf("writing no rows: %v", err)
		}
	}
}

// testCancelled: a context that is done before the call gives its error, and the
// backend goes on working.
func testCancelled(t *testing.T, b compute.Backend) {
	r := rand.New(rand.NewPCG(25, 25))
	m, h := filled(t, b, f32Spec(100, 8, compute.L2), vectors(r, 100, 8))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	req := newRequest(t, queries(r, 3, 8, compute.L2), 8, 4, nil)
	if err := b.Search(ctx, m, req); !errors.Is(err, context.Canceled) {
		t.Fatalf("Search under a cancelled context: %v, want context.Canceled", err)
	}
	search(t, b, m, req)
	checkResults(t, h, compute.F32, req)
}

// testHostile: shapes outside the contract are refused with ErrUnsupported.
func testHostile(t *testing.T, b compute.Backend) {
	for _, s := range []compute.MatrixSpec{
		{}, f32Spec(0, 8, compute.L2), f32Spec(-1, 8, compute.L2),
		f32Spec(10, 0, compute.L2), f32Spec(10, -8, compute.L2),
		f32Spec(10, compute.MaxDim+1, compute.L2), f32Spec(10, 8, 0), f32Spec(10, 8, 99),
		{Rows: 10, Dim: 8, Elem: 0, Metric: compute.L2}, {Rows: 10, Dim: 8, Elem: 77, Metric: compute.L2},
	} {
		if m, err := b.NewMatrix(s); !errors.Is(err, compute.ErrUnsupported) || m != nil {
			t.Errorf("NewMatrix(%+v) = %v, %v, want ErrUnsupported", s, m, err)
		}
	}
	huge := f32Spec(1<<31-1, compute.MaxDim, compute.L2)
	if _, err := b.NewMatrix(huge); !errors.Is(err, compute.ErrNoMemory) && !errors.Is(err, compute.ErrUnsupported) {
		t.Errorf("NewMatrix(%+v): %v, want ErrNoMemory or ErrUnsupported", huge, err)
	}
	req := newRequest(t, make([]float32, 8), 8, 1, nil)
	if err := b.Search(context.Background(), foreign{}, req); !errors.Is(err, compute.ErrUnsupported) {
		t.Errorf("Search of a foreign matrix: %v, want ErrUnsupported", err)
	}
	m, _ := filled(t, b, f32Spec(4, 8, compute.L2), nil)
	req = newRequest(t, make([]float32, 16), 8, 3, nil)
	search(t, b, m, req)
	checkResults(t, compute.HostRows{Dim: 8, Stride: 8, Metric: compute.L2}, compute.F32, req)
	req = newRequest(t, nil, 8, 3, nil)
	search(t, b, m, req) // no queries: nothing to do
}

// testBadRequests: slices that do not fit are a programmer's error.
func testBadRequests(t *testing.T, b compute.Backend) {
	m, _ := filled(t, b, f32Spec(4, 8, compute.L2), make([]float32, 16))
	f := func(what string, call func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", what)
			}
		}()
		call()
	}
	send := func(floats, k, ids, dist int) func() {
		return func() {
			_ = b.Search(context.Background(), m, &compute.SearchRequest{
				Queries: make([]float32, floats), K: k,
				IDs: make([]uint32, ids), Dist: make([]float32, dist),
			})
		}
	}
	f("no results wanted", send(8, 0, 0, 0))
	f("too many results", send(8, compute.MaxK+1, compute.MaxK+1, compute.MaxK+1))
	f("half a query", send(12, 2, 2, 2))
	f("too few ids", send(16, 2, 3, 4))
	f("too few distances", send(16, 2, 4, 3))
	f("too few bitmaps", func() {
		_ = b.Search(context.Background(), m, &compute.SearchRequest{Queries: make([]float32, 16), K: 1,
			Skips: make([][]uint64, 1), IDs: make([]uint32, 2), Dist: make([]float32, 2)})
	})
	f("half a row", func() { _ = m.Write(0, make([]float32, 9)) })
	f("a gap", func() { _ = m.Write(3, make([]float32, 8)) })
	f("a negative row", func() { _ = m.Write(-1, make([]float32, 8)) })
	f("over capacity", func() { _ = m.Write(2, make([]float32, 24)) })
}
