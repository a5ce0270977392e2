package codec

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

func (d *Decoder) jsonSpace() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\n', '\t', '\r':
			d.pos++
		default:
			return
		}
	}
}

func (d *Decoder) jsonKind() Kind {
	d.jsonSpace()
	if d.pos >= len(d.data) {
		return KindNone
	}
	rest := d.data[d.pos:]
	switch c := rest[0]; {
	case c == '"':
		return KindString
	case c == '{':
		return KindObject
	case c == '[':
		return KindArray
	case c == '-' || c-'0' <= 9:
		return KindNumber
	case c == 't' && bytes.HasPrefix(rest, []byte("true")),
		c == 'f' && bytes.HasPrefix(rest, []byte("false")):
		return KindBool
	case c == 'n' && bytes.HasPrefix(rest, []byte("null")):
		return KindNull
	}
	return KindNone
}

// unexpected is the error of a place where no value can start.
func (d *Decoder) unexpected() error {
	if d.pos >= len(d.data) {
		return d.malformed("the body ends early")
	}
	if d.format == MsgPack {
		return d.malformed("unsupported type")
	}
	rest := d.data[d.pos:]
	for _, word := range []string{"NaN", "Infinity", "-Infinity", "inf", "nan"} {
		if bytes.HasPrefix(rest, []byte(word)) {
			return d.Invalid("a finite number", word)
		}
	}
	r, _ := utf8.DecodeRune(rest)
	return d.malformed("unexpected character " + quoteRune(r))
}

func quoteRune(r rune) string {
	if r < ' ' || r == utf8.RuneError {
		return "that is not text"
	}
	return "'" + string(r) + "'"
}

// jsonKey reads `"name":`, or the closing brace.
func (d *Decoder) jsonKey() ([]byte, bool, error) {
	done, err := d.jsonSeparator('}')
	if done || err != nil {
		return nil, false, err
	}
	if d.jsonKind() != KindString {
		return nil, false, d.malformed("a member name is missing")
	}
	key, err := d.jsonString()
	if err != nil {
		return nil, false, err
	}
	d.jsonSpace()
	if d.pos >= len(d.data) || d.data[d.pos] != ':' {
		return nil, false, d.malformed("a colon is missing")
	}
	d.pos++
	return key, true, nil
}

func (d *Decoder) jsonNext() (bool, error) {
	done, err := d.jsonSeparator(']')
	if done || err != nil {
		return false, err
	}
	d.levels[d.depth].index++
	return true, nil
}

// jsonSeparator reads the comma before an element, or the closing bracket; it
// reports whether the container ended.
func (d *Decoder) jsonSeparator(closing byte) (bool, error) {
	d.jsonSpace()
	if d.pos >= len(d.data) {
		return false, d.malformed("the body ends early")
	}
	l := &d.levels[d.depth]
	switch c := d.data[d.pos]; {
	case c == closing:
		d.pos++
		d.depth--
		return true, nil
	case l.n == 0:
	case c == ',':
		d.pos++
		if d.jsonSpace(); d.pos < len(d.data) && d.data[d.pos] == closing {
			return false, d.malformed("a value is missing behind the comma")
		}
	default:
		return false, d.malformed("a comma is missing")
	}
	l.n++
	return false, nil
}

func (d *Decoder) integer() (int64, bool, error) {
	if d.format == MsgPack {
		return d.packInt()
	}
	n, ok := scanNumber(d.data, d.pos)
	if !ok {
		return 0, false, d.badNumber()
	}
	from := d.pos
	d.pos = n.end
	v, ok := n.int64(d.data[from:n.end])
	return v, ok, nil
}

func (d *Decoder) badNumber() error {
	if d.pos+1 < len(d.data) && d.data[d.pos] == '-' && d.data[d.pos+1] == 'I' {
		return d.Invalid("a finite number", "-Infinity")
	}
	return d.malformed("a number is not well formed")
}

func (d *Decoder) jsonFloat() (float32, error) {
	n, ok := scanNumber(d.data, d.pos)
	if !ok {
		return 0, d.badNumber()
	}
	text := d.data[d.pos:n.end]
	f, ok := n.float32(text)
	if !ok {
		return 0, d.Invalid("a finite 32-bit number", clip(string(text)))
	}
	d.pos = n.end
	return f, nil
}

// jsonFloats reads an array of numbers in one loop. The level it pushes serves
// only the path of an error.
func (d *Decoder) jsonFloats(dst []float32) ([]float32, error) {
	if err := d.push(false, 0); err != nil {
		return dst, err
	}
	d.pos++
	d.jsonSpace()
	if d.pos < len(d.data) && d.data[d.pos] == ']' {
		d.pos++
		d.depth--
		return dst, nil
	}
	index := &d.levels[d.depth].index
	for {
		*index++
		f, end, ok := fastFloat(d.data, d.pos)
		if ok {
			d.pos = end
		} else {
			var err error
			if f, err = d.slowFloat(); err != nil {
				return dst, err
			}
		}
		dst = append(dst, f)
		more, err := d.jsonComma()
		if err != nil {
			return dst, err
		}
		if !more {
			d.depth--
			return dst, nil
		}
	}
}

