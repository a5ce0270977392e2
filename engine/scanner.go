package engine

import (
	"container/heap"
	"context"
	"errors"
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// scanner does exact search over rows in host memory: on the first backend that
// can, else in plain Go.
type scanner struct {
	backends   []compute.Backend
	hosts      []hostBackend
	deviceRows int // queries per call at which a device saturates, 0 without one
}

// hostBackend is a backend that searches host memory.
type hostBackend struct {
	name      string
	batchRows int // queries per call at which it saturates
	m         compute.HostMatrix
}

func newScanner(backends []compute.Backend) *scanner {
	s := &scanner{backends: backends}
	for _, b := range backends {
		if m, ok := b.(compute.HostMatrix); ok {
			s.hosts = append(s.hosts, hostBackend{b.Info().Name, b.Info().BatchRows, m})
		} else {
			s.deviceRows = max(s.deviceRows, b.Info().BatchRows)
		}
	}
	return s
}

// batchRows is the queries of one scan at which what is there saturates.
func (s *scanner) batchRows() int {
	if s.deviceRows > 0 {
		return s.deviceRows
	}
	if len(s.hosts) > 0 && s.hosts[0].batchRows > 0 {
		return s.hosts[0].batchRows
	}
	return scanBatchRows
}

func (s *scanner) stats() []BackendStats {
	out := make([]BackendStats, len(s.backends))
	for i, b := range s.backends {
		info := b.Info()
		out[i] = BackendStats{Name: info.Name, MemoryBytes: info.MemoryBytes, Exact: info.Exact}
		if m, ok := b.(compute.Monitored); ok {
			out[i].Status = m.Status()
		}
	}
	return out
}

// plainName names the scan in plain Go.
const plainName = "plain"

// maxScanPasses bounds how often the rows are scanned for one query with more
// than compute.MaxK results; beyond, one plain scan with a large heap is cheaper.
const maxScanPasses = 12

// scanBuf is the reusable memory of one scan.
type scanBuf struct {
	ids  []uint32
	dist []float32
	skip []uint64
}

// search appends the k rows nearest to q to dst, ascending. skip is a bitmap of
// rows to leave out; it is changed. The name is of who computed.
func (s *scanner) search(
	ctx context.Context, h compute.HostRows, q []float32, k int, skip []uint64,
	b *scanBuf, dst []index.Hit,
) ([]index.Hit, string, error) {
	b.skip = skip
	if k <= maxScanPasses*compute.MaxK {
		for i := range s.hosts {
			out, err := s.passes(ctx, s.hosts[i].m, h, q, k, b, dst)
			if err == nil {
				return out, s.hosts[i].name, nil
			}
			if !errors.Is(err, compute.ErrUnsupported) {
				if ctx.Err() != nil {
					return dst, "", errContext(ctx)
				}
				return dst, "", errs.New(errs.IndexError, "Exact search failed").Wrap(err)
			}
		}
	}
	out, err := scanPlain(ctx, h, q, k, skip, dst)
	return out, plainName, err
}

// passes scans once per compute.MaxK results, leaving out what it has found.
func (s *scanner) passes(
	ctx context.Context, m compute.HostMatrix, h compute.HostRows, q []float32, k int,
	b *scanBuf, dst []index.Hit,
) ([]index.Hit, error) {
	out := dst
	if k > compute.MaxK {
		for words := (len(h.Rows)/h.Stride + 64) / 64; len(b.skip) < words; {
			b.skip = append(b.skip, 0)
		}
	}
	for k > 0 {
		n := min(k, compute.MaxK)
		b.ids = grow(b.ids, n)
		b.dist = grow(b.dist, n)
		req := compute.SearchRequest{Queries: q, K: n, Skip: b.skip, IDs: b.ids, Dist: b.dist}
		if err := m.SearchHost(ctx, h, &req); err != nil {
			return dst, fmt.Errorf("scan: %w", err)
		}
		for i, row := range b.ids {
			if row == compute.NoRow {
				return out, nil
			}
			out = append(out, index.Hit{Row: row, Dist: b.dist[i]})
			if k > n {
				b.skip[row/64] |= 1 << (row % 64)
			}
		}
		k -= n
	}
	return out, nil
}

// grow returns b with length n, its content undefined.
func grow[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n, n+n/4)
	}
	return b[:n]
}

// worstFirst is a heap with the farthest hit on top; ties put the larger row up.
type worstFirst []index.Hit

func (h worstFirst) Len() int { return len(h) }
func (h worstFirst) Less(i, j int) bool {
	if h[i].Dist != h[j].Dist {
		return h[i].Dist > h[j].Dist
	}
	return h[i].Row > h[j].Row
}
func (h worstFirst) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *worstFirst) Push(x any)   { *h = append(*h, x.(index.Hit)) }
func (h *worstFirst) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// scanPlain is search in plain Go, for any k.
func scanPlain(
	ctx context.Context, h compute.HostRows, q []float32, k int, skip []uint64, dst []index.Hit,
) ([]index.Hit, error) {
	rows := len(h.Rows) / h.Stride
	if h.Subset != nil {
		rows = len(h.Subset)
	}
	best := make(worstFirst, 0, min(k, rows))
	for i := range rows {
		if i%4096 == 0 && ctx.Err() != nil {
			return dst, errContext(ctx)
		}
		row := uint32(i)
		if h.Subset != nil {
			row = h.Subset[i]
		}
		if skipped(skip, row) || (int(row)+1)*h.Stride > len(h.Rows)+h.Stride-h.Dim {
			continue
		}
		d := distance(h.Metric, q, h.Rows[int(row)*h.Stride:int(row)*h.Stride+h.Dim])
		hit := index.Hit{Row: row, Dist: d}
		switch {
		case len(best) < k:
			heap.Push(&best, hit)
		case d < best[0].Dist:
			best[0] = hit
			heap.Fix(&best, 0)
		}
	}
	at := len(dst)
	dst = append(dst, best...)
	for i := len(dst) - 1; i >= at; i-- {
		dst[i] = heap.Pop(&best).(index.Hit)
	}
	return dst, nil
}

// skipped reports whether row's bit is set in skip; rows beyond it are not.
func skipped(skip []uint64, row uint32) bool {
	w := int(row / 64)
	return w < len(skip) && skip[w]>>(row%64)&1 != 0
}
