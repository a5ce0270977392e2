package rowio

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"
)

// parquetRows reads a parquet file: one column of lists of float or double is
// the vector, a column "id" the id, every other column a payload field. A lone
// remaining column "payload" or "metadata" that holds JSON objects is the
// payload itself, which is how export writes it.
//
// Columns may be plain or lists of plain values, present or null. A NaN in a
// payload column counts as absent, as the data frame libraries mean it.
type parquetRows struct {
	place
	file    *os.File
	groups  []parquet.RowGroup
	rows    parquet.Rows // of the group being read; nil between groups
	buf     []parquet.Row
	have    []parquet.Row // rest of buf
	total   int64
	read    atomic.Int64 // rows, for Progress
	columns []pqColumn   // by column index of the file
	vector  int          // column index
	whole   int          // column that is the payload itself, or -1
	vec     []float32
	dim     int
	failed  error
}

func newParquet(path string, f *os.File, size int64, o Options) (r *parquetRows, err error) {
	r = &parquetRows{place: place{path, -1}, file: f, whole: -1}
	defer r.recovered(&err)
	pf, err := parquet.OpenFile(f, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, r.bad("file", "a readable parquet file", "damage").Wrap(err)
	}
	r.total, r.groups = pf.NumRows(), pf.RowGroups()
	if err := r.mapColumns(pf.Schema(), o); err != nil {
		return nil, err
	}
	r.buf = make([]parquet.Row, 64)
	r.row = 0
	return r, r.peek()
}

// peek reads the first rows to learn the dimension.
func (r *parquetRows) peek() error {
	row, err := r.nextRow()
	if err == io.EOF {
		r.failed = io.EOF
		return nil
	}
	if err != nil {
		return err
	}
	var out Row
	if err := r.decode(row, &out); err != nil {
		return err
	}
	r.dim = len(out.Vector)
	r.have = append([]parquet.Row{row}, r.have...)
	return nil
}

// recovered turns a panic of the parquet library on damaged input into an error.
func (r *parquetRows) recovered(err *error) {
	if p := recover(); p != nil {
		*err = r.bad("data", "a readable parquet file", fmt.Sprintf("damage: %v", p))
		r.failed = *err
	}
}

// Dim implements Reader.
func (r *parquetRows) Dim() int { return r.dim }

// Progress implements Reader in rows.
func (r *parquetRows) Progress() (done, total int64) { return r.read.Load(), r.total }

// Close implements Reader.
func (r *parquetRows) Close() (err error) {
	defer r.recovered(&err)
	r.failed = os.ErrClosed
	if r.rows != nil {
		_ = r.rows.Close()
		r.rows = nil
	}
	return r.file.Close()
}

// Next implements Reader.
func (r *parquetRows) Next(row *Row) (err error) {
	if r.failed != nil {
		return r.failed
	}
	defer r.recovered(&err)
	values, err := r.nextRow()
	if err == nil {
		err = r.decode(values, row)
	}
	if err != nil {
		r.failed = err
		return err
	}
	r.row++
	r.read.Store(r.row)
	return nil
}

// nextRow returns the next row, valid until the following call.
func (r *parquetRows) nextRow() (parquet.Row, error) {
	for len(r.have) == 0 {
		if r.rows == nil {
			if len(r.groups) == 0 {
				return nil, r.end()
			}
			r.rows = r.groups[0].Rows()
			r.groups = r.groups[1:]
		}
		n, err := r.rows.ReadRows(r.buf)
		r.have = r.buf[:n]
		if err != nil && err != io.EOF {
			return nil, r.broken(err)
		}
		if err == io.EOF || n == 0 {
			cerr := r.rows.Close()
			r.rows = nil
			if cerr != nil {
				return nil, r.broken(cerr)
			}
		}
	}
	row := r.have[0]
	r.have = r.have[1:]
	return row, nil
}

// end is io.EOF when every row of the footer's count came.
func (r *parquetRows) end() error {
	if r.row != r.total && r.row >= 0 {
		return r.bad("data", fmt.Sprintf("%d rows as the footer says", r.total), r.row)
	}
	return io.EOF
}

