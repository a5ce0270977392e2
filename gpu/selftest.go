package gpu

import (
	"fmt"
	"math"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// selfTest runs every kernel on a small problem with a known answer: rows on a
// line, so that the nearest ones are known by construction. It would have caught
// every published case of kernels that answer wrongly on a new architecture.
func selfTest(s *session) error {
	const dim, rows, k = 20, 150, 5
	for _, metric := range []compute.Metric{compute.L2, compute.Dot, compute.Cosine} {
		spec := compute.MatrixSpec{Rows: rows, Dim: dim, Elem: compute.F32, Metric: metric}
		m := newMatrix(s, spec)
		if err := s.submit(newJob(m.alloc, nil), nil); err != nil {
			return err
		}
		src := make([]float32, rows*dim)
		for r := range rows {
			angle := float64(r) * (math.Pi / 2) / rows
			src[r*dim], src[r*dim+dim-1] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
		if err := m.Write(0, src); err != nil {
			return err
		}
		for _, c := range []trialCase{
			{queries: 1}, {queries: 1, sampled: true}, {queries: 9, sampled: true},
			{queries: 9, sampled: true, half: m.halfStride > 0},
		} {
			if err := checkAnswer(m, src, c, k); err != nil {
				return err
			}
		}
		if err := m.free(); err != nil {
			return err
		}
	}
	return nil
}

// trialCase is a way through the kernels.
type trialCase struct {
	queries       int
	sampled, half bool
}

// left is a row that the self-test leaves out of its searches.
const left = 20

// checkAnswer searches for rows of the matrix itself: on the circle, the nearest
// rows of row r are r, then r-1 and r+1, whatever the metric.
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
			away := math.Abs(float64(id) - float64(row))
			first := row != left && i == 0
			if id == left || away > float64(k+1) || first && away != 0 {
				return &driver.Error{
					Code: driver.Broken, Op: "self-test",
					Detail: fmt.Sprintf("metric %d, query %d of %d: rows %v around %d",
						m.spec.Metric, q, queries, got, row),
				}
			}
		}
	}
	return nil
}
