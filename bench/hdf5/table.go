package hdf5

import (
	"fmt"
	"math"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Table is a dataset of two dimensions, rows × components. It is for one
// goroutine, and fast when rows are read in order.
type Table struct {
	file *File
	name string
	elem element
	rows int64
	cols int64

	compact    []byte // the data, when the header holds them
	at, stored uint64 // the data, when they lie in one piece

	filters              []int
	chunkRows, chunkCols int64
	across               int64   // chunks beside each other
	chunks               []chunk // row-major; nil unless chunked

	band     []byte // rows from bandFrom on, as they are stored
	bandFrom int64
	bandRows int64
}

// Table opens the table of a name.
func (f *File) Table(name string) (*Table, error) {
	at, ok := f.links[name]
	if !ok {
		return nil, f.bad("", "table", "one of "+fmt.Sprint(f.Names()), name)
	}
	messages, err := f.header(name, at)
	if err != nil {
		return nil, err
	}
	parts := map[int][]byte{}
	for _, m := range messages {
		parts[m.kind] = m.body
	}
	for _, need := range []int{msgDatatype, msgDataspace, msgLayout} {
		if parts[need] == nil {
			return nil, f.bad(name, "object", "a table of numbers", "another")
		}
	}
	t := &Table{file: f, name: name}
	if t.elem, err = f.datatype(name, parts[msgDatatype]); err != nil {
		return nil, err
	}
	if t.rows, t.cols, err = f.dataspace(name, parts[msgDataspace]); err != nil {
		return nil, err
	}
	if body := parts[msgFilters]; body != nil {
		if t.filters, err = f.filters(name, body); err != nil {
			return nil, err
		}
	}
	return t, t.layout(parts[msgLayout])
}

// Rows is the number of rows.
func (d *Table) Rows() int64 { return d.rows }

// Cols is the number of components of a row.
func (d *Table) Cols() int { return int(d.cols) }

// Type names the type of the numbers: f4, i4, u1 and so on.
func (d *Table) Type() string { return d.elem.String() }

// Floats reads a row, 0 to Rows()-1, into dst, of Cols() length.
func (d *Table) Floats(row int64, dst []float32) error {
	raw, err := d.row(row)
	if err != nil {
		return err
	}
	for i := range dst {
		dst[i] = d.elem.number(raw, i)
	}
	return nil
}

// Ints reads a row of integers that 32 bits hold into dst, of Cols() length.
func (d *Table) Ints(row int64, dst []int32) error {
	if d.elem.float {
		return d.bad("type", "integers", d.elem)
	}
	raw, err := d.row(row)
	if err != nil {
		return err
	}
	for i := range dst {
		v := d.elem.integer(raw, i)
		if v < math.MinInt32 || v > math.MaxInt32 {
			return d.bad(fmt.Sprintf("row %d, number %d", row, i), "32 bits", v)
		}
		dst[i] = int32(v)
	}
	return nil
}

// row returns the stored bytes of a row, valid until the next call.
func (d *Table) row(row int64) ([]byte, error) {
	if row < 0 || row >= d.rows {
		return nil, d.bad("row", fmt.Sprintf("0 to %d", d.rows-1), row)
	}
	if row < d.bandFrom || row >= d.bandFrom+d.bandRows {
		if err := d.load(row); err != nil {
			d.bandRows = 0
			return nil, err
		}
	}
	width := d.cols * int64(d.elem.size)
	return d.band[(row-d.bandFrom)*width:][:width], nil
}

// load makes band hold a row, and those that are read with it.
func (d *Table) load(row int64) error {
	width := d.cols * int64(d.elem.size)
	switch {
	case d.chunks != nil:
		return d.loadChunks(row / d.chunkRows)
	case d.compact != nil:
		if int64(len(d.compact)) < d.rows*width {
			return d.bad("data", fmt.Sprintf("%d bytes", d.rows*width), len(d.compact))
		}
		d.band, d.bandFrom, d.bandRows = d.compact, 0, d.rows
		return nil
	}
	if d.stored < uint64(d.rows*width) {
		return d.bad("data", fmt.Sprintf("%d bytes", d.rows*width), d.stored)
	}
	const atOnce = 1 << 20
	n := min(max(atOnce/width, 1), d.rows-row)
	band, err := d.file.stored("data of "+d.name, d.at+uint64(row*width), uint64(n*width))
	d.band, d.bandFrom, d.bandRows = band, row, n
	return err
}

// loadChunks puts a row of chunks together.
func (d *Table) loadChunks(down int64) error {
	size := int64(d.elem.size)
	from := down * d.chunkRows
	n := min(d.chunkRows, d.rows-from)
	whole := int(d.chunkRows * d.chunkCols * size)
	for i := range d.across {
		c := d.chunks[down*d.across+i]
		if !c.used {
			return d.bad("chunk", "that it was written", "none")
		}
		raw, err := d.file.stored("chunk of "+d.name, c.at, c.size)
		if err != nil {
			return err
		}
		if raw, err = d.undo(raw, c.mask, whole); err != nil {
			return err
		}
		if i == 0 { // not before a chunk shows that the sizes are true
			d.band = make([]byte, n*d.cols*size)
		}
		left := i * d.chunkCols
		part := min(d.chunkCols, d.cols-left) * size
		for r := range n {
			copy(d.band[(r*d.cols+left)*size:][:part], raw[r*d.chunkCols*size:])
		}
	}
	d.bandFrom, d.bandRows = from, n
	return nil
}

func (d *Table) bad(field, expected string, given any) *errs.Error {
	return d.file.bad(d.name, field, expected, given)
}
