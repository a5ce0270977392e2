package rowio

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/bench/hdf5"
)

// hdf5Tables are the names that a table of vectors has when none is given: that of
// ann-benchmarks first.
var hdf5Tables = []string{"train", "base", "vectors", "embeddings", "data"}

// hdf5Rows reads one table of an HDF5 file.
type hdf5Rows struct {
	place
	file   *os.File
	table  *hdf5.Table
	vec    []float32
	next   atomic.Int64 // row, read by Progress beside Next
	failed error
}

func newHDF5(path string, f *os.File, size int64, o Options) (*hdf5Rows, error) {
	r := &hdf5Rows{place: place{path, -1}, file: f}
	h, err := hdf5.Open(path, f, size)
	if err != nil {
		return nil, err
	}
	name := o.VectorColumn
	if name == "" {
		at := slices.IndexFunc(hdf5Tables, func(n string) bool { return slices.Contains(h.Names(), n) })
		if at < 0 {
			return nil, r.bad("table", "the name of one in the vector column, of "+
				strings.Join(h.Names(), ", "), "none")
		}
		name = hdf5Tables[at]
	}
	if r.table, err = h.Table(name); err != nil {
		return nil, err
	}
	if err := r.checkDim(int64(r.table.Cols())); err != nil {
		return nil, err
	}
	r.vec = make([]float32, r.table.Cols())
	return r, nil
}

// Dim implements Reader.
func (r *hdf5Rows) Dim() int { return len(r.vec) }

// Next implements Reader.
func (r *hdf5Rows) Next(row *Row) error {
	if r.failed != nil {
		return r.failed
	}
	r.row = r.next.Load()
	if r.row == r.table.Rows() {
		r.failed = io.EOF
		return io.EOF
	}
	if r.failed = r.table.Floats(r.row, r.vec); r.failed == nil {
		r.failed = r.checkFinite(r.vec)
	}
	if r.failed != nil {
		return r.failed
	}
	r.next.Add(1)
	*row = Row{Vector: r.vec}
	return nil
}

// Progress implements Reader in rows.
func (r *hdf5Rows) Progress() (done, total int64) { return r.next.Load(), r.table.Rows() }

// Close implements Reader.
func (r *hdf5Rows) Close() error {
	r.failed = os.ErrClosed
	return r.file.Close()
}
