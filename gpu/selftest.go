package gpu

import (
	"errors"
	"fmt"
	"math"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// selfTest runs every kernel on a small problem with a known answer: rows on a
// line, so that the nearest ones are known by construction. It would have caught
// every published case of kernels that answer wrongly on a new architecture.
func selfTest(s *session) error {
	for _, c := range []struct {
		elem   compute.Elem
		metric compute.Metric
	}{
		{compute.F32, compute.L2}, {compute.F32, compute.Dot}, {compute.F32, compute.Cosine},
		{compute.F16, compute.L2}, {compute.I8, compute.Dot}, // the rest of the code is shared
	} {
		if err := selfTestOf(s, c.elem, c.metric); err != nil {
			return err
		}
	}
	if s.b.o.HostBytes > 0 {
		return selfTestTiled(s)
	}
	return nil
}

func selfTestOf(s *session, elem compute.Elem, metric compute.Metric) error {
	m := newMatrix(s, compute.MatrixSpec{Rows: selfTestRows, Dim: selfTestDim, Elem: elem, Metric: metric})
	if err := s.submit(newJob(m.alloc, nil), nil); errors.Is(err, compute.ErrUnsupported) {
		return nil
	} else if err != nil {
		return err
	}
	return checkAnswers(m, []trialCase{
		{queries: 1}, {queries: 1, sampled: true}, {queries: 9, sampled: true},
		{queries: 9, sampled: true, half: m.halfStride > 0},
	})
}

// The self-test's matrices.
const selfTestDim, selfTestRows = 20, 150

// selfTestTiled is selfTestOf for rows in host memory, in four tiles; without room for
// those nothing will be searched in tiles.
func selfTestTiled(s *session) error {
	spec := compute.MatrixSpec{Rows: selfTestRows, Dim: selfTestDim, Elem: compute.F32, Metric: compute.L2}
	m := newMatrix(s, spec)
	if err := typed(m.allocTiles(40)); errors.Is(err, compute.ErrNoMemory) {
		return nil
	} else if err != nil {
		return err
	}
	defer s.forget(m.host)
	return checkAnswers(m, []trialCase{{queries: 9}, {queries: 9, sampled: true}})
}

// checkAnswers fills m, searches it and frees it.
func checkAnswers(m *matrix, cases []trialCase) error {
	const dim, rows, k = selfTestDim, selfTestRows, 5
	src := make([]float32, rows*dim)
	for r := range rows {
		angle := float64(r) * (math.Pi / 2) / rows
		src[r*dim], src[r*dim+dim-1] = float32(math.Cos(angle)), float32(math.Sin(angle))
	}
	if err := m.Write(0, src); err != nil {
		return err
	}
	for _, c := range cases {
		if err := checkAnswer(m, src, c, k); err != nil {
			return err
		}
	}
	return m.free()
}

// trialCase is a way through the kernels.
type trialCase struct {
	queries       int
	sampled, half bool
}

// left is a row that the self-test leaves out of its searches.
const left = 20

// checkAnswer searches for rows of the matrix itself: on the circle, the nearest
// rows of row r are r, then r-1 and r+1, whatever the metric. Rounding to f16 or to
// codes changes lengths by up to 2^-11 or 2^-8, which under Dot moves the best row by
// the angle whose cosine differs by as much: 4 or 13 rows.
func checkAnswer(m *matrix, src []float32, c trialCase, k int) error {
	queries := c.queries
	req := &compute.SearchRequest{
		K: k, IDs: make([]uint32, queries*k), Dist: make([]float32, queries*k),
		Skip: make([]uint64, 3),
	}
	asked := make([]int, queries)
	for q := range queries {
		asked[q] = left + 13*q
		req.Queries = append(req.Queries, src[asked[q]*m.spec.Dim:(asked[q]+1)*m.spec.Dim]...)
	}
	req.Skip[left/64] |= 1 << (left % 64)
	j := newJob(nil, nil)
	t := newTask(j, m, req)
	t.halfOnly = c.half
	if c.sampled {
		t.sampleRows = 1
	}
	j.run = t.run
	if err := m.s.submit(j, nil); err != nil {
		return err
	}
	for q, row := range asked {
		got := req.IDs[q*k : (q+1)*k]
		for i, id := range got {
			reach := k + 1 + map[compute.Elem]int{compute.F16: 4, compute.I8: 13}[m.spec.Elem]
			away := math.Abs(float64(id) - float64(row))
			first := row != left && i == 0 && m.spec.Elem == compute.F32
			if id == left || away > float64(reach) || first && away != 0 {
				return &driver.Error{
					Code: driver.Broken, Op: "self-test",
					Detail: fmt.Sprintf("element %d, metric %d, query %d of %d: rows %v around %d",
						m.spec.Elem, m.spec.Metric, q, queries, got, row),
				}
			}
		}
	}
	return nil
}
