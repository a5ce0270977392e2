package codec

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain[c] says that byte c stands for itself inside a JSON string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// AppendJSONString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendJSONString[T []byte | string](b []byte, s T) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(b, s[from:i]...)
			b = utf8.AppendRune(b, utf8.RuneError)
		} else {
			b = append(b, s[from:i]...)
			b = appendEscape(b, c)
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// AppendFloat32 appends the shortest decimal that reads back as f, which is
// finite.
func AppendFloat32(b []byte, f float32) []byte { return appendFloat(b, float64(f), 32) }

func appendFloat(b []byte, f float64, bits int) []byte {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, bits)
}

// Encoder appends one reply, as JSON or MessagePack, to a buffer. Containers are
// opened with their size, which MessagePack writes first; an object of n members
// takes n calls of Key, each followed by one value. Its zero value writes JSON.
type Encoder struct {
	buf   []byte
	pack  bool
	comma bool // JSON: a comma is due before the next element
}

// Reset makes e append to buf in a format, JSON or MsgPack.
func (e *Encoder) Reset(buf []byte, f Format) {
	e.buf, e.pack, e.comma = buf, f == MsgPack, false
}

// Bytes returns the buffer with what was appended.
func (e *Encoder) Bytes() []byte { return e.buf }

// Packed reports whether the reply is MessagePack.
func (e *Encoder) Packed() bool { return e.pack }

// sep writes the comma before an element, if one is due.
func (e *Encoder) sep() {
	if e.comma {
		e.buf = append(e.buf, ',')
	}
	e.comma = true
}

// Object opens an object of n members.
func (e *Encoder) Object(n int) {
	if e.pack {
		e.head(n, 0x80, packMap16)
		return
	}
	e.sep()
	e.buf = append(e.buf, '{')
	e.comma = false
}

// EndObject closes the object.
func (e *Encoder) EndObject() { e.end('}') }

// Array opens an array of n elements.
func (e *Encoder) Array(n int) {
	if e.pack {
		e.head(n, 0x90, packArray16)
		return
	}
	e.sep()
	e.buf = append(e.buf, '[')
	e.comma = false
}

// EndArray closes the array.
func (e *Encoder) EndArray() { e.end(']') }

func (e *Encoder) end(c byte) {
	if !e.pack {
		e.buf = append(e.buf, c)
		e.comma = true
	}
}

// head writes the head of a container of n elements.
func (e *Encoder) head(n int, fix, wide byte) {
	switch {
	case n < 16:
		e.buf = append(e.buf, fix|byte(n))
	case n < 1<<16:
		e.buf = append(e.buf, wide, byte(n>>8), byte(n))
	default:
		e.buf = binary.BigEndian.AppendUint32(append(e.buf, wide+1), uint32(n))
	}
}

// Key writes the name of the next member. It is plain ASCII.
func (e *Encoder) Key(name string) {
	if e.pack {
		e.packText(name)
		return
	}
	if e.comma {
		e.buf = append(e.buf, ',')
	}
	e.buf = append(e.buf, '"')
	e.buf = append(append(e.buf, name...), '"', ':')
	e.comma = false
}

// Text writes a string.
func (e *Encoder) Text(s string) {
	if e.pack {
		e.packText(s)
		return
	}
	e.sep()
	e.buf = AppendJSONString(e.buf, s)
}

func (e *Encoder) packText(s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	switch n := len(s); {
	case n < 32:
		e.buf = append(e.buf, 0xa0|byte(n))
	case n < 1<<8:
		e.buf = append(e.buf, packStr8, byte(n))
	case n < 1<<16:
		e.buf = append(e.buf, packStr16, byte(n>>8), byte(n))
	default:
		e.buf = binary.BigEndian.AppendUint32(append(e.buf, packStr32), uint32(n))
	}
	e.buf = append(e.buf, s...)
}

// Int writes an integer.
func (e *Encoder) Int(v int64) {
	if !e.pack {
		e.sep()
		e.buf = strconv.AppendInt(e.buf, v, 10)
		return
	}
	switch {
	case v >= 0 && v < 128:
		e.buf = append(e.buf, byte(v))
	case v >= 0 && v < 1<<16:
		e.buf = append(e.buf, packUint8+1, byte(v>>8), byte(v))
	default:
		e.buf = binary.BigEndian.AppendUint64(append(e.buf, packInt64), uint64(v))
	}
}

// Bool writes a boolean.
func (e *Encoder) Bool(v bool) {
	if e.pack {
		c := byte(packFalse)
		if v {
			c = packTrue
		}
		e.buf = append(e.buf, c)
		return
	}
	e.sep()
	e.buf = strconv.AppendBool(e.buf, v)
}

// Null writes a null.
func (e *Encoder) Null() {
	if e.pack {
		e.buf = append(e.buf, packNil)
		return
	}
	e.sep()
	e.buf = append(e.buf, "null"...)
}

// Float32 writes a finite number, in JSON as its shortest decimal.
func (e *Encoder) Float32(f float32) {
	if e.pack {
		e.buf = binary.BigEndian.AppendUint32(append(e.buf, packFloat32), math.Float32bits(f))
		return
	}
	e.sep()
	e.buf = AppendFloat32(e.buf, f)
}

// Float64 writes a finite number.
func (e *Encoder) Float64(f float64) {
	if e.pack {
		e.buf = binary.BigEndian.AppendUint64(append(e.buf, packFloat64), math.Float64bits(f))
		return
	}
	e.sep()
	e.buf = appendFloat(e.buf, f, 64)
}

// Floats writes a vector as an array of numbers.
func (e *Encoder) Floats(v []float32) {
	e.Array(len(v))
	if e.pack {
		for _, f := range v {
			e.buf = binary.BigEndian.AppendUint32(append(e.buf, packFloat32),
				math.Float32bits(f))
		}
		return
	}
	for i, f := range v {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = AppendFloat32(e.buf, f)
	}
	e.EndArray()
}

// Raw writes a value given as valid JSON text; an empty text is null. In
// MessagePack it is transcoded.
func (e *Encoder) Raw(text []byte) {
	if len(text) == 0 {
		e.Null()
		return
	}
	if e.pack {
		e.buf = AppendMsgPack(e.buf, text)
		return
	}
	e.sep()
	e.buf = append(e.buf, text...)
}
