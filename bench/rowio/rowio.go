// Package rowio reads and writes rows of vectors in files: fvecs, bvecs, ivecs,
// fbin, u8bin, i8bin, ibin, npy, jsonl and csv, plain or compressed with gzip or
// zstd, parquet and hdf5.
//
// Readers stream: memory does not grow with the file. Every refusal is an
// *errs.Error that names the file, the row (counted from 0), the field, what was
// expected and what was given. A file that ends in the middle of a row is an
// error, never a shorter data set.
package rowio

import (
	"encoding/json"
	"io"
	"strconv"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Row is one record. Vector belongs to the Reader and is valid until its next
// call; ID and Payload may be kept.
type Row struct {
	ID      string          // "" when the file has no ids; see RowID
	Vector  []float32       // the file's components as float32
	Payload json.RawMessage // a JSON object, or nil
}

// Reader streams the rows of one file.
type Reader interface {
	// Next fills row. It returns io.EOF after the last row, and the same error
	// again after any other failure.
	Next(row *Row) error
	// Dim is the number of components per row, known once Open returned; 0 for
	// an empty file.
	Dim() int
	// Progress is how much of the file was read and how much there is, in units
	// that only their ratio gives meaning to. total is 0 when unknown. It may be
	// called beside Next.
	Progress() (done, total int64)
	// Close releases the file. The Reader's last Vector is then invalid.
	Close() error
}

// RowID is the id of a row whose file has none: its number from 0 in decimal.
func RowID(n int64) string { return strconv.FormatInt(n, 10) }

// Skip reads past n rows. It returns io.ErrUnexpectedEOF when there are fewer.
func Skip(r Reader, n int64) error {
	var row Row
	for range n {
		if err := r.Next(&row); err != nil {
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// maxDim bounds what a header may claim before anything is allocated for it.
const maxDim = compute.MaxDim
