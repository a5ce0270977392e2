package hnsw

import (
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
	return next, nil
}
