package payload

import (
	"errors"
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// Limits of a payload text.
const (
	MaxBytes = 1 << 20 // bytes of a payload, as given and as stored
	MaxDepth = 64      // containers inside each other
)

// Validate reports whether raw can be a payload: one JSON object (RFC 8259) in
// valid UTF-8, of at most MaxBytes bytes, nested at most MaxDepth deep, that
// names no key twice. A repeated key is refused, because readers differ on which
// one counts: a filter could see another value than the user. The error is an
// *errs.Error on the field "payload".
func Validate(raw []byte) error {
	if len(raw) > MaxBytes {
		return tooLarge(len(raw))
	}
	at := rawjson.SkipSpace(raw, 0)
	if k := rawjson.KindOf(raw, at); k != rawjson.Object {
		if k == rawjson.Invalid {
			return errs.Invalid("payload", "a JSON object", fmt.Sprintf("%.40q", raw[at:]))
		}
		return errs.Invalid("payload", "a JSON object", k.String())
	}
	err := rawjson.Check(raw, MaxDepth)
	var f *rawjson.Fault
	if errors.As(err, &f) {
		return errs.Invalid("payload", "a JSON object in UTF-8 without repeated keys, at most "+
			fmt.Sprint(MaxDepth)+" levels deep", f.Error()).With("offset", f.Offset)
	}
	return err
}

func tooLarge(given int) error {
	return errs.Invalid("payload", fmt.Sprintf("at most %d bytes", MaxBytes),
		fmt.Sprintf("%d bytes", given))
}

// Compact validates raw and appends it to dst without the white space between
// its parts. Numbers, strings and the order of keys stay as written. On an error
// dst is returned as it was.
func Compact(dst, raw []byte) ([]byte, error) {
	if err := Validate(raw); err != nil {
		return dst, err
	}
	return appendCompact(dst, raw), nil
}

// appendCompact appends the value at the front of raw, and what follows it.
func appendCompact(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\n', '\t', '\r':
			i++
		case '"':
			end, _ := rawjson.EndString(raw, i)
			dst = append(dst, raw[i:end]...)
			i = end
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
