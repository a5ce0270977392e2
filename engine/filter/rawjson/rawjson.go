// Package rawjson reads JSON text in place: it finds, skips, compares and
// checks values without decoding them, so that a filter runs over a stored
// payload without an allocation. It is a leaf: it imports nothing of ours.
//
// Two kinds of function live here. Check is strict: it accepts exactly the JSON
// texts of RFC 8259 with the limits it is given. The cursor functions are lax:
// they never read outside the slice and never loop on bad input, but accept some
// texts that are not JSON; use them on text that Check has passed.
package rawjson

import "bytes"

// Kind is the type of a JSON value, told by its first byte.
type Kind uint8

// The kinds. Invalid marks a byte that starts no value.
const (
	Invalid Kind = iota
	Null
	False
	True
	Num
	String
	Array
	Object
)

// String names the kind as error messages do.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case False, True:
		return "boolean"
	case Num:
		return "number"
	case String:
		return "string"
	case Array:
		return "array"
	case Object:
		return "object"
	}
	return "nothing"
}

// KindOf returns the kind of the value that starts at b[i].
func KindOf(b []byte, i int) Kind {
	if uint(i) >= uint(len(b)) {
		return Invalid
	}
	switch c := b[i]; {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '-' || c >= '0' && c <= '9':
		return Num
	case c == 't':
		return True
	case c == 'f':
		return False
	case c == 'n':
		return Null
	}
	return Invalid
}

// SkipSpace returns the index of the first byte at or after i that is not white
// space, or len(b).
func SkipSpace(b []byte, i int) int {
	for i < len(b) {
		if c := b[i]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return i
		}
		i++
	}
	return i
}

// EndString returns the index behind the string that starts with the quote at
// b[i] and whether it holds a backslash; end is -1 when it is not closed.
func EndString(b []byte, i int) (end int, escaped bool) {
	for j := i + 1; j < len(b); {
		n := bytes.IndexByte(b[j:], '"')
		if n < 0 {
			return -1, escaped
		}
		seg := b[j : j+n]
		k := bytes.IndexByte(seg, '\\')
		if k < 0 {
			return j + n + 1, escaped
		}
		escaped = true
		j += k + 2
	}
	return -1, escaped
}

// EndScalar returns the index behind the number or literal that starts at b[i].
func EndScalar(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ',', ']', '}', ' ', '\n', '\t', '\r', ':', '"', '[', '{':
			return i
		}
		i++
	}
	return i
}

// Skip returns the index behind the value that starts at b[i], or -1 when there
// is none or it is not closed. It does not recurse.
func Skip(b []byte, i int) int {
	switch KindOf(b, i) {
	case Invalid:
		return -1
	case String:
		end, _ := EndString(b, i)
		return end
	case Array, Object:
		return skipContainer(b, i)
	}
	return EndScalar(b, i)
}

func skipContainer(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			end, _ := EndString(b, i)
			if end < 0 {
				return -1
			}
			i = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// Members iterates over the members of an object, or the elements of an array,
// in order. The zero value has none.
type Members struct {
	b      []byte
	i      int
	close  byte
	opened bool
	bad    bool
}

// Iter returns an iterator over the container that starts at b[i].
func Iter(b []byte, i int) Members {
	switch KindOf(b, i) {
	case Object:
		return Members{b: b, i: i + 1, close: '}'}
	case Array:
		return Members{b: b, i: i + 1, close: ']'}
	}
	return Members{bad: true}
}

// Next moves to the next value and returns its index; ok is false at the end or
// when the text is broken (see Bad). In an object key is the text between the
// quotes. The caller passes the index behind the value before to After.
func (m *Members) Next() (key []byte, escaped bool, at int, ok bool) {
	if m.bad || m.b == nil {
		return nil, false, 0, false
	}
	if !m.separator() {
		return nil, false, 0, false
	}
	if m.close == '}' {
		if KindOf(m.b, m.i) != String {
			return nil, false, 0, m.fail()
		}
		end, esc := EndString(m.b, m.i)
		if end < 0 {
			return nil, false, 0, m.fail()
		}
		key, escaped = m.b[m.i+1:end-1], esc
		m.i = SkipSpace(m.b, end)
		if m.i >= len(m.b) || m.b[m.i] != ':' {
			return nil, false, 0, m.fail()
		}
		m.i = SkipSpace(m.b, m.i+1)
	}
	if m.i >= len(m.b) {
		return nil, false, 0, m.fail()
	}
	return key, escaped, m.i, true
}

// separator steps over the comma before the next value, or to the end.
func (m *Members) separator() bool {
	m.i = SkipSpace(m.b, m.i)
	if m.i >= len(m.b) {
		return m.fail()
	}
	if m.b[m.i] == m.close {
		m.b = nil
		m.i++
		return false
	}
	if m.opened {
		if m.b[m.i] != ',' {
			return m.fail()
		}
		m.i = SkipSpace(m.b, m.i+1)
	}
	m.opened = true
	return true
}

// After tells the iterator where the value that Next returned ends; end -1 marks
// the text as broken.
func (m *Members) After(end int) {
	if end < 0 {
		m.fail()
		return
	}
	m.i = end
}

// Bad reports whether the text is broken.
func (m *Members) Bad() bool { return m.bad }

// End is the index behind the container, once Next has returned false.
func (m *Members) End() int {
	if m.bad {
		return -1
	}
	return m.i
}

func (m *Members) fail() bool {
	m.bad = true
	return false
}
