package computetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Run checks that open's backend keeps the contract of compute.Backend. open is
// called once per subtest; the suite closes what it returns.
func Run(t *testing.T, open func(t *testing.T) compute.Backend) {
	t.Helper()
	with := func(f func(t *testing.T, b compute.Backend)) func(*testing.T) {
		return func(t *testing.T) {
			b := open(t)
			f(t, b)
			if err := b.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
		}
	}
	t.Run("info", with(testInfo))
	t.Run("results", with(testResults))
	t.Run("skip", with(testSkip))
	t.Run("skips", with(testSkips))
	t.Run("wants", with(testWants))
	t.Run("ties", with(testTies))
	t.Run("large values", with(testLargeValues))
	t.Run("replace", with(testReplace))
	t.Run("grow beside search", with(testGrow))
	t.Run("replace beside search", with(testTorn))
	t.Run("concurrent searches", with(testConcurrent))
	t.Run("cancelled", with(testCancelled))
	t.Run("hostile shapes", with(testHostile))
	t.Run("bad requests", with(testBadRequests))
	t.Run("host rows", with(testHostRows))
}

var (
	metrics = []compute.Metric{compute.L2, compute.Dot, compute.Cosine}
	elems   = []compute.Elem{compute.F32, compute.F16, compute.I8}
)

func testInfo(t *testing.T, b compute.Backend) {
	if i := b.Info(); i.Name == "" || i.BatchRows < 1 {
		t.Fatalf("Info() = %+v: a name and BatchRows >= 1 are needed", i)
	}
}

// filled makes a matrix holding rows, and the host block of what it stores. It
// returns a nil matrix when the backend does not support s, which only F32 must.
func filled(t *testing.T, b compute.Backend, s compute.MatrixSpec, rows []float32) (compute.Matrix, compute.HostRows) {
	t.Helper()
	m, err := b.NewMatrix(s)
	if errors.Is(err, compute.ErrUnsupported) && s.Elem != compute.F32 {
		t.Logf("not supported by %s: %+v", b.Info().Name, s)
		return nil, compute.HostRows{}
	}
	if err != nil {
		t.Fatalf("NewMatrix(%+v): %v", s, err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Matrix.Close: %v", err)
		}
	})
	write(t, m, 0, rows)
	h := compute.HostRows{Rows: make([]float32, len(rows)), Dim: s.Dim, Stride: s.Dim, Metric: s.Metric}
	for at := 0; at < len(rows); at += s.Dim {
		Stored(h.Rows[at:at+s.Dim], rows[at:at+s.Dim], s)
	}
	if got, want := m.Len(), len(rows)/s.Dim; got != want {
		t.Fatalf("Len() = %d after writing %d rows", got, want)
	}
	if want := uint64(len(rows)); m.SizeBytes() < want {
		t.Fatalf("SizeBytes() = %d for %d components", m.SizeBytes(), want)
	}
	return m, h
}

func write(t *testing.T, m compute.Matrix, row int, src []float32) {
	t.Helper()
	if err := m.Write(row, src); err != nil {
		t.Fatalf("Write(%d, %d floats): %v", row, len(src), err)
	}
}

func search(t *testing.T, b compute.Backend, m compute.Matrix, req *compute.SearchRequest) {
	t.Helper()
	if err := b.Search(context.Background(), m, req); err != nil {
		t.Fatalf("Search: %v", err)
	}
}

// vectors returns n random vectors; queries under cosine have unit length.
func vectors(r *rand.Rand, n, dim int) []float32 {
	v := make([]float32, n*dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func queries(r *rand.Rand, n, dim int, m compute.Metric) []float32 {
	q := vectors(r, n, dim)
	if m == compute.Cosine {
		for i := range n {
			normalize(q[i*dim : (i+1)*dim])
		}
	}
	return q
}

// shapes cover one of everything, sizes around vector widths and blocks, more
// results than rows, and the largest K.
var shapes = []struct{ rows, dim, queries, k int }{
	{1, 1, 1, 1}, {1, 3, 2, 5}, {3, 2, 4, 3}, {7, 17, 5, 10}, {64, 64, 1, 10},
	{255, 31, 3, 1}, {241, 33, 4, 7}, {250, 128, 65, 10}, {700, 257, 5, 100},
	{100, 5, 130, 3}, {1500, 8, 1, compute.MaxK}, {100, 8, 2, compute.MaxK},
	{2000, 96, 6, 20}, {5, 4096, 6, 2}, {2, compute.MaxDim, 5, 2},
}

func testResults(t *testing.T, b compute.Backend) {
	for _, s := range shapes {
		for _, metric := range metrics {
			for _, elem := range elems {
				t.Run(fmt.Sprintf("%d rows of %d, %d queries, k %d, metric %d, elem %d",
					s.rows, s.dim, s.queries, s.k, metric, elem), func(t *testing.T) {
					r := rand.New(rand.NewPCG(uint64(s.rows), uint64(s.dim)))
					spec := compute.MatrixSpec{Rows: s.rows + 3, Dim: s.dim, Elem: elem, Metric: metric}
					m, h := filled(t, b, spec, vectors(r, s.rows, s.dim))
					if m == nil {
						return
					}
					req := newRequest(t, queries(r, s.queries, s.dim, metric), s.dim, s.k, nil)
					search(t, b, m, req)
					checkResults(t, h, elem, req)
				})
			}
		}
	}
}
