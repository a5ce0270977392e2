package rowio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// The keys of a JSON line, each with its spellings.
var (
	idKeys      = []string{"id", "_id"}
	vectorKeys  = []string{"vector", "embedding", "data", "values"}
	payloadKeys = []string{"payload", "metadata"}
)

// jsonl reads one JSON object per line: {"id": …, "vector": […], "payload": {…}}.
// An object without a payload key has its remaining keys as the payload; with
// one, a key that is none of the three is refused, so that nothing is lost.
type jsonl struct {
	lines
	idKeys, vectorKeys []string
	ignore             []string
	first              []byte // the first line, read by newJSONL
	vec                []float32
	dim                int
}

func newJSONL(s *source, o Options) (*jsonl, error) {
	r := &jsonl{lines: lines{source: *s}, idKeys: idKeys, vectorKeys: vectorKeys,
		ignore: o.Ignore}
	if o.IDColumn != "" {
		r.idKeys = []string{o.IDColumn}
	}
	if o.VectorColumn != "" {
		r.vectorKeys = []string{o.VectorColumn}
	}
	r.row = 0
	text, err := r.line()
	if err == io.EOF {
		r.failed = io.EOF
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	r.first = slices.Clone(text)
	var row Row
	if err := r.parse(r.first, &row); err != nil {
		return nil, err
	}
	r.dim = len(row.Vector)
	return r, nil
}

// Dim implements Reader.
func (r *jsonl) Dim() int { return r.dim }

// Next implements Reader.
func (r *jsonl) Next(row *Row) error {
	if r.failed != nil {
		return r.failed
	}
	text := r.first
	r.first = nil
	if text == nil {
		var err error
		if text, err = r.line(); err != nil {
			return r.fail(err)
		}
	}
	if err := r.parse(text, row); err != nil {
		return r.fail(err)
	}
	r.row++
	return nil
}

func (r *jsonl) parse(text []byte, row *Row) error {
	keys, err := r.object(text)
	if err != nil {
		return err
	}
	*row = Row{}
	if name, raw, ok := take(keys, r.idKeys); ok {
		if row.ID, err = r.id(name, raw); err != nil {
			return err
		}
	}
	name, raw, ok := take(keys, r.vectorKeys)
	if !ok {
		return r.bad("vector", "one of the keys "+fmt.Sprint(r.vectorKeys), "none of them")
	}
	if r.vec, err = r.parseFloats(r.vec[:0], raw, name); err != nil {
		return err
	}
	if err := r.checkRow(len(r.vec), r.dim, name); err != nil {
		return err
	}
	row.Vector = r.vec
	for _, key := range r.ignore {
		delete(keys, key)
	}
	row.Payload, err = r.payload(keys)
	return err
}

// checkRow refuses a vector of another length than the first row's.
func (p place) checkRow(n, dim int, field string) error {
	if dim == 0 {
		return p.checkDim(int64(n))
	}
	if n != dim {
		return p.bad(field, fmt.Sprintf("%d components as in row 0", dim), n)
	}
	return nil
}

func (r *jsonl) object(text []byte) (map[string]json.RawMessage, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil || keys == nil {
		e := r.bad(fmt.Sprintf("line %d", r.number), "a JSON object", clip(text))
		if err != nil {
			e = e.Wrap(err)
		}
		return nil, e.With("line", r.number)
	}
	return keys, nil
}

// take removes the first of names that is present and not null from keys.
func take(keys map[string]json.RawMessage, names []string) (string, json.RawMessage, bool) {
	for _, name := range names {
		raw, ok := keys[name]
		if !ok {
			continue
		}
		delete(keys, name)
		if string(raw) != "null" {
			return name, raw, true
		}
	}
	return "", nil, false
}

// id accepts text and whole numbers.
func (p place) id(field string, raw json.RawMessage) (string, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		return text, p.checkID(field, text)
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return "", p.bad(field, "text or a whole number", clip(raw))
}

func (p place) checkID(field, id string) error {
	if id == "" {
		return p.bad(field, "an id of 1 to 256 bytes", `""`)
	}
	return nil
}

// payload takes what keys still holds.
func (r *jsonl) payload(keys map[string]json.RawMessage) (json.RawMessage, error) {
	name, raw, ok := take(keys, payloadKeys)
	if !ok {
		for _, k := range payloadKeys { // one that is null
			delete(keys, k)
		}
		if len(keys) == 0 {
			return nil, nil
		}
		return json.Marshal(keys)
	}
	if !bytes.HasPrefix(raw, []byte("{")) {
		return nil, r.bad(name, "a JSON object", clip(raw))
	}
	for k := range keys {
		return nil, r.bad(k, "no key beside id, vector and "+name, "a key that would be lost")
	}
	return raw, nil
}
