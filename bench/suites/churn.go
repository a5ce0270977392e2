package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

const (
	churnRows = 5000
	// MinCycles is the least number of cycles that tells growth from settling.
	MinCycles = 8
	// churnGrowth is how much the late cycles may take beyond the early ones and
	// still count as not growing.
	churnGrowth = 1.05
	deleteBatch = 1000
)

// runChurn changes everything in a server again and again: in each cycle every
// vector is updated, and half of them are deleted and stored again. Recall,
// memory and disk must stay where they were.
func runChurn(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	set := e.Set
	if set.Rows() > churnRows {
		set = dataset.Cut(set, churnRows, min(set.NumQueries(), 200), max(e.K, 10))
	}
	r.Data = result.DataOf(set)
	r.Parameters["cycles"] = e.Cycles
	r.Parameters["ef of the recall"] = churnEf
	dir, remove, err := e.tempDir()
	if err != nil {
		return err
	}
	defer remove()
	s, err := startServer(ctx, e, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.create(ctx, e, set); err != nil {
		return err
	}
	if _, err := s.load(ctx, set); err != nil {
		return err
	}
	fresh, err := recallOf(ctx, e, s, set)
	if err != nil {
		return err
	}
	var all []footprint
	for c := range e.Cycles {
		if err := cycle(ctx, s, set); err != nil {
			return err
		}
		f, err := s.footprint(ctx)
		if err != nil {
			return err
		}
		all = append(all, f)
		e.say("  cycle %2d: index %s, resident %s, disk %s", c+1, result.Number(f.index, "bytes"),
			result.Number(f.rss, "bytes"), result.Number(f.disk, "bytes"))
	}
	after, err := recallOf(ctx, e, s, set)
	if err != nil {
		return err
	}
	r.Add(result.Figure{Name: "recall: fresh build", Value: fresh, Better: result.Higher, Recall: fresh})
	r.Add(result.Figure{Name: "recall: after churn", Value: after, Better: result.Higher, Recall: after,
		Target: &result.Target{Value: fresh - churnLoss, From: "fresh build less 0.01"}})
	addGrowth(r, "index memory", all, func(f footprint) float64 { return f.index })
	addGrowth(r, "resident memory", all, func(f footprint) float64 { return f.rss })
	addGrowth(r, "disk", all, func(f footprint) float64 { return f.disk })
	e.sayFigures(r)
	return nil
}

// recallOf is the recall over HTTP at churnEf.
func recallOf(ctx context.Context, e *Env, s *server, set *dataset.Set) (float64, error) {
	out, err := query.Run(ctx, s.target(e, set), query.Plan{Format: wire.Octets, Ef: churnEf, Conns: 2,
		Requests: set.NumQueries()})
	if err != nil {
		return 0, err
	}
	return out.Recall, nil
}

// cycle turns all vectors round by half and back, so that every row is updated
// twice, then deletes every second row and stores it again.
func cycle(ctx context.Context, s *server, set *dataset.Set) error {
	for _, shift := range []int{set.Rows() / 2, 0} {
		if err := s.send(ctx, &turned{set: set, shift: shift, step: 1}); err != nil {
			return err
		}
	}
	for from := 0; from < set.Rows(); from += 2 * deleteBatch {
		var ids []string
		for i := from; i < min(from+2*deleteBatch, set.Rows()); i += 2 {
			ids = append(ids, rowio.RowID(int64(i)))
		}
		var answer struct{ Deleted int }
		if err := s.Do(ctx, "POST", wire.Prefix+"/batch_delete",
			map[string]any{"collection": collection, "ids": ids}, &answer); err != nil {
			return err
		}
		if answer.Deleted != len(ids) {
			return fmt.Errorf("%d of %d rows were deleted", answer.Deleted, len(ids))
		}
	}
	if err := s.send(ctx, &turned{set: set, step: 2}); err != nil {
		return err
	}
	return s.WaitIndexed(ctx, collection, nil)
}

// send imports the rows of r.
func (s *server) send(ctx context.Context, r rowio.Reader) error {
	_, err := bulk.Import(ctx, r, bulk.ImportOptions{Addr: s.Addr(), Collection: collection,
		Timeout: 5 * time.Minute})
	return err
}

// turned reads every step-th row of a set with the vector of the row shift
// further on.
type turned struct {
	set         *dataset.Set
	shift, step int
	row         atomic.Int64 // read by Progress beside Next
}

// Next implements rowio.Reader.
func (t *turned) Next(row *rowio.Row) error {
	at := int(t.row.Load())
	if at >= t.set.Rows() {
		return io.EOF
	}
	*row = rowio.Row{ID: rowio.RowID(int64(at)), Vector: t.set.Row((at + t.shift) % t.set.Rows())}
	t.row.Add(int64(t.step))
	return nil
}

// Dim implements rowio.Reader.
func (t *turned) Dim() int { return t.set.Dim }

// Progress implements rowio.Reader in rows.
func (t *turned) Progress() (done, total int64) { return t.row.Load(), int64(t.set.Rows()) }

// Close implements rowio.Reader.
func (t *turned) Close() error { return nil }

// footprint is what a server holds, in bytes.
type footprint struct{ index, rss, disk float64 }

func (s *server) footprint(ctx context.Context) (f footprint, err error) {
	info, err := s.Info(ctx, collection)
	if err != nil {
		return f, err
	}
	m := info.Size.Memory
	f.index = float64(m.Vectors + m.Links + m.Codes + m.IDs + m.Payload + m.Other)
	var stats struct {
		Bytes float64 `json:"total_size_bytes"`
	}
	if err := s.Do(ctx, "GET", wire.Prefix+"/stats", nil, &stats); err != nil {
		return f, err
	}
	f.disk = stats.Bytes
	u, err := s.usage()
	f.rss = float64(u.RSS)
	return f, err
}

// addGrowth compares the last three cycles with the three after the second.
func addGrowth(r *result.Run, name string, all []footprint, of func(footprint) float64) {
	var values []float64
	for _, f := range all {
		values = append(values, of(f))
	}
	if values[0] == 0 {
		return // not known on this system
	}
	r.Add(result.Figure{Name: name + " in each cycle", Unit: "bytes", Better: result.Lower}, values...)
	early, late := measure.Median(values[2:5]), measure.Median(values[len(values)-3:])
	r.Add(result.Figure{Name: name + ": late cycles against early ones", Better: result.Lower,
		Value: late / early, Target: &result.Target{Value: churnGrowth, From: "no growth after the second cycle"}})
}
