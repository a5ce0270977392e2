package rowio

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// csvPrefixes are tried in order when no vector column is named.
var csvPrefixes = []string{"v", "dim_", "d", "x", "f", "vector_", "embedding_"}

// csvRows reads comma separated values with a header line. The vector is one
// column holding a JSON array, or numbered columns. Every other column is a
// payload field: a cell that reads as a JSON number, true, false, an array or an
// object keeps that type, an empty cell is left out, the rest is text. A lone
// remaining column "payload" or "metadata" holds the payload itself as JSON.
type csvRows struct {
	source
	csv     *csv.Reader
	header  []string
	id      int   // column, or -1
	vector  int   // column with a JSON array, or -1
	numbers []int // columns of the components in order
	whole   int   // column that is the payload itself, or -1
	payload []int // columns that are payload fields
	first   []string
	vec     []float32
	dim     int
}

func newCSV(s *source, o Options) (*csvRows, error) {
	r := &csvRows{source: *s, id: -1, vector: -1, whole: -1}
	if bom, _ := r.buf.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = r.buf.Discard(3)
	}
	r.csv = csv.NewReader(r.buf)
	r.csv.ReuseRecord = true
	header, err := r.csv.Read()
	if err != nil {
		return nil, r.csvError(err)
	}
	r.header = slices.Clone(header)
	if err := r.findColumns(o); err != nil {
		return nil, err
	}
	r.findPayload(o)
	r.row = 0
	return r, r.peek()
}

// peek reads the first row to learn the dimension.
func (r *csvRows) peek() error {
	cells, err := r.csv.Read()
	if err == io.EOF {
		r.failed = io.EOF
		return nil
	}
	if err != nil {
		return r.csvError(err)
	}
	r.first = slices.Clone(cells)
	var row Row
	if err := r.parse(r.first, &row); err != nil {
		return err
	}
	r.dim = len(row.Vector)
	return nil
}

func (r *csvRows) findColumns(o Options) error {
	for i, name := range r.header {
		if slices.Contains(r.header[:i], name) {
			return r.bad("column", "names that differ", strconv.Quote(name)+" twice")
		}
	}
	r.id = firstOf(r.header, idKeys)
	if o.IDColumn != "" {
		if r.id = slices.Index(r.header, o.IDColumn); r.id < 0 {
			return r.bad("id column", strings.Join(r.header, ", "), o.IDColumn)
		}
	}
	if o.VectorColumn != "" {
		if r.vector = slices.Index(r.header, o.VectorColumn); r.vector < 0 {
			return r.bad("vector column", strings.Join(r.header, ", "), o.VectorColumn)
		}
		return nil
	}
	prefixes := csvPrefixes
	if o.VectorPrefix != "" {
		prefixes = []string{o.VectorPrefix}
	} else if r.vector = firstOf(r.header, vectorKeys); r.vector >= 0 {
		return nil
	}
	for _, prefix := range prefixes {
		if r.numbers = numbered(r.header, prefix); len(r.numbers) > 0 {
			return r.checkDim(int64(len(r.numbers)))
		}
	}
	return r.bad("vector column", "a column "+strings.Join(vectorKeys, ", ")+
		" or columns numbered without a gap after one of the prefixes "+
		strings.Join(prefixes, ", "), strings.Join(r.header, ", "))
}

// findPayload finds the columns that are neither id nor vector nor ignored.
func (r *csvRows) findPayload(o Options) {
	for col, name := range r.header {
		if col == r.id || col == r.vector || slices.Contains(r.numbers, col) ||
			slices.Contains(o.Ignore, name) {
			continue
		}
		r.payload = append(r.payload, col)
	}
	if len(r.payload) == 1 && slices.Contains(payloadKeys, r.header[r.payload[0]]) {
		r.whole, r.payload = r.payload[0], nil
	}
}

func firstOf(header, names []string) int {
	for _, name := range names {
		if i := slices.Index(header, name); i >= 0 {
			return i
		}
	}
	return -1
}

