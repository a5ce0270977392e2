package rowio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// bins reads the formats of the billion-scale benchmarks (big-ann-benchmarks.com):
// uint32 rows, uint32 components, then the rows one after another, little-endian.
type bins struct {
	source
	rows   int64
	format Format
	raw    []byte
	vec    []float32
}

func newBins(s *source, f Format) (*bins, error) {
	r := &bins{source: *s, format: f}
	var head [8]byte
	if _, err := io.ReadFull(r.buf, head[:]); err != nil {
		return nil, r.broken(err)
	}
	r.rows = int64(binary.LittleEndian.Uint32(head[:]))
	dim := int64(binary.LittleEndian.Uint32(head[4:]))
	if err := r.checkDim(dim); err != nil {
		return nil, err
	}
	width := int64(4)
	if f == U8Bin || f == I8Bin {
		width = 1
	}
	r.raw, r.vec = make([]byte, dim*width), make([]float32, dim)
	r.row = 0
	return r, nil
}

// Dim implements Reader.
func (r *bins) Dim() int { return len(r.vec) }

// Next implements Reader.
func (r *bins) Next(row *Row) error {
	if err := r.readRaw(); err != nil {
		return err
	}
	switch r.format {
	case FBin:
		for i := range r.vec {
			r.vec[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.raw[4*i:]))
		}
		if err := r.checkFinite(r.vec); err != nil {
			return r.fail(err)
		}
	case U8Bin:
		for i, b := range r.raw {
			r.vec[i] = float32(b)
		}
	case I8Bin:
		for i, b := range r.raw {
			r.vec[i] = float32(int8(b))
		}
	default:
		for i := range r.vec {
			r.vec[i] = float32(int32(binary.LittleEndian.Uint32(r.raw[4*i:])))
		}
	}
	r.row++
	*row = Row{Vector: r.vec}
	return nil
}

// readRaw fills r.raw with the next row. A file of truth has the distances behind
// its rows; other files end there.
func (r *bins) readRaw() error {
	if r.failed != nil {
		return r.failed
	}
	if r.row == r.rows {
		if _, err := r.buf.Peek(1); err != io.EOF && r.format != IBin {
			return r.fail(r.bad("data", fmt.Sprintf("the end of the file after %d rows", r.rows), "more bytes"))
		}
		return r.fail(io.EOF)
	}
	if _, err := io.ReadFull(r.buf, r.raw); err != nil {
		return r.fail(r.broken(err))
	}
	return nil
}

// ReadIBin reads a whole ibin file as integers: row-major, width values per row.
// It is for ground truth, whose values float32 cannot all hold.
func ReadIBin(path string) (rows []int32, width int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	rows, width, err = NewIBin(path, f)
	return rows, width, errors.Join(err, f.Close())
}

// NewIBin is ReadIBin of a stream.
func NewIBin(name string, in io.Reader) (rows []int32, width int, err error) {
	opened, err := NewReader(name, in, Options{Format: IBin})
	if err != nil {
		return nil, 0, err
	}
	return readInts(opened.(*bins))
}

// next implements intReader.
func (r *bins) next() ([]byte, error) {
	if err := r.readRaw(); err != nil {
		return nil, err
	}
	r.row++
	return r.raw, nil
}