// mapColumns decides what each column is.
func (r *parquetRows) mapColumns(schema *parquet.Schema, o Options) error {
	paths := schema.Columns()
	r.columns = make([]pqColumn, len(paths))
	lists, names := []string{}, []string{}
	for i, path := range paths {
		leaf, ok := schema.Lookup(path...)
		if !ok {
			return r.bad(strings.Join(path, "."), "a readable column", "none")
		}
		leaf.Path = path // the library's own is a buffer that it reuses
		r.columns[i] = newPQColumn(leaf)
		names = append(names, path[0])
		if r.columns[i].isVector() {
			lists = append(lists, path[0])
		}
	}
	if err := r.findVector(names, lists, o.VectorColumn); err != nil {
		return err
	}
	return r.findRest(names, o)
}

func (r *parquetRows) findVector(names, lists []string, given string) error {
	want := given
	if want == "" {
		for _, key := range vectorKeys {
			if slices.Contains(lists, key) {
				want = key
				break
			}
		}
	}
	if want == "" && len(lists) == 1 {
		want = lists[0]
	}
	if want == "" || !slices.Contains(lists, want) {
		return r.bad("vector column", "a column that is a list of float or double",
			given+" among "+strings.Join(names, ", "))
	}
	r.vector = slices.Index(names, want)
	r.columns[r.vector].role = roleVector
	return nil
}

// findRest finds the id and checks that every other column can be a payload.
func (r *parquetRows) findRest(names []string, o Options) error {
	id := firstOf(names, idKeys)
	if o.IDColumn != "" {
		if id = slices.Index(names, o.IDColumn); id < 0 {
			return r.bad("id column", strings.Join(names, ", "), o.IDColumn)
		}
	}
	rest := []int{}
	for i := range r.columns {
		c := &r.columns[i]
		switch {
		case i == r.vector:
		case i == id:
			c.role = roleID
		case slices.Contains(o.Ignore, c.name):
			c.role = roleIgnored
		default:
			rest = append(rest, i)
		}
	}
	for _, i := range rest {
		if c := r.columns[i]; c.problem != "" {
			return r.bad("column "+c.name, "plain values, lists of plain values, or to be ignored",
				c.problem)
		}
	}
	if len(rest) == 1 && r.columns[rest[0]].kind == parquet.ByteArray &&
		!r.columns[rest[0]].list && slices.Contains(payloadKeys, r.columns[rest[0]].name) {
		r.whole = rest[0]
	}
	return nil
}

// decode turns the values of one row into row.
func (r *parquetRows) decode(values parquet.Row, row *Row) error {
	*row = Row{}
	r.vec = r.vec[:0]
	var out []byte
	for len(values) > 0 {
		at := values[0].Column()
		n := 1
		for n < len(values) && values[n].Column() == at {
			n++
		}
		if at < 0 || at >= len(r.columns) {
			return r.bad("column", fmt.Sprintf("0 to %d", len(r.columns)-1), at)
		}
		var err error
		if out, err = r.column(row, at, values[:n], out); err != nil {
			return err
		}
		values = values[n:]
	}
	if out != nil {
		row.Payload = append(out, '}')
	}
	if err := r.checkRow(len(r.vec), r.dim, r.columns[r.vector].name); err != nil {
		return err
	}
	row.Vector = r.vec
	return r.checkFinite(r.vec)
}

// column takes the values of column at; payload fields are appended to out.
func (r *parquetRows) column(row *Row, at int, values []parquet.Value, out []byte) ([]byte, error) {
	c := &r.columns[at]
	var err error
	switch c.role {
	case roleIgnored:
	case roleVector:
		r.vec, err = c.floats(r.place, r.vec, values)
	case roleID:
		row.ID, err = c.id(r.place, values[0])
	default:
		if at == r.whole {
			row.Payload, err = r.wholePayload(c, values[0])
			return out, err
		}
		out, err = c.appendField(r.place, out, values)
	}
	return out, err
}

func (r *parquetRows) wholePayload(c *pqColumn, v parquet.Value) (json.RawMessage, error) {
	if v.IsNull() {
		return nil, nil
	}
	text := slices.Clone(v.ByteArray())
	if !isObject(text) {
		return nil, r.bad(c.name, "a JSON object", clip(text))
	}
	return text, nil
}
