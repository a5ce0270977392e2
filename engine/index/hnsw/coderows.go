package hnsw

import (
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/slab"
)

// codeRows are the codes of all rows by one model: see C1 to C3. A memory has at
// most one at a time; training makes another.
type codeRows struct {
	model  *codes.Model
	stride int
	bytes  []byte // stride per row, the whole reservation
	block  *slab.Block

	trained int // live rows when the model was made
	// What the codes written since say: how many, and the sum of how badly each
	// fits in millionths.
	written, strain atomic.Int64
}

// newCodeRows reserves room for capRows rows.
// Errors: slab.ErrNoMemory.
func newCodeRows(m *codes.Model, capRows int) (*codeRows, error) {
	b, err := slab.New(capRows * m.Stride())
	if err != nil {
		return nil, err
	}
	return &codeRows{model: m, stride: m.Stride(), bytes: slab.Of[byte](b), block: b}, nil
}

// commit makes the bytes of rows rows usable.
// Errors: slab.ErrNoMemory.
func (c *codeRows) commit(rows int) error { return c.block.Commit(rows * c.stride) }

// row is the code of a row.
func (c *codeRows) row(row uint32) []byte {
	i := int(row) * c.stride
	return c.bytes[i : i+c.stride : i+c.stride]
}

// room is how many rows it has room for.
func (c *codeRows) room() int { return len(c.bytes) / c.stride }

// noted takes note of how badly a row that was encoded fits.
func (c *codeRows) noted(strain float32) {
	c.written.Add(1)
	c.strain.Add(int64(strain * 1e6))
}

// Codes are made anew when there are growthFactor times the rows they were made
// from, fullFactor times if those were as many as training uses, or when rows written
// since fit much worse than those did.
const (
	growthFactor = 8
	fullFactor   = 64
	driftRows    = 1024
	driftFactor  = 1.5
	driftSlack   = 0.05
)

// outgrown reports whether the rows, of which live are there, are others than those
// that the model was made from.
func (c *codeRows) outgrown(live int) bool {
	factor := growthFactor
	if c.trained >= codes.MaxRows {
		factor = fullFactor
	}
	if live >= factor*c.trained {
		return true
	}
	n := c.written.Load()
	if n < max(driftRows, int64(c.trained/8)) {
		return false
	}
	mean := float64(c.strain.Load()) / 1e6 / float64(n)
	return mean > driftFactor*float64(c.model.Strain())+driftSlack
}

// grown copies the first rows rows into one with more room.
// Errors: slab.ErrNoMemory.
func (c *codeRows) grown(rows, capRows int) (*codeRows, error) {
	next, err := newCodeRows(c.model, capRows)
	if err != nil {
		return nil, err
	}
	if err := next.commit(rows); err != nil {
		next.block.Release()
		return nil, err
	}
	copy(next.bytes, c.bytes[:rows*c.stride])
	next.trained = c.trained
	next.written.Store(c.written.Load())
	next.strain.Store(c.strain.Load())
	return next, nil
}
