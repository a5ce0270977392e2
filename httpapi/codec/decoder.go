package codec

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Format is how a body is written.
type Format uint8

// The formats of bodies.
const (
	JSON Format = iota
	MsgPack
	Octets
)

// ContentType returns the media type of the format.
func (f Format) ContentType() string {
	switch f {
	case MsgPack:
		return "application/msgpack"
	case Octets:
		return "application/octet-stream"
	}
	return "application/json"
}

// String returns the name of the format.
func (f Format) String() string { return [...]string{"json", "msgpack", "octets"}[f] }

// MaxDepth is how deep a body may nest. Deeper ones are refused, so no body
// can exhaust the stack.
const MaxDepth = 64

// Kind is what the next value of a body is.
type Kind uint8

// The kinds of values.
const (
	KindNone Kind = iota // end of the body, or not a value
	KindNull
	KindBool
	KindNumber
	KindString
	KindBytes // MessagePack bin
	KindArray
	KindObject
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string",
	"bytes", "an array", "an object"}

func (k Kind) String() string { return kindNames[k] }

// level is one open object or array.
type level struct {
	key    string // of an object's current member; aliases the body
	n      int    // MessagePack: elements left; JSON: elements read
	index  int    // of an array's current element
	object bool
}

// Decoder reads a body value by value, in order. The zero Decoder is empty; it
// may be reused after Reset. It is not safe for concurrent use.
type Decoder struct {
	data    []byte
	pos     int
	format  Format
	levels  [MaxDepth + 1]level
	depth   int
	scratch []byte // unescaped strings, transcoded values; only appended to
}

// Reset makes d read body. Slices returned before become invalid.
func (d *Decoder) Reset(body []byte, f Format) {
	d.data, d.pos, d.format, d.depth = body, 0, f, 0
	d.scratch = d.scratch[:0]
}

// Format returns the format given to Reset.
func (d *Decoder) Format() Format { return d.format }

// Path returns where the Decoder is, as in vectors[3].embedding, or "body".
func (d *Decoder) Path() string {
	var b []byte
	for i := 1; i <= d.depth; i++ {
		l := &d.levels[i]
		switch {
		case !l.object:
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(l.index), 10)
			b = append(b, ']')
		case l.key != "":
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, l.key...)
		}
	}
	if len(b) == 0 {
		return "body"
	}
	return clip(string(b))
}

// Invalid is a validation error at the current path.
func (d *Decoder) Invalid(expected string, given any) error {
	return errs.Invalid(d.Path(), expected, given)
}

// malformed is the error of a body that is not in its format at all.
func (d *Decoder) malformed(what string) error {
	name := "JSON"
	if d.format == MsgPack {
		name = "MessagePack"
	}
	return errs.New(errs.BadRequest, "Malformed %s body: %s at byte %d", name, what, d.pos).
		With("offset", d.pos).With("reason", what).With("field", d.Path())
}

// mismatch is the error of a value of another kind than expected.
func (d *Decoder) mismatch(expected string) error {
	k := d.Kind()
	if k == KindNone {
		return d.unexpected()
	}
	if d.format == JSON && (k == KindString || k == KindNumber) {
		at := *d
		if raw, err := at.Raw(); err == nil {
			return d.Invalid(expected, clip(string(raw)))
		}
	}
	return d.Invalid(expected, k.String())
}

// clip shortens what goes into a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

func (d *Decoder) push(object bool, n int) error {
	if d.depth == MaxDepth {
		return d.malformed(fmt.Sprintf("nested deeper than %d levels", MaxDepth))
	}
	d.depth++
	d.levels[d.depth] = level{object: object, n: n, index: -1}
	return nil
}

// Kind returns the kind of the next value without reading it.
func (d *Decoder) Kind() Kind {
	if d.format == MsgPack {
		return d.packKind()
	}
	return d.jsonKind()
}

// Object enters an object; Key then yields its members.
func (d *Decoder) Object() error {
	if d.Kind() != KindObject {
		return d.mismatch("an object")
	}
	if d.format == MsgPack {
		n, err := d.packCount()
		if err != nil {
			return err
		}
		return d.push(true, n)
	}
	d.pos++
	return d.push(true, 0)
}

// Key returns the name of the object's next member, or false behind the last.
// The member's value must be read, or skipped, before the next call.
func (d *Decoder) Key() ([]byte, bool, error) {
	d.levels[d.depth].key = ""
	var key []byte
	var ok bool
	var err error
	if d.format == MsgPack {
		key, ok, err = d.packKey()
	} else {
		key, ok, err = d.jsonKey()
	}
	if ok {
		d.levels[d.depth].key = unsafe.String(unsafe.SliceData(key), len(key))
	}
	return key, ok, err
}

// Array enters an array; Next then yields its elements.
func (d *Decoder) Array() error {
	if d.Kind() != KindArray {
		return d.mismatch("an array")
	}
	if d.format == MsgPack {
		n, err := d.packCount()
		if err != nil {
			return err
		}
		return d.push(false, n)
	}
	d.pos++
	return d.push(false, 0)
}