// numbered returns the columns prefix0, prefix1, … (or from 1) in order; none if
// a number is missing.
func numbered(header []string, prefix string) []int {
	byNumber := make(map[int]int)
	least := math.MaxInt
	for col, name := range header {
		rest, ok := strings.CutPrefix(name, prefix)
		n, err := strconv.Atoi(rest)
		if ok && err == nil && n >= 0 {
			byNumber[n] = col
			least = min(least, n)
		}
	}
	if least > 1 {
		return nil
	}
	cols := make([]int, len(byNumber))
	for i := range cols {
		col, ok := byNumber[least+i]
		if !ok {
			return nil
		}
		cols[i] = col
	}
	return cols
}

// Dim implements Reader.
func (r *csvRows) Dim() int { return r.dim }

// Next implements Reader.
func (r *csvRows) Next(row *Row) error {
	if r.failed != nil {
		return r.failed
	}
	cells := r.first
	r.first = nil
	if cells == nil {
		var err error
		if cells, err = r.csv.Read(); err == io.EOF {
			return r.fail(io.EOF)
		} else if err != nil {
			return r.fail(r.csvError(err))
		}
	}
	if err := r.parse(cells, row); err != nil {
		return r.fail(err)
	}
	r.row++
	return nil
}

func (r *csvRows) parse(cells []string, row *Row) error {
	*row = Row{}
	if r.id >= 0 {
		row.ID = cells[r.id]
		if err := r.checkID(r.header[r.id], row.ID); err != nil {
			return err
		}
	}
	if err := r.parseVector(cells); err != nil {
		return err
	}
	row.Vector = r.vec
	var err error
	row.Payload, err = r.payloadOf(cells)
	return err
}

func (r *csvRows) parseVector(cells []string) (err error) {
	r.vec = r.vec[:0]
	if r.vector >= 0 {
		name := r.header[r.vector]
		if r.vec, err = r.parseFloats(r.vec, []byte(cells[r.vector]), name); err != nil {
			return err
		}
		return r.checkRow(len(r.vec), r.dim, name)
	}
	for _, col := range r.numbers {
		text := strings.TrimSpace(cells[col])
		v, expected := parseFloat([]byte(text))
		if expected != "" {
			return r.bad(r.header[col], expected, strconv.Quote(text))
		}
		r.vec = append(r.vec, v)
	}
	return nil
}

// payloadOf makes an object of the payload columns, in the order of the header.
func (r *csvRows) payloadOf(cells []string) (json.RawMessage, error) {
	if r.whole >= 0 {
		text := []byte(cells[r.whole])
		if len(text) > 0 && !isObject(text) {
			return nil, r.bad(r.header[r.whole], "a JSON object or nothing", clip(text))
		}
		if len(text) == 0 {
			return nil, nil
		}
		return text, nil
	}
	var out []byte
	for _, col := range r.payload {
		cell := cells[col]
		if cell == "" {
			continue
		}
		sep := byte(',')
		if out == nil {
			sep = '{'
		}
		key, err := json.Marshal(r.header[col])
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", r.header[col], err)
		}
		out = append(append(append(out, sep), key...), ':')
		if out, err = appendCell(out, cell); err != nil {
			return nil, fmt.Errorf("column %q: %w", r.header[col], err)
		}
	}
	if out == nil {
		return nil, nil
	}
	return append(out, '}'), nil
}

func appendCell(out []byte, cell string) ([]byte, error) {
	switch c := cell[0]; {
	case cell == "true", cell == "false",
		(c == '-' || c-'0' <= 9) && isJSONNumber([]byte(cell)),
		(c == '{' || c == '[') && json.Valid([]byte(cell)):
		return append(out, cell...), nil
	}
	text, err := json.Marshal(cell)
	return append(out, text...), err
}

func (r *csvRows) csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return r.bad(fmt.Sprintf("line %d, column %d", parse.Line, parse.Column),
			fmt.Sprintf("%d well-formed cells", len(r.header)), parse.Err)
	}
	return r.broken(err)
}
