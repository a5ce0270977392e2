package computetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Reference is a scalar backend: one goroutine, float64 sums, no cleverness. It
// is what other backends are compared with, and a stand-in in tests that need a
// backend.
type Reference struct{}

var (
	_ compute.Backend    = Reference{}
	_ compute.HostMatrix = Reference{}
)

// Info describes the reference.
func (Reference) Info() compute.Info {
	return compute.Info{Name: "reference", BatchRows: 1, Exact: true}
}

// Close does nothing.
func (Reference) Close() error { return nil }

// Slow is the reference on a host that takes its time: for tests of who is chosen.
type Slow struct {
	Reference
	PerComponent time.Duration // of a row, for each query
}

// SearchHost is the reference's, later.
func (s Slow) SearchHost(ctx context.Context, h compute.HostRows, req *compute.SearchRequest) error {
	s.wait(len(h.Rows)/max(h.Stride, 1), len(req.Queries))
	return s.Reference.SearchHost(ctx, h, req)
}

// Search is the reference's, later.
func (s Slow) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	s.wait(m.Len(), len(req.Queries))
	return s.Reference.Search(ctx, m, req)
}

func (s Slow) wait(rows, floats int) {
	<-time.After(time.Duration(rows) * time.Duration(floats) * s.PerComponent)
}

// NewMatrix makes a matrix in host memory that grows as it is written.
func (Reference) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) {
	if s.Rows < 1 || s.Elem < compute.F32 || s.Elem > compute.I8 || !validShape(s.Dim, s.Metric) {
		return nil, fmt.Errorf("%w: %+v", compute.ErrUnsupported, s)
	}
	if float64(s.Rows)*float64(s.Dim) > maxComponents {
		return nil, fmt.Errorf("%w: %+v", compute.ErrNoMemory, s)
	}
	return &refMatrix{spec: s}, nil
}

// maxComponents bounds a reference matrix; tests need far less.
const maxComponents = 1 << 32

func validShape(dim int, m compute.Metric) bool {
	return dim >= 1 && dim <= compute.MaxDim && m >= compute.L2 && m <= compute.Cosine
}

// refMatrix holds the stored values, widened to float32.
type refMatrix struct {
	spec compute.MatrixSpec
	mu   sync.RWMutex // guards: rows
	rows []float32
}

func (m *refMatrix) Write(row int, src []float32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dim := m.spec.Dim
	n := len(src) / dim
	if len(src)%dim != 0 || row < 0 || row > len(m.rows)/dim || n > m.spec.Rows-row {
		panic(fmt.Sprintf("BUG: computetest: write of %d floats at row %d", len(src), row))
	}
	if need := (row + n) * dim; need > len(m.rows) {
		m.rows = append(m.rows, make([]float32, need-len(m.rows))...)
	}
	for i := range n {
		Stored(m.rows[(row+i)*dim:(row+i+1)*dim], src[i*dim:(i+1)*dim], m.spec)
	}
	return nil
}

func (m *refMatrix) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.rows) / m.spec.Dim
}

func (m *refMatrix) SizeBytes() uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return uint64(len(m.rows)) * 4
}

func (m *refMatrix) Close() error { return nil }

// Stored writes to dst what a matrix of spec s holds for the row v: normalised
// under cosine, rounded to the element type.
func Stored(dst, v []float32, s compute.MatrixSpec) {
	copy(dst, v)
	if s.Metric == compute.Cosine {
		normalize(dst)
	}
	switch s.Elem {
	case compute.F16:
		for i, x := range dst {
			dst[i] = roundF16(x)
		}
	case compute.I8:
		roundI8(dst)
	}
}

func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	for i, x := range v {
		v[i] = float32(float64(x) / math.Sqrt(sum))
	}
}

// roundF16 rounds to a multiple of the unit in the last place of binary16: 2^-10
// of the leading power of two, and never below 2^-24.
func roundF16(x float32) float32 {
	if x == 0 {
		return x
	}
	unit := math.Ldexp(1, max(math.Ilogb(float64(x)), -14)-10)
	r := math.RoundToEven(float64(x)/unit) * unit
	if math.Abs(r) > 65504 {
		return float32(math.Inf(int(math.Copysign(1, r))))
	}
	return float32(r)
}