// Next reports whether the array has another element, which must then be read
// before the next call.
func (d *Decoder) Next() (bool, error) {
	if d.format == MsgPack {
		return d.packNext(), nil
	}
	return d.jsonNext()
}

// Null consumes a null and reports whether there was one.
func (d *Decoder) Null() bool {
	if d.Kind() != KindNull {
		return false
	}
	if d.format == MsgPack {
		d.pos++
	} else {
		d.pos += len("null")
	}
	return true
}

// Bool reads a boolean.
func (d *Decoder) Bool() (bool, error) {
	if d.Kind() != KindBool {
		return false, d.mismatch("a boolean")
	}
	if d.format == MsgPack {
		d.pos++
		return d.data[d.pos-1] == packTrue, nil
	}
	if d.data[d.pos] == 't' {
		d.pos += len("true")
		return true, nil
	}
	d.pos += len("false")
	return false, nil
}

// Int reads an integer from low to high.
func (d *Decoder) Int(low, high int) (int, error) {
	expected := func() string { return fmt.Sprintf("an integer from %d to %d", low, high) }
	if d.Kind() != KindNumber {
		return 0, d.mismatch(expected())
	}
	before := d.pos
	v, ok, err := d.integer()
	if err != nil {
		return 0, err
	}
	if !ok || v < int64(low) || v > int64(high) {
		given := any(v)
		if !ok && d.format == JSON {
			given = clip(string(d.data[before:d.pos]))
		} else if !ok {
			given = "a number that is not such an integer"
		}
		return 0, d.Invalid(expected(), given)
	}
	return int(v), nil
}

// Float32 reads a finite number.
func (d *Decoder) Float32() (float32, error) {
	if d.Kind() != KindNumber {
		return 0, d.mismatch("a finite 32-bit number")
	}
	if d.format == MsgPack {
		return d.packFloat()
	}
	return d.jsonFloat()
}

// Text reads a string of valid UTF-8.
func (d *Decoder) Text() ([]byte, error) {
	if d.Kind() != KindString {
		return nil, d.mismatch("a string")
	}
	if d.format == MsgPack {
		return d.packString()
	}
	return d.jsonString()
}

// String is Text as a string of its own.
func (d *Decoder) String() (string, error) {
	b, err := d.Text()
	return string(b), err
}

// Raw reads any value and returns it as JSON text that is valid in itself.
func (d *Decoder) Raw() ([]byte, error) {
	if d.format == MsgPack {
		return d.packRaw()
	}
	d.jsonSpace()
	from := d.pos
	if err := d.jsonSkip(); err != nil {
		return nil, err
	}
	return d.data[from:d.pos], nil
}

// Skip reads any value and drops it.
func (d *Decoder) Skip() error {
	if d.format == MsgPack {
		return d.packSkip()
	}
	return d.jsonSkip()
}

// End fails if anything but blanks follows.
func (d *Decoder) End() error {
	if d.format == JSON {
		d.jsonSpace()
	}
	if d.pos != len(d.data) {
		return d.malformed("data behind the value")
	}
	return nil
}

// Floats appends a vector to dst: an array of numbers, a base64 string of
// little-endian float32, or MessagePack bin of the same. Components are finite
// if they come from numbers; the engine checks the others.
func (d *Decoder) Floats(dst []float32) ([]float32, error) {
	switch d.Kind() {
	case KindArray:
		if d.format == MsgPack {
			return d.packFloats(dst)
		}
		return d.jsonFloats(dst)
	case KindString:
		s, err := d.Text()
		if err != nil {
			return dst, err
		}
		return d.base64Floats(dst, s)
	case KindBytes:
		b, err := d.packBytes()
		if err != nil {
			return dst, err
		}
		return d.rawFloats(dst, b)
	}
	return dst, d.mismatch("a vector (array of numbers, or base64 of little-endian float32)")
}

// base64Floats decodes s, standard alphabet, with or without padding.
func (d *Decoder) base64Floats(dst []float32, s []byte) ([]float32, error) {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	from := len(d.scratch)
	d.scratch = append(d.scratch, make([]byte, base64.RawStdEncoding.DecodedLen(len(s)))...)
	n, err := base64.RawStdEncoding.Decode(d.scratch[from:], s)
	if err != nil {
		return dst, d.Invalid("base64 of little-endian float32", clip(string(s)))
	}
	return d.rawFloats(dst, d.scratch[from:from+n])
}

func (d *Decoder) rawFloats(dst []float32, b []byte) ([]float32, error) {
	if len(b)%4 != 0 {
		return dst, d.Invalid("a whole number of 4-byte floats", fmt.Sprintf("%d bytes", len(b)))
	}
	return AppendFloats(dst, b), nil
}

// AppendFloats appends the little-endian float32 of b, whose length is a
// multiple of four, to dst.
func AppendFloats(dst []float32, b []byte) []float32 {
	for i := 0; i+4 <= len(b); i += 4 {
		dst = append(dst, float32FromBits(binary.LittleEndian.Uint32(b[i:])))
	}
	return dst
}
