package dataset

import (
	"io"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// Reader reads the base rows as if from a file without ids.
func (s *Set) Reader() rowio.Reader { return &setReader{set: s} }

type setReader struct {
	set *Set
	row atomic.Int64 // read by Progress beside Next
}

// Next implements rowio.Reader.
func (r *setReader) Next(row *rowio.Row) error {
	at := int(r.row.Load())
	if at == r.set.Rows() {
		return io.EOF
	}
	*row = rowio.Row{Vector: r.set.Row(at)}
	r.row.Add(1)
	return nil
}

// Dim implements rowio.Reader.
func (r *setReader) Dim() int { return r.set.Dim }

// Progress implements rowio.Reader in rows.
func (r *setReader) Progress() (done, total int64) { return r.row.Load(), int64(r.set.Rows()) }

// Close implements rowio.Reader.
func (r *setReader) Close() error { return nil }