func roundI8(v []float32) {
	var top float64
	for _, x := range v {
		top = max(top, math.Abs(float64(x)))
	}
	for i, x := range v {
		if top > 0 {
			v[i] = float32(math.RoundToEven(float64(x)*127/top)) * float32(top/127)
		}
	}
}

// Search scores every query against every row.
func (Reference) Search(ctx context.Context, m compute.Matrix, req *compute.SearchRequest) error {
	r, ok := m.(*refMatrix)
	if !ok {
		return fmt.Errorf("%w: matrix %T", compute.ErrUnsupported, m)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	h := compute.HostRows{Rows: r.rows, Dim: r.spec.Dim, Stride: r.spec.Dim, Metric: r.spec.Metric}
	return Reference{}.SearchHost(ctx, h, req)
}

// SearchHost scores every query against the rows of h.
func (Reference) SearchHost(ctx context.Context, h compute.HostRows, req *compute.SearchRequest) error {
	if !validShape(h.Dim, h.Metric) {
		return fmt.Errorf("%w: %d components, metric %d", compute.ErrUnsupported, h.Dim, h.Metric)
	}
	n := len(req.Queries) / h.Dim
	if req.K < 1 || req.K > compute.MaxK || len(req.Queries) != n*h.Dim ||
		len(req.IDs) != n*req.K || len(req.Dist) != n*req.K || h.Stride < h.Dim ||
		req.Skips != nil && len(req.Skips) != n {
		panic("BUG: computetest: request does not fit")
	}
	for q := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		out := q * req.K
		skip := req.Skip
		if req.Skips != nil && req.Skips[q] != nil {
			skip = padded(req.Skips[q], h)
		}
		best(h, req.Queries[q*h.Dim:(q+1)*h.Dim], skip,
			req.IDs[out:out+req.K], req.Dist[out:out+req.K])
	}
	return ctx.Err()
}

// padded is a query's bitmap with the rows of h beyond it.
func padded(mask []uint64, h compute.HostRows) []uint64 {
	out := slices.Clone(mask)
	for len(out)*64*h.Stride < len(h.Rows)+h.Stride {
		out = append(out, ^uint64(0))
	}
	return out
}

// hit is one row with its distance.
type hit struct {
	row  uint32
	dist float64
}

// best fills ids and dist for one query.
func best(h compute.HostRows, q []float32, skip []uint64, ids []uint32, dist []float32) {
	all := scored(h, q, skip)
	for i := range ids {
		ids[i], dist[i] = compute.NoRow, float32(math.Inf(1))
		if i < len(all) {
			ids[i], dist[i] = all[i].row, float32(all[i].dist)
		}
	}
}

// scored returns every row that may be a result, best first, ties (as float32)
// by row.
func scored(h compute.HostRows, q []float32, skip []uint64) []hit {
	var all []hit
	for _, row := range eligible(h, skip) {
		v := h.Rows[int(row)*h.Stride : int(row)*h.Stride+h.Dim]
		all = append(all, hit{row, Distance(h.Metric, q, v)})
	}
	slices.SortFunc(all, func(a, b hit) int {
		x, y := float32(a.dist), float32(b.dist)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(a.row) - int(b.row)
	})
	return all
}

// eligible lists the rows of h that skip does not exclude, ascending.
func eligible(h compute.HostRows, skip []uint64) []uint32 {
	rows := h.Subset
	if rows == nil {
		for i := range (len(h.Rows) + h.Stride - h.Dim) / h.Stride {
			rows = append(rows, uint32(i))
		}
	}
	var out []uint32
	for _, row := range rows {
		if w := int(row / 64); w >= len(skip) || skip[w]>>(row%64)&1 == 0 {
			out = append(out, row)
		}
	}
	return out
}

// Distance is the metric's definition, smaller is better. Cosine expects unit
// vectors, as compute does. It is left out of race builds' instrumentation, which
// would make the suite take minutes; its callers are not.
//
//go:norace
func Distance(m compute.Metric, q, v []float32) float64 {
	var dot, squares float64
	for i := range q {
		d := float64(q[i]) - float64(v[i])
		squares += d * d
		dot += float64(q[i]) * float64(v[i])
	}
	switch m {
	case compute.L2:
		return squares
	case compute.Dot:
		return -dot
	}
	return 1 - dot
}
