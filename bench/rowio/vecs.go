package rowio

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
)

// vecs reads the TEXMEX formats (corpus-texmex.irisa.fr): each row is a
// little-endian int32 dimension followed by that many components. The dimension
// must be the same in every row.
type vecs struct {
	source
	width  int // bytes per component
	format Format
	raw    []byte // one row with its dimension
	vec    []float32
}

func newVecs(s *source, f Format) (*vecs, error) {
	r := &vecs{source: *s, width: 4, format: f}
	if f == BVecs {
		r.width = 1
	}
	r.row = 0
	head, err := r.buf.Peek(4)
	if len(head) == 0 && err == io.EOF {
		return r, nil
	}
	if err != nil {
		return nil, r.broken(err)
	}
	dim := int64(int32(binary.LittleEndian.Uint32(head)))
	if err := r.checkDim(dim); err != nil {
		return nil, err
	}
	r.raw = make([]byte, 4+int(dim)*r.width)
	r.vec = make([]float32, dim)
	return r, nil
}

// Dim implements Reader.
func (r *vecs) Dim() int { return len(r.vec) }

// Next implements Reader.
func (r *vecs) Next(row *Row) error {
	if err := r.readRaw(); err != nil {
		return err
	}
	body := r.raw[4:]
	switch r.format {
	case FVecs:
		for i := range r.vec {
			r.vec[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
		if err := r.checkFinite(r.vec); err != nil {
			return r.fail(err)
		}
	case BVecs:
		for i := range r.vec {
			r.vec[i] = float32(body[i])
		}
	default:
		for i := range r.vec {
			r.vec[i] = float32(int32(binary.LittleEndian.Uint32(body[4*i:])))
		}
	}
	r.row++
	*row = Row{Vector: r.vec}
	return nil
}

// readRaw fills r.raw with the next row.
func (r *vecs) readRaw() error {
	if r.failed != nil {
		return r.failed
	}
	if len(r.raw) == 0 {
		return r.fail(io.EOF)
	}
	n, err := io.ReadFull(r.buf, r.raw[:4])
	if n == 0 && errors.Is(err, io.EOF) {
		return r.fail(io.EOF)
	}
	if err != nil {
		return r.fail(r.broken(err))
	}
	if dim := int32(binary.LittleEndian.Uint32(r.raw)); int(dim) != len(r.vec) {
		return r.fail(r.bad("dimension", RowID(int64(len(r.vec)))+" as in row 0", dim))
	}
	if _, err := io.ReadFull(r.buf, r.raw[4:]); err != nil {
		return r.fail(r.broken(err))
	}
	return nil
}

// ReadIVecs reads a whole ivecs file as integers: row-major, width values per
// row. It is for ground truth, whose values float32 cannot all hold.
func ReadIVecs(path string) (rows []int32, width int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	rows, width, err = NewIVecs(path, f)
	return rows, width, errors.Join(err, f.Close())
}

// NewIVecs is ReadIVecs of a stream.
func NewIVecs(name string, in io.Reader) (rows []int32, width int, err error) {
	r, err := NewReader(name, in, Options{Format: IVecs})
	if err != nil {
		return nil, 0, err
	}
	return readInts(r.(*vecs))
}

// intReader is a reader of rows of 32-bit integers.
type intReader interface {
	Dim() int
	Close() error
	// next returns the bytes of the next row, valid until the one after it, or io.EOF.
	next() ([]byte, error)
}

// next implements intReader.
func (r *vecs) next() ([]byte, error) {
	if err := r.readRaw(); err != nil {
		return nil, err
	}
	r.row++
	return r.raw[4:], nil
}

// readInts reads all rows and closes r.
func readInts(r intReader) (rows []int32, width int, err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		raw, err := r.next()
		if err == io.EOF {
			return rows, r.Dim(), nil
		}
		if err != nil {
			return nil, 0, err
		}
		for ; len(raw) > 0; raw = raw[4:] {
			rows = append(rows, int32(binary.LittleEndian.Uint32(raw)))
		}
	}
}
