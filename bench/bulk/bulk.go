// Package bulk moves rows between files and a server: the importer behind
// `vectorizer import`, the demo and the import benchmark, and the exporter.
package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// ImportOptions say where rows go and how.
type ImportOptions struct {
	Addr       string // host:port of the server
	Collection string
	BatchRows  int           // rows per request; 0 = 500
	Conns      int           // requests in flight; 0 = 2
	Timeout    time.Duration // of one request; 0 = 60 s
	// Patience is how long a batch is tried again while the server answers 429 or
	// 503 or cannot be reached; 0 = 2 minutes.
	Patience time.Duration
	// Start is the number of rows at the front of the file that are already
	// stored; they are read and not sent.
	Start int64
	// Stored, when not nil, is called with the number of rows from the front of
	// the file that the server has acknowledged, each time it grows. It is called
	// by one goroutine at a time.
	Stored func(rows int64)
}

func (o *ImportOptions) fill() {
	if o.BatchRows == 0 {
		o.BatchRows = 500
	}
	if o.Conns == 0 {
		o.Conns = 2
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
}

// ImportResult tells what an import did.
type ImportResult struct {
	Rows    int64 // acknowledged by this run
	Created int64 // of them, ids that were not there before
	Retries int64 // requests sent again
	Elapsed time.Duration
}

// RowError is a row that the server refused.
type RowError struct {
	Row     int64 // from 0
	ID      string
	Message string
}

// Error names the row.
func (e *RowError) Error() string {
	return fmt.Sprintf("row %d (id %q): %s", e.Row, e.ID, e.Message)
}

// Import sends every row of r from o.Start on. It returns when all are
// acknowledged, or with the first error; what was acknowledged stays stored, and
// sending a row twice changes nothing. Rows without an id get their number.
// Errors: those of r, *RowError, the server's answer, ctx's.
func Import(ctx context.Context, r rowio.Reader, o ImportOptions) (ImportResult, error) {
	o.fill()
	start := time.Now()
	im := &importer{o: o, acks: tracker{next: o.Start, stored: o.Stored}}
	err := im.run(ctx, r)
	im.result.Elapsed = time.Since(start)
	return im.result, err
}

// importer is one run of Import.
type importer struct {
	o    ImportOptions
	acks tracker

	mu     sync.Mutex // guards: result
	result ImportResult
}

// batch is the rows of one request. Its memory is used again.
type batch struct {
	first  int64 // number of the first row
	rows   []rowio.Row
	floats []float32
	body   []byte
}

// run reads batches in this goroutine and sends them in o.Conns others. At most
// two batches per sender exist at a time, so memory is bounded.
func (im *importer) run(ctx context.Context, r rowio.Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	full := make(chan *batch)
	empty := make(chan *batch, 2*im.o.Conns)
	for range cap(empty) {
		empty <- new(batch)
	}
	var wg sync.WaitGroup
	for range im.o.Conns {
		wg.Go(func() {
			if err := im.send(ctx, full, empty); err != nil {
				cancel(err)
			}
		})
	}
	err := im.read(ctx, r, full, empty)
	close(full)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// read fills batches until the end of r.
func (im *importer) read(ctx context.Context, r rowio.Reader, full, empty chan *batch) error {
	if err := rowio.Skip(r, im.o.Start); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("the file has fewer than the %d rows imported before", im.o.Start)
		}
		return err
	}
	at := im.o.Start
	for {
		var b *batch
		select {
		case b = <-empty:
		case <-ctx.Done():
			return ctx.Err()
		}
		n, err := b.fill(r, at, im.o.BatchRows)
		if n > 0 {
			select {
			case full <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		at += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// batchBytes ends a batch early: a request stays well below the body limit of
// any server, however long the vectors.
const batchBytes = 4 << 20

// fill reads up to max rows, the first of which has the number first.
func (b *batch) fill(r rowio.Reader, first int64, max int) (n int, err error) {
	b.first, b.rows, b.floats = first, b.rows[:0], b.floats[:0]
	var row rowio.Row
	size := 0
	for len(b.rows) < max && size < batchBytes {
		if err = r.Next(&row); err != nil {
			break
		}
		if row.ID == "" {
			row.ID = rowio.RowID(first + int64(len(b.rows)))
		}
		size += 6*len(row.Vector) + len(row.ID) + len(row.Payload) + 32
		b.floats = append(b.floats, row.Vector...)
		b.rows = append(b.rows, row)
	}
	for i := range b.rows { // only now: floats may have moved while it grew
		dim := r.Dim()
		b.rows[i].Vector = b.floats[i*dim : (i+1)*dim]
	}
	return len(b.rows), err
}

// send sends batches until there are no more.
func (im *importer) send(ctx context.Context, full, empty chan *batch) error {
	conn := load.NewConn(im.o.Addr, im.o.Timeout)
	defer func() { _ = conn.Close() }()
	for b := range full {
		if ctx.Err() != nil {
			continue // let the reader go on to its own check
		}
		if err := im.sendBatch(ctx, conn, b); err != nil {
			return err
		}
		im.acks.done(b.first, int64(len(b.rows)))
		empty <- b
	}
	return nil
}

// sendBatch sends one batch, again while the server is only busy.
func (im *importer) sendBatch(ctx context.Context, conn *load.Conn, b *batch) error {
	for i := range b.rows {
		if len(b.rows[i].ID) > wire.MaxIDBytes {
			return &RowError{Row: b.first + int64(i), ID: b.rows[i].ID[:40] + "…",
				Message: fmt.Sprintf("an id of %d bytes", len(b.rows[i].ID))}
		}
	}
	b.body = wire.Bulk(b.body[:0], b.rows)
	req := load.Request{Method: "POST", Host: im.o.Addr,
		Path:        wire.CollectionPath(im.o.Collection, "/vectors/bulk"),
		ContentType: wire.Octets.ContentType(), Body: b.body}
	retry := client.Retrier{Patience: im.o.Patience}
	answer, err := retry.Do(ctx, conn, req.Bytes())
	im.mu.Lock()
	im.result.Retries += retry.Count
	im.mu.Unlock()
	if err != nil {
		return fmt.Errorf("rows %d to %d: %w", b.first, b.first+int64(len(b.rows))-1, err)
	}
	return im.account(b, answer.Body)
}

// account reads the report of one batch.
func (im *importer) account(b *batch, body []byte) error {
	var report struct {
		Inserted int64 `json:"inserted"`
		Created  int64 `json:"created"`
		Failed   int64 `json:"failed"`
		Errors   []struct {
			Index int    `json:"index"`
			Error string `json:"error"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &report); err != nil {
		return fmt.Errorf("the answer is not what a vectorizer server says: %w", err)
	}
	for _, e := range report.Errors {
		if e.Index >= 0 && e.Index < len(b.rows) {
			return &RowError{Row: b.first + int64(e.Index), ID: b.rows[e.Index].ID, Message: e.Error}
		}
	}
	if report.Failed != 0 || report.Inserted != int64(len(b.rows)) {
		return fmt.Errorf("rows %d to %d: %d were sent, %d stored and %d refused", b.first,
			b.first+int64(len(b.rows))-1, len(b.rows), report.Inserted, report.Failed)
	}
	im.mu.Lock()
	im.result.Rows += report.Inserted
	im.result.Created += report.Created
	im.mu.Unlock()
	return nil
}

// tracker turns acknowledgements in any order into a growing prefix.
type tracker struct {
	mu     sync.Mutex // guards: next, ahead, and calls of stored
	next   int64      // rows acknowledged from the front
	ahead  []span     // acknowledged beyond next, in order
	stored func(int64)
}

type span struct{ from, to int64 }

// done acknowledges n rows from row from on.
func (t *tracker) done(from, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, _ := slices.BinarySearchFunc(t.ahead, from, func(s span, f int64) int {
		return int(s.from - f)
	})
	t.ahead = slices.Insert(t.ahead, at, span{from, from + n})
	before := t.next
	for len(t.ahead) > 0 && t.ahead[0].from == t.next {
		t.next = t.ahead[0].to
		t.ahead = slices.Delete(t.ahead, 0, 1)
	}
	if t.stored != nil && t.next > before {
		t.stored(t.next)
	}
}
