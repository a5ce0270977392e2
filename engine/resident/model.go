package resident

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Model predicts the time of an exact search as
//
//	Fixed + rows*dim*(Scan + queries*Op)
//
// where Scan is the share of reading the rows once and Op that of one query's
// arithmetic. It is fitted to three measurements on the machine at hand, of a device to a
// fourth for the bitmaps of filtered searches, which Masks predicts.
type Model struct {
	Fixed float64 // seconds
	Scan  float64 // seconds per component of a row
	Op    float64 // seconds per component of a row and query
	Mask  float64 // seconds per row and query that has a bitmap of its own
}

// Predict is the time of a search of queries over rows of dim components.
func (m Model) Predict(rows, dim, queries int) time.Duration {
	s := m.Fixed + float64(rows)*float64(dim)*(m.Scan+float64(queries)*m.Op)
	return time.Duration(s * float64(time.Second))
}

// Masks is what bitmaps of their own add to a search of queries over rows: a bit a row and
// query has to reach the device.
func (m Model) Masks(rows, queries int) time.Duration {
	return time.Duration(m.Mask * float64(rows) * float64(queries) * float64(time.Second))
}

// What a measurement searches: rows of measureDim components, as many as take
// long enough to be told from noise, but not more memory than a card has to spare.
const (
	measureDim     = 128
	measureRowsMin = 1 << 11
	measureRowsMax = 1 << 18 // 128 MiB
	measureQueries = 64
	measureEnough  = 2 * time.Millisecond
)

// Measure fits a model to b, by searches for one and for some queries, the latter with
// bitmaps too if masks says so, within about budget.
func Measure(b compute.Backend, queries int, budget time.Duration, masks bool) (Model, error) {
	deadline := time.Now().Add(budget)
	fixed, err := timeSearch(b, 32, 1, false)
	if err != nil {
		return Model{}, err
	}
	for rows := measureRowsMin; ; rows *= 4 {
		one, err := timeSearch(b, rows, 1, false)
		if err != nil {
			return Model{}, err
		}
		if 4*rows <= measureRowsMax && one < measureEnough && time.Now().Before(deadline) {
			continue
		}
		if one > measureEnough { // a slow backend shows it with fewer
			queries = max(2, min(queries, max(measureQueries/8, int(4*budget/one))))
		}
		many, err := timeSearch(b, rows, queries, false)
		if err != nil {
			return Model{}, err
		}
		masked := many
		if masks {
			if masked, err = timeSearch(b, rows, queries, true); err != nil {
				return Model{}, err
			}
		}
		size := float64(rows) * measureDim
		m := Model{Fixed: fixed.Seconds(), Mask: max(0, (masked-many).Seconds()/float64(rows*queries))}
		m.Op = max(0, (many-one).Seconds()/float64(queries-1)/size)
		m.Scan = max(0, (one-fixed).Seconds()/size-m.Op)
		return m, nil
	}
}

// timeSearch is the least of three times of one search.
func timeSearch(b compute.Backend, rows, queries int, masked bool) (time.Duration, error) {
	m, err := b.NewMatrix(compute.MatrixSpec{Rows: rows, Dim: measureDim, Elem: compute.F32, Metric: compute.L2})
	if err != nil {
		return 0, err
	}
	defer func() { _ = m.Close() }()
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // data to measure with
	const k = 10
	block := make([]float32, min(rows, measureRowsMin)*measureDim)
	for i := range block {
		block[i] = r.Float32()
	}
	for at := 0; at < rows; at += len(block) / measureDim {
		if err := m.Write(at, block[:min(len(block), (rows-at)*measureDim)]); err != nil {
			return 0, err
		}
	}
	req := compute.SearchRequest{
		Queries: make([]float32, queries*measureDim), K: k,
		IDs: make([]uint32, queries*k), Dist: make([]float32, queries*k),
	}
	for i := range req.Queries {
		req.Queries[i] = r.Float32()
	}
	for range queries {
		if masked {
			req.Skips = append(req.Skips, make([]uint64, (rows+63)/64))
		}
	}
	best := time.Duration(1<<63 - 1)
	for range 3 {
		begin := time.Now()
		if err := b.Search(context.Background(), m, &req); err != nil {
			return 0, err
		}
		best = min(best, time.Since(begin))
	}
	return best, nil
}
