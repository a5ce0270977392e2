package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// First bytes of MessagePack values (specification, section "Formats").
const (
	packNil     = 0xc0
	packFalse   = 0xc2
	packTrue    = 0xc3
	packBin8    = 0xc4
	packBin32   = 0xc6
	packFloat32 = 0xca
	packFloat64 = 0xcb
	packUint8   = 0xcc
	packUint64  = 0xcf
	packInt8    = 0xd0
	packInt64   = 0xd3
	packStr8    = 0xd9
	packStr16   = 0xda
	packStr32   = 0xdb
	packArray16 = 0xdc
	packArray32 = 0xdd
	packMap16   = 0xde
	packMap32   = 0xdf
)

func float32FromBits(u uint32) float32 { return math.Float32frombits(u) }

func (d *Decoder) packKind() Kind {
	if d.pos >= len(d.data) {
		return KindNone
	}
	switch c := d.data[d.pos]; {
	case c < 0x80, c >= 0xe0, c >= packFloat32 && c <= packInt64:
		return KindNumber
	case c < 0x90, c == packMap16, c == packMap32:
		return KindObject
	case c < 0xa0, c == packArray16, c == packArray32:
		return KindArray
	case c < 0xc0, c >= packStr8 && c <= packStr32:
		return KindString
	case c == packNil:
		return KindNull
	case c == packFalse, c == packTrue:
		return KindBool
	case c >= packBin8 && c <= packBin32:
		return KindBytes
	}
	return KindNone // extensions and the unused byte
}

// packUint reads width big-endian bytes at d.pos.
func (d *Decoder) packUint(width int) (uint64, error) {
	if len(d.data)-d.pos < width {
		d.pos = len(d.data)
		return 0, d.malformed("the body ends early")
	}
	var v uint64
	for _, c := range d.data[d.pos : d.pos+width] {
		v = v<<8 | uint64(c)
	}
	d.pos += width
	return v, nil
}

// packCount reads the head of an array or a map. Every element takes at least a
// byte, so a count beyond the body is refused before anything relies on it.
func (d *Decoder) packCount() (int, error) {
	c := d.data[d.pos]
	object := c < 0x90 || c >= packMap16
	d.pos++
	n := uint64(c & 0x0f)
	var err error
	switch c {
	case packArray16, packMap16:
		n, err = d.packUint(2)
	case packArray32, packMap32:
		n, err = d.packUint(4)
	}
	if err != nil {
		return 0, err
	}
	need := n
	if object {
		need *= 2
	}
	if need > uint64(len(d.data)-d.pos) {
		return 0, d.malformed("the body ends early")
	}
	return int(n), nil
}

func (d *Decoder) packKey() ([]byte, bool, error) {
	if !d.packNext() {
		return nil, false, nil
	}
	if d.packKind() != KindString {
		return nil, false, d.malformed("a map key is not a string")
	}
	key, err := d.packString()
	return key, err == nil, err
}

func (d *Decoder) packNext() bool {
	l := &d.levels[d.depth]
	if l.n == 0 {
		d.depth--
		return false
	}
	l.n--
	l.index++
	return true
}

func (d *Decoder) packInt() (v int64, ok bool, err error) {
	c := d.data[d.pos]
	d.pos++
	switch {
	case c < 0x80:
		return int64(c), true, nil
	case c >= 0xe0:
		return int64(int8(c)), true, nil
	case c >= packUint8 && c <= packUint64:
		u, err := d.packUint(1 << (c - packUint8))
		return int64(u), u <= math.MaxInt64, err
	case c >= packInt8:
		width := 1 << (c - packInt8)
		u, err := d.packUint(width)
		shift := 64 - 8*width
		return int64(u<<shift) >> shift, true, err
	}
	d.pos--
	f, err := d.packDouble()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false, err
	}
	return int64(f), true, nil
}

// packDouble reads any number as a float64.
func (d *Decoder) packDouble() (float64, error) {
	switch c := d.data[d.pos]; c {
	case packFloat32:
		d.pos++
		u, err := d.packUint(4)
		return float64(math.Float32frombits(uint32(u))), err
	case packFloat64:
		d.pos++
		u, err := d.packUint(8)
		return math.Float64frombits(u), err
	case packUint64:
		d.pos++
		u, err := d.packUint(8)
		return float64(u), err
	}
	v, _, err := d.packInt()
	return float64(v), err
}

func (d *Decoder) packFloat() (float32, error) {
	f, err := d.packDouble()
	if err != nil {
		return 0, err
	}
	v := float32(f)
	if math.IsNaN(f) || math.IsInf(float64(v), 0) {
		return 0, d.Invalid("a finite 32-bit number", f)
	}
	return v, nil
}

