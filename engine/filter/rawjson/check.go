package rawjson

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Fault says why a text is refused.
type Fault struct {
	Offset int    // byte at which it was noticed
	Reason string // what was expected, what was found
}

// Error returns the reason and where.
func (f *Fault) Error() string { return fmt.Sprintf("%s at byte %d", f.Reason, f.Offset) }

// Check reports whether b is exactly one JSON value (RFC 8259), white space
// around it allowed, nested at most maxDepth containers deep, in valid UTF-8,
// with no object naming a key twice. The error is a *Fault.
//
// Repeated keys are refused because readers differ on which one counts: what one
// of them filters by, another would not see.
func Check(b []byte, maxDepth int) error {
	if !utf8.Valid(b) {
		return &Fault{Offset: invalidUTF8(b), Reason: "invalid UTF-8"}
	}
	c := checker{b: b, left: maxDepth}
	i := c.value(SkipSpace(b, 0))
	if c.fault == nil {
		if i = SkipSpace(b, i); i < len(b) {
			c.fail(i, "more text behind the value")
		}
	}
	if c.fault != nil {
		return c.fault
	}
	return nil
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// checker walks one text. Its methods return the index behind what they read;
// after a failure the index means nothing.
type checker struct {
	b     []byte
	left  int      // containers that may still be opened inside each other
	keys  [][]byte // keys of the open objects, innermost last
	fault *Fault
}

func (c *checker) fail(i int, format string, args ...any) int {
	if c.fault == nil {
		c.fault = &Fault{Offset: i, Reason: fmt.Sprintf(format, args...)}
	}
	return len(c.b)
}

func (c *checker) value(i int) int {
	switch KindOf(c.b, i) {
	case Object, Array:
		if c.left == 0 {
			return c.fail(i, "nested too deeply")
		}
		c.left--
		if c.b[i] == '{' {
			i = c.object(i)
		} else {
			i = c.array(i)
		}
		c.left++
		return i
	case String:
		return c.str(i)
	case Num:
		end := EndScalar(c.b, i)
		if !numberGrammar(c.b[i:end]) {
			return c.fail(i, "malformed number %.40q", c.b[i:end])
		}
		return end
	case True:
		return c.literal(i, "true")
	case False:
		return c.literal(i, "false")
	case Null:
		return c.literal(i, "null")
	}
	if i >= len(c.b) {
		return c.fail(i, "expected a value, found the end")
	}
	return c.fail(i, "expected a value, found %q", c.b[i])
}

func (c *checker) literal(i int, word string) int {
	if end := EndScalar(c.b, i); string(c.b[i:end]) == word {
		return end
	}
	return c.fail(i, "expected %s", word)
}

func (c *checker) array(i int) int {
	i = SkipSpace(c.b, i+1)
	if i < len(c.b) && c.b[i] == ']' {
		return i + 1
	}
	for {
		i = SkipSpace(c.b, c.value(i))
		if c.fault != nil {
			return i
		}
		if end, more := c.next(i, ']'); !more {
			return end
		}
		i = SkipSpace(c.b, i+1)
	}
}

// next reports whether a comma follows at i; else the container must close.
func (c *checker) next(i int, closing byte) (int, bool) {
	switch {
	case i >= len(c.b):
		return c.fail(i, "expected ',' or '%c', found the end", closing), false
	case c.b[i] == ',':
		return i, true
	case c.b[i] == closing:
		return i + 1, false
	}
	return c.fail(i, "expected ',' or '%c', found %q", closing, c.b[i]), false
}

func (c *checker) object(i int) int {
	base := len(c.keys)
	var seen map[string]struct{}
	i = SkipSpace(c.b, i+1)
	if i < len(c.b) && c.b[i] == '}' {
		return i + 1
	}
	for c.fault == nil {
		start := i
		if KindOf(c.b, i) != String {
			return c.fail(i, "expected a key in quotes")
		}
		if i = c.str(i); c.fault != nil {
			return i
		}
		seen = c.addKey(base, seen, start, i)
		if i = SkipSpace(c.b, i); i >= len(c.b) || c.b[i] != ':' {
			return c.fail(i, "expected ':' behind a key")
		}
		i = SkipSpace(c.b, c.value(SkipSpace(c.b, i+1)))
		if c.fault != nil {
			return i
		}
		end, more := c.next(i, '}')
		if !more {
			c.keys = c.keys[:base]
			return end
		}
		i = SkipSpace(c.b, i+1)
	}
	return i
}

// fewKeys is up to how many keys of an object are compared one by one.
const fewKeys = 24

// addKey records the key with its quotes at c.b[start:end] and refuses it when
// the object has it already. Large objects use seen, which it makes and returns.
func (c *checker) addKey(base int, seen map[string]struct{}, start, end int) map[string]struct{} {
	key := c.b[start+1 : end-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key = AppendUnquoted(make([]byte, 0, len(key)), key)
	}
	dup := false
	switch {
	case seen != nil:
		_, dup = seen[string(key)]
		seen[string(key)] = struct{}{}
	case len(c.keys)-base == fewKeys:
		seen = make(map[string]struct{}, 4*fewKeys)
		for _, k := range c.keys[base:] {
			seen[string(k)] = struct{}{}
		}
		_, dup = seen[string(key)]
		seen[string(key)] = struct{}{}
	default:
		for _, k := range c.keys[base:] {
			dup = dup || bytes.Equal(k, key)
		}
		c.keys = append(c.keys, key)
	}
	if dup {
		c.fail(start, "key %.60q twice in one object", key)
	}
	return seen
}

// str checks the string at b[i].
func (c *checker) str(i int) int {
	for j := i + 1; j < len(c.b); j++ {
		switch ch := c.b[j]; {
		case ch == '"':
			return j + 1
		case ch < ' ':
			return c.fail(j, "control character %#02x in a string", ch)
		case ch == '\\':
			n := c.escape(j)
			if n == 0 {
				return c.fail(j, "malformed escape in a string")
			}
			j += n - 1
		}
	}
	return c.fail(i, "string not closed")
}

// escape returns the length of the escape at b[j], or 0.
func (c *checker) escape(j int) int {
	if j+1 >= len(c.b) {
		return 0
	}
	switch c.b[j+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(c.b, j+2); ok {
			return 6
		}
	}
	return 0
}
