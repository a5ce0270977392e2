package rowio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// withIDs joins a reader of bare vectors with the ids file beside it.
type withIDs struct {
	Reader
	path   string
	ids    *lines
	parser jsonl
	row    int64
	failed error
}

// openIDs wraps r when path has an ids file beside it.
func openIDs(path string, r Reader) (Reader, error) {
	name := path + IDsSuffix
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	s := &source{place: place{name, 0}, in: &input{raw: f, closer: f}}
	if err := s.decompress(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w := &withIDs{Reader: r, path: path, ids: &lines{source: *s}}
	w.parser.place = s.place
	return w, nil
}

// Next implements Reader. Both files must have the same number of rows.
func (w *withIDs) Next(row *Row) error {
	if w.failed != nil {
		return w.failed
	}
	err := w.next(row)
	if err != nil {
		w.failed = err
		return err
	}
	w.row++
	return nil
}

func (w *withIDs) next(row *Row) error {
	w.ids.row, w.parser.row = w.row, w.row
	err := w.Reader.Next(row)
	text, idErr := w.ids.line()
	switch {
	case err == io.EOF && idErr == nil:
		return w.ids.bad("rows", fmt.Sprintf("%d as in %s", w.row, w.path), "more")
	case err != nil:
		return err
	case idErr == io.EOF:
		return w.ids.bad("rows", "as many as in "+w.path, w.row)
	case idErr != nil:
		return idErr
	}
	w.parser.number = w.ids.number
	return w.parser.parseIDs(text, row)
}

// Close implements Reader.
func (w *withIDs) Close() error {
	w.failed = os.ErrClosed
	return errors.Join(w.Reader.Close(), w.ids.Close())
}

// parseIDs takes the id and the payload of a line that has no vector.
func (r *jsonl) parseIDs(text []byte, row *Row) error {
	keys, err := r.object(text)
	if err != nil {
		return err
	}
	name, raw, ok := take(keys, idKeys)
	if !ok {
		return r.bad("id", "an id", "none")
	}
	if row.ID, err = r.id(name, raw); err != nil {
		return err
	}
	row.Payload, err = r.payload(keys)
	return err
}
