package codec

import (
	"bytes"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// fieldSet is the list of top-level members one kind of body may have.
type fieldSet []string

// unknown is the error of a member that is not in the set. It names the nearest
// one that is.
func (s fieldSet) unknown(key []byte) error {
	given := clip(string(key))
	e := errs.New(errs.Validation, "Invalid %s: unknown field", given).
		With("field", given).With("reason", "unknown field").With("known", []string(s))
	if near := s.nearest(given); near != "" {
		e = errs.New(errs.Validation, "Invalid %s: unknown field, did you mean %q?", given, near).
			With("field", given).With("reason", "unknown field").
			With("did_you_mean", near).With("known", []string(s))
	}
	return e
}

// nearest returns the member of the set closest to given by edit distance, if it
// is close enough to be a slip.
func (s fieldSet) nearest(given string) string {
	best, at := "", 3
	given = strings.ToLower(given)
	for _, f := range s {
		if n := editDistance(given, f); n < at && n < len(f) {
			best, at = f, n
		}
	}
	return best
}

// editDistance is the Levenshtein distance of two short words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// object reads an object and calls member for each of its members. member
// reports false for a name it does not know. An absent body, which clients send
// for "no options", is an empty object.
func (d *Decoder) object(known fieldSet, member func(key []byte) (bool, error)) error {
	if err := d.Object(); err != nil {
		return err
	}
	for {
		key, more, err := d.Key()
		if err != nil || !more {
			return err
		}
		ok, err := member(key)
		if err != nil {
			return err
		}
		if !ok {
			return known.unknown(key)
		}
	}
}

// empty reports whether the body has no value at all.
func (d *Decoder) empty() bool {
	return len(bytes.TrimSpace(d.data)) == 0
}