// packFloats reads an array of numbers; runs of float32, what every packer of
// embeddings sends, take the short way.
func (d *Decoder) packFloats(dst []float32) ([]float32, error) {
	n, err := d.packCount()
	if err != nil {
		return dst, err
	}
	if err := d.push(false, n); err != nil {
		return dst, err
	}
	index := &d.levels[d.depth].index
	for *index = 0; *index < n; *index++ {
		if b := d.data[d.pos:]; len(b) >= 5 && b[0] == packFloat32 {
			u := binary.BigEndian.Uint32(b[1:])
			if u&0x7f800000 != 0x7f800000 {
				dst = append(dst, math.Float32frombits(u))
				d.pos += 5
				continue
			}
		}
		if d.packKind() != KindNumber {
			return dst, d.mismatch("a finite number")
		}
		f, err := d.packFloat()
		if err != nil {
			return dst, err
		}
		dst = append(dst, f)
	}
	d.depth--
	return dst, nil
}

// packLen reads the head of a string or of bytes and returns their length.
func (d *Decoder) packLen() (int, error) {
	c := d.data[d.pos]
	d.pos++
	n := uint64(c & 0x1f)
	var err error
	switch {
	case c >= packStr8 && c <= packStr32:
		n, err = d.packUint(1 << (c - packStr8))
	case c >= packBin8 && c <= packBin32:
		n, err = d.packUint(1 << (c - packBin8))
	}
	if err == nil && n > uint64(len(d.data)-d.pos) {
		d.pos = len(d.data)
		err = d.malformed("the body ends early")
	}
	return int(n), err
}

func (d *Decoder) packBytes() ([]byte, error) {
	n, err := d.packLen()
	if err != nil {
		return nil, err
	}
	d.pos += n
	return d.data[d.pos-n : d.pos : d.pos], nil
}

func (d *Decoder) packString() ([]byte, error) {
	b, err := d.packBytes()
	if err == nil && !utf8.Valid(b) {
		return nil, d.Invalid("valid UTF-8", "bytes that are not")
	}
	return b, err
}

func (d *Decoder) packSkip() error {
	from := len(d.scratch)
	_, err := d.packRaw()
	d.scratch = d.scratch[:from]
	return err
}

// packRaw transcodes one value to JSON text in d.scratch.
func (d *Decoder) packRaw() ([]byte, error) {
	from := len(d.scratch)
	if err := d.packJSON(); err != nil {
		return nil, err
	}
	return d.scratch[from:len(d.scratch):len(d.scratch)], nil
}

func (d *Decoder) packJSON() error {
	switch d.packKind() {
	case KindNull:
		d.pos++
		d.scratch = append(d.scratch, "null"...)
	case KindBool:
		word := "false"
		if d.data[d.pos] == packTrue {
			word = "true"
		}
		d.pos++
		d.scratch = append(d.scratch, word...)
	case KindNumber:
		return d.packNumberJSON()
	case KindString:
		s, err := d.packString()
		if err != nil {
			return err
		}
		d.scratch = AppendJSONString(d.scratch, s)
	case KindBytes:
		return d.Invalid("a value that JSON has", "bytes")
	case KindArray, KindObject:
		return d.packContainerJSON()
	default:
		return d.unexpected()
	}
	return nil
}

func (d *Decoder) packNumberJSON() error {
	switch c := d.data[d.pos]; {
	case c == packFloat32:
		f, err := d.packDouble()
		if err != nil {
			return err
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return d.Invalid("a finite number", f)
		}
		d.scratch = AppendFloat32(d.scratch, float32(f))
	case c == packFloat64:
		f, err := d.packDouble()
		if err != nil {
			return err
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return d.Invalid("a finite number", f)
		}
		d.scratch = appendFloat(d.scratch, f, 64)
	case c == packUint64:
		d.pos++
		u, err := d.packUint(8)
		if err != nil {
			return err
		}
		d.scratch = fmt.Appendf(d.scratch, "%d", u)
	default:
		v, _, err := d.packInt()
		if err != nil {
			return err
		}
		d.scratch = fmt.Appendf(d.scratch, "%d", v)
	}
	return nil
}

func (d *Decoder) packContainerJSON() error {
	object := d.packKind() == KindObject
	n, err := d.packCount()
	if err != nil {
		return err
	}
	if err := d.push(object, n); err != nil {
		return err
	}
	open, shut := byte('['), byte(']')
	if object {
		open, shut = '{', '}'
	}
	d.scratch = append(d.scratch, open)
	for first := true; ; first = false {
		more, err := d.packElement(object, first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	d.scratch = append(d.scratch, shut)
	return nil
}

// packElement transcodes one element of a container, with the comma before it.
func (d *Decoder) packElement(object, first bool) (bool, error) {
	comma := func() {
		if !first {
			d.scratch = append(d.scratch, ',')
		}
	}
	if !object {
		if !d.packNext() {
			return false, nil
		}
		comma()
		return true, d.packJSON()
	}
	key, more, err := d.Key()
	if !more || err != nil {
		return false, err
	}
	comma()
	d.scratch = append(AppendJSONString(d.scratch, key), ':')
	return true, d.packJSON()
}