// slowFloat is what jsonFloats does for numbers of unusual form, and for values
// that are no numbers.
func (d *Decoder) slowFloat() (float32, error) {
	if d.Kind() != KindNumber {
		return 0, d.mismatch("a finite number")
	}
	return d.jsonFloat()
}

// jsonComma reads what follows an element of an array of numbers: a comma, and
// the blanks behind it, or the closing bracket.
func (d *Decoder) jsonComma() (more bool, err error) {
	if d.pos < len(d.data) && d.data[d.pos] > ' ' {
		// The common case has no blank before the comma.
	} else {
		d.jsonSpace()
	}
	if d.pos >= len(d.data) {
		return false, d.malformed("the body ends early")
	}
	c := d.data[d.pos]
	switch c {
	case ',':
		d.pos++
		d.jsonSpace()
		return true, nil
	case ']':
		d.pos++
		return false, nil
	}
	return false, d.malformed("a comma is missing")
}

// jsonString reads a string. Without escapes the result aliases the body.
func (d *Decoder) jsonString() ([]byte, error) {
	end, escaped, err := d.stringEnd()
	if err != nil {
		return nil, err
	}
	s := d.data[d.pos+1 : end]
	if escaped {
		from := len(d.scratch)
		var ok bool
		if d.scratch, ok = unescape(d.scratch, s); !ok {
			return nil, d.malformed("a string has an escape that is not text")
		}
		s = d.scratch[from:]
	}
	d.pos = end + 1
	return s, nil
}

// stringEnd returns the index of the quote that ends the string at d.pos. The
// string has valid UTF-8, no control characters, and well-formed escapes.
func (d *Decoder) stringEnd() (end int, escaped bool, err error) {
	ascii := true
	i := d.pos + 1
	for i < len(d.data) {
		switch c := d.data[i]; {
		case c == '"':
			if !ascii && !utf8.Valid(d.data[d.pos+1:i]) {
				return 0, false, d.Invalid("valid UTF-8", "bytes that are not")
			}
			return i, escaped, nil
		case c == '\\':
			n := escapeLen(d.data[i:])
			if n == 0 {
				d.pos = i
				return 0, false, d.malformed("a string has a broken escape")
			}
			escaped = true
			i += n
		case c < ' ':
			d.pos = i
			return 0, false, d.malformed("a string has a control character")
		default:
			ascii = ascii && c < utf8.RuneSelf
			i++
		}
	}
	d.pos = len(d.data)
	return 0, false, d.malformed("the body ends early")
}

// escapeLen returns the length of the escape that b starts with, or 0.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends s with its escapes resolved to dst. It reports false for a
// surrogate without its partner.
func unescape(dst, s []byte) ([]byte, bool) {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		c := s[i+1]
		if c != 'u' {
			dst = append(dst, plainEscape(c))
			i += 2
			continue
		}
		r, _ := hex4(s[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			if i+6 > len(s) || s[i] != '\\' || s[i+1] != 'u' {
				return dst, false
			}
			low, _ := hex4(s[i+2:])
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return dst, false
			}
			i += 6
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// jsonSkip reads one value of any kind and drops it.
func (d *Decoder) jsonSkip() error {
	switch d.jsonKind() {
	case KindString:
		end, _, err := d.stringEnd()
		if err != nil {
			return err
		}
		d.pos = end + 1
		return nil
	case KindNumber:
		n, ok := scanNumber(d.data, d.pos)
		if !ok {
			return d.badNumber()
		}
		text := d.data[d.pos:n.end]
		if _, ok := n.float64(text); !ok {
			return d.Invalid("a number that a 64-bit float can hold", clip(string(text)))
		}
		d.pos = n.end
		return nil
	case KindObject, KindArray:
		return d.jsonSkipContainer()
	case KindNull:
		d.Null()
		return nil
	case KindBool:
		_, err := d.Bool()
		return err
	}
	return d.unexpected()
}

func (d *Decoder) jsonSkipContainer() error {
	object := d.data[d.pos] == '{'
	d.pos++
	if err := d.push(object, 0); err != nil {
		return err
	}
	for {
		var more bool
		var err error
		if object {
			_, more, err = d.Key()
		} else {
			more, err = d.jsonNext()
		}
		if err != nil || !more {
			return err
		}
		if err := d.jsonSkip(); err != nil {
			return err
		}
	}
}
