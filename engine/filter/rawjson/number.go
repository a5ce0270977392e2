package rawjson

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// Number is a JSON number in a normal form: two numbers are equal in value
// exactly when they are equal as Go values. Whole numbers of the ranges of int64
// and uint64 are kept exactly, however they were written (5, 5.0 and 0.5e1 are
// one number); every other number is the nearest float64, beyond its range an
// infinity.
type Number struct {
	bits uint64
	form numberForm
}

type numberForm uint8

const (
	formInt   numberForm = iota // int64
	formUint                    // above math.MaxInt64
	formFloat                   // not whole, or outside both ranges
)

// Int returns v as a Number.
func Int(v int64) Number { return Number{bits: uint64(v)} }

// Uint returns v as a Number.
func Uint(v uint64) Number {
	if v <= math.MaxInt64 {
		return Number{bits: v}
	}
	return Number{bits: v, form: formUint}
}

// Float returns v as a Number; v is not NaN.
func Float(v float64) Number {
	switch {
	case v != math.Trunc(v) || math.IsInf(v, 0):
	case v >= -(1<<63) && v < 1<<63:
		return Int(int64(v))
	case v >= 1<<63 && v < 1<<64:
		return Uint(uint64(v))
	}
	return Number{bits: math.Float64bits(v), form: formFloat}
}

// Float64 returns the float64 nearest to n.
func (n Number) Float64() float64 {
	switch n.form {
	case formInt:
		return float64(int64(n.bits))
	case formUint:
		return float64(n.bits)
	}
	return math.Float64frombits(n.bits)
}

// Exact reports whether Float64 loses nothing.
func (n Number) Exact() bool {
	switch n.form {
	case formInt:
		v := int64(n.bits)
		f := float64(v)
		return f < 1<<63 && int64(f) == v
	case formUint:
		f := float64(n.bits)
		return f < 1<<64 && uint64(f) == n.bits
	}
	return true
}

// IsInt reports whether n is a whole number that an int64 holds, and which.
func (n Number) IsInt() (int64, bool) { return int64(n.bits), n.form == formInt }

// Compare orders by value: -1 when n < m, 0 when equal, 1 when n > m. It is
// exact: no whole number is rounded.
func (n Number) Compare(m Number) int {
	switch {
	case n == m:
		return 0
	case n.form == formFloat || m.form == formFloat:
		return compareFloat(n, m)
	case n.form != m.form: // an int64 against something above every int64
		if n.form == formInt {
			return -1
		}
		return 1
	case n.form == formInt && int64(n.bits) < int64(m.bits),
		n.form == formUint && n.bits < m.bits:
		return -1
	}
	return 1
}

// compareFloat compares two unequal numbers, not both of them in a whole form. A
// float that is in none is below 2^53 in size, or beyond all of them, so that
// rounding the other side cannot move it across; at most onto 2^64.
func compareFloat(n, m Number) int {
	a, b := n.Float64(), m.Float64()
	switch {
	case a < b, a == b && n.form == formUint:
		return -1
	}
	return 1
}

// Append appends n as JSON text; infinities as ±1e999.
func (n Number) Append(dst []byte) []byte {
	switch n.form {
	case formInt:
		return strconv.AppendInt(dst, int64(n.bits), 10)
	case formUint:
		return strconv.AppendUint(dst, n.bits, 10)
	}
	f := math.Float64frombits(n.bits)
	switch {
	case math.IsInf(f, 1):
		return append(dst, "1e999"...)
	case math.IsInf(f, -1):
		return append(dst, "-1e999"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// String returns n as JSON text.
func (n Number) String() string { return string(n.Append(nil)) }

// Bits returns n as 9 bytes that are equal exactly when the numbers are.
func (n Number) Bits() (value uint64, form uint8) { return n.bits, uint8(n.form) }

// FromBits is the inverse of Bits; ok is false for a pair that Bits never gives.
func FromBits(value uint64, form uint8) (n Number, ok bool) {
	n = Number{bits: value, form: numberForm(form)}
	switch n.form {
	case formInt:
		return n, true
	case formUint:
		return n, value > math.MaxInt64
	case formFloat:
		f := math.Float64frombits(value)
		return n, !math.IsNaN(f) && Float(f) == n
	}
	return n, false
}

// ParseNumber reads the text of a JSON number. ok is false when it is none.
func ParseNumber(tok []byte) (n Number, ok bool) {
	if v, whole := parseShortInt(tok); whole {
		return Int(v), true
	}
	if len(tok) == 0 || !numberGrammar(tok) {
		return Number{}, false
	}
	s := unsafe.String(&tok[0], len(tok)) // read only during this call
	if n, ok := parseLongInt(tok); ok {
		return n, true
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range gives an infinity, which stands
	return Float(f), true
}

// parseShortInt reads whole numbers of up to 18 digits, nearly all that occur.
func parseShortInt(tok []byte) (int64, bool) {
	neg := len(tok) > 0 && tok[0] == '-'
	if neg {
		tok = tok[1:]
	}
	if len(tok) == 0 || len(tok) > 18 || tok[0] == '0' && len(tok) > 1 {
		return 0, false
	}
	var v int64
	for _, c := range tok {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}

// parseLongInt reads whole numbers of 19 and 20 digits that a Number keeps.
func parseLongInt(tok []byte) (Number, bool) {
	neg := tok[0] == '-'
	if neg {
		tok = tok[1:]
	}
	if len(tok) > 20 {
		return Number{}, false
	}
	var v uint64
	for _, c := range tok {
		if c < '0' || c > '9' {
			return Number{}, false
		}
		hi, lo := bits.Mul64(v, 10)
		sum, carry := bits.Add64(lo, uint64(c-'0'), 0)
		if hi+carry != 0 {
			return Number{}, false
		}
		v = sum
	}
	switch {
	case !neg:
		return Uint(v), true
	case v <= 1<<63:
		return Int(-int64(v)), true
	}
	return Number{}, false
}

// numberGrammar reports whether tok is a number of RFC 8259, section 6.
func numberGrammar(tok []byte) bool {
	i := 0
	if i < len(tok) && tok[i] == '-' {
		i++
	}
	switch {
	case i < len(tok) && tok[i] == '0':
		i++
	default:
		n := digits(tok, i)
		if n == i {
			return false
		}
		i = n
	}
	if i < len(tok) && tok[i] == '.' {
		n := digits(tok, i+1)
		if n == i+1 {
			return false
		}
		i = n
	}
	if i < len(tok) && (tok[i] == 'e' || tok[i] == 'E') {
		i++
		if i < len(tok) && (tok[i] == '+' || tok[i] == '-') {
			i++
		}
		n := digits(tok, i)
		if n == i {
			return false
		}
		i = n
	}
	return i == len(tok)
}

func digits(tok []byte, i int) int {
	for i < len(tok) && tok[i] >= '0' && tok[i] <= '9' {
		i++
	}
	return i
}
