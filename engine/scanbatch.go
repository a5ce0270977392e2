package engine

import (
	"context"
	"errors"
	"math"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/batch"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// Exact searches over a whole collection are batched: a backend reads the rows
// once for many queries. Below scanBatchFloats components a scan costs less than
// the hand-over between goroutines (some 10 µs).
const (
	scanBatchFloats = 1 << 20
	scanQueueRows   = 4096 // queries of one collection waiting for a scan
	scanBatchRows   = 64   // queries of one scan, unless the backend says
)

// rowScan is the batch.Searcher over the alive rows of a view.
type rowScan struct {
	scan  *scanner
	v     *view
	words sync.Pool // of *[]uint64
}

// Search implements batch.Searcher.
func (r *rowScan) Search(ctx context.Context, req *compute.SearchRequest) error {
	buf, _ := r.words.Get().(*[]uint64)
	if buf == nil {
		buf = new([]uint64)
	}
	defer r.words.Put(buf)
	h := r.v.graph.HostRows()
	*buf = invert(r.v.graph.AliveWords(*buf), len(h.Rows)/h.Stride)
	req.Skip = *buf
	if r.v.copy != nil {
		if done, err := r.v.copy.Search(ctx, req); done || err != nil {
			return err
		}
	}
	err := compute.ErrUnsupported
	for i := 0; i < len(r.scan.hosts) && errors.Is(err, compute.ErrUnsupported); i++ {
		err = r.scan.hosts[i].m.SearchHost(ctx, h, req)
	}
	if !errors.Is(err, compute.ErrUnsupported) {
		return err
	}
	return scanPlainBatch(ctx, h, req)
}

// scanPlainBatch is SearchHost in plain Go.
func scanPlainBatch(ctx context.Context, h compute.HostRows, req *compute.SearchRequest) error {
	var hits []index.Hit
	for i := 0; i*h.Dim < len(req.Queries); i++ {
		var err error
		skip, seen := req.Skip, h
		if req.Skips != nil && req.Skips[i] != nil {
			skip = req.Skips[i]
			seen.Rows = h.Rows[:min(len(h.Rows), 64*len(skip)*h.Stride)]
		}
		hits, err = scanPlain(ctx, seen, req.Queries[i*h.Dim:(i+1)*h.Dim], req.K, skip, hits[:0])
		if err != nil {
			return err
		}
		for j := range req.K {
			req.IDs[i*req.K+j], req.Dist[i*req.K+j] = compute.NoRow, float32(math.Inf(1))
			if j < len(hits) {
				req.IDs[i*req.K+j], req.Dist[i*req.K+j] = hits[j].Row, hits[j].Dist
			}
		}
	}
	return nil
}

// batcher returns the view's batcher, made at the first use: most collections
// never need one.
func (v *view) batcher(s *scanner, dim int) *batch.Batcher {
	v.batchOnce.Do(func() {
		rows, inflight := scanBatchRows, 1
		if len(s.hosts) > 0 && s.hosts[0].batchRows > 0 {
			rows = s.hosts[0].batchRows
		}
		if s.deviceRows > 0 && v.copy != nil {
			rows, inflight = s.deviceRows, deviceInflight
		}
		v.batch = batch.New(&rowScan{scan: s, v: v}, dim,
			batch.Limits{BatchRows: rows, QueueRows: scanQueueRows, Inflight: inflight})
	})
	return v.batch
}

// batched reports whether a search for k of rows goes through the batcher.
func (s *searcher) batched(rows, k int) bool {
	return rows*len(s.q) >= scanBatchFloats && k+tieSlack <= compute.MaxK
}

// scanBatched scans every alive row, or those that mask does not leave out, together
// with other queries. Errors: errManyTies, else as batchError's.
func (s *searcher) scanBatched(ctx context.Context, rows, want int, mask *batch.Mask) error {
	b := s.v.batcher(s.e.scan, len(s.q))
	s.plan.Backend = plainName
	if len(s.e.scan.hosts) > 0 {
		s.plan.Backend = s.e.scan.hosts[0].name
	}
	err := s.untilUntied(want, rows, func(k int) error {
		if k > compute.MaxK {
			return errManyTies
		}
		s.scan.ids, s.scan.dist = grow(s.scan.ids, k), grow(s.scan.dist, k)
		n, note, err := b.SubmitNoted(ctx, s.q, mask, s.scan.ids, s.scan.dist)
		if err != nil {
			return batchError(ctx, err)
		}
		s.noted(&note)
		s.hits = s.hits[:0]
		for i := range n {
			s.hits = append(s.hits, index.Hit{Row: s.scan.ids[i], Dist: s.scan.dist[i]})
		}
		return nil
	})
	s.stage("scan")
	return err
}

// scanShared scans the rows of m on the device, in a batch with searches
// that leave other rows out. It reports whether it did: it does not where a scan of
// these rows alone, on the host, is predicted to take less time.
func (s *searcher) scanShared(ctx context.Context, m *matching, want int) (bool, error) {
	total := s.v.graph.Rows()
	if s.v.copy == nil || !s.batched(total, want) {
		return false, nil
	}
	queries := int(s.v.filtering.Add(1))
	defer s.v.filtering.Add(-1)
	if !s.v.copy.InsteadOfHost(m.n, queries) {
		return false, nil
	}
	return s.scanMasked(ctx, m, total, want)
}

// scanMasked scans the rows of m in a batch over all of total rows; it reports false
// where too many tie.
func (s *searcher) scanMasked(ctx context.Context, m *matching, total, want int) (bool, error) {
	mask := s.e.masks.Get()
	defer mask.Release()
	mask.Words = invert(append(mask.Words[:0], m.dense(&s.allow)...), total)
	err := s.scanBatched(ctx, total, want, mask)
	if errors.Is(err, errManyTies) {
		return false, nil
	}
	return true, err
}

// errManyTies says that more rows tie than a batch returns.
var errManyTies = errors.New("engine: too many ties for a batch")

// batchError types the batcher's errors.
func batchError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return errContext(ctx)
	case errors.Is(err, batch.ErrOverloaded):
		return errs.New(errs.QueueFull, "Too many exact searches are waiting").With("retry_after", 1)
	}
	return errs.New(errs.IndexError, "Exact search failed").Wrap(err)
}
