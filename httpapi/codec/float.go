package codec

import (
	"encoding/binary"
	"math"
	"strconv"
)

// pow10 holds the powers of ten that float64 represents exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number is a JSON number split into its parts: value = mant * 10^exp.
type number struct {
	end  int    // index behind the number
	mant uint64 // the digits
	exp  int
	neg  bool
	long bool // more than 19 significant digits: mant is not the whole of them
	frac bool // has a fraction or an exponent
}

// scanNumber reads the JSON number at b[i:]. It reports false when there is
// none. The grammar is that of RFC 8259 section 6.
func scanNumber(b []byte, i int) (n number, ok bool) {
	if i < len(b) && b[i] == '-' {
		n.neg = true
		i++
	}
	start := i
	n.mant, i = digits(b, i, 0)
	whole := i - start
	if whole == 0 || (whole > 1 && b[start] == '0') {
		return n, false
	}
	count := whole
	if i < len(b) && b[i] == '.' {
		n.frac = true
		from := i + 1
		n.mant, i = digits(b, from, n.mant)
		if i == from {
			return n, false
		}
		n.exp = from - i
		count += i - from
	}
	if count > 19 {
		n.long = significant(b[start:i]) > 19
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		n.frac = true
		var e int
		if e, i, ok = exponent(b, i+1); !ok {
			return n, false
		}
		n.exp += e
	}
	n.end = i
	return n, true
}

// digits appends the decimal digits at b[i:] to m and returns the index behind
// them. Beyond 19 digits m wraps; the caller checks.
func digits(b []byte, i int, m uint64) (uint64, int) {
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[i:])
		if !eightDigits(v) {
			break
		}
		m = m*100000000 + parseEight(v)
		i += 8
	}
	for i < len(b) {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		m = m*10 + uint64(c)
		i++
	}
	return m, i
}

// eightDigits reports whether all eight bytes of v are ASCII digits: the high
// nibble is 3 both before and after adding 6.
func eightDigits(v uint64) bool {
	const hi = 0xF0F0F0F0F0F0F0F0
	return (v&hi)|(((v+0x0606060606060606)&hi)>>4) == 0x3333333333333333
}

// parseEight converts eight ASCII digits, first digit in the lowest byte, by
// combining neighbours pairwise (Lemire, "Number parsing at a gigabyte per
// second", 2021, section 3).
func parseEight(v uint64) uint64 {
	const mask = 0x000000FF000000FF
	v -= 0x3030303030303030
	v = v*10 + v>>8
	return ((v&mask)*(100+(1000000<<32)) + ((v>>16)&mask)*(1+(10000<<32))) >> 32
}

// significant counts the digits of s from the first that is not zero.
func significant(s []byte) int {
	n := 0
	for _, c := range s {
		if c == '.' || (n == 0 && c == '0') {
			continue
		}
		n++
	}
	return n
}

// exponent reads the digits, with sign, of an exponent at b[i:]. Values beyond
// any float are capped.
func exponent(b []byte, i int) (e, end int, ok bool) {
	neg := false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		neg = b[i] == '-'
		i++
	}
	from := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if e < 100000 {
			e = e*10 + int(b[i]-'0')
		}
	}
	if neg {
		e = -e
	}
	return e, i, i > from
}

// float32 returns the float32 nearest to the number, ties to even. text is the
// number as written. It reports false when the magnitude exceeds float32.
//
// One float64 operation on an integer below 2^64 and an exact power of ten errs
// by at most two units in the last place. Rounding that to float32 is right
// unless it lies within those units of the middle between two float32 values;
// then, and for subnormals and rare exponents, strconv decides.
func (n *number) float32(text []byte) (float32, bool) {
	if n.mant == 0 && !n.long {
		return signed(0, n.neg), true
	}
	if !n.long && n.exp >= -22 && n.exp <= 22 {
		f := float64(n.mant)
		if n.exp < 0 {
			f /= pow10[-n.exp]
		} else {
			f *= pow10[n.exp]
		}
		const half, slack = 1 << 28, 4
		low := math.Float64bits(f) & (1<<29 - 1)
		clear := low+slack < half || low > half+slack
		if clear && f >= 0x1p-126 && f < math.MaxFloat32 {
			return signed(float32(f), n.neg), true
		}
	}
	f, err := strconv.ParseFloat(string(text), 32)
	return float32(f), err == nil
}

func signed(f float32, neg bool) float32 {
	if neg {
		return -f
	}
	return f
}

// int64 returns the number as an integer, if it is one that int64 holds. 10.0
// and 1e2 are integers.
func (n *number) int64(text []byte) (int64, bool) {
	if n.frac || n.long {
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, false
		}
		return int64(f), true
	}
	if n.mant > math.MaxInt64 {
		return 0, false
	}
	v := int64(n.mant)
	if n.neg {
		v = -v
	}
	return v, true
}

// float64 returns the number as a float64. It reports false when its magnitude
// exceeds the type. Most numbers need no more than the look at the exponent.
func (n *number) float64(text []byte) (float64, bool) {
	if !n.long && n.exp >= -22 && n.exp <= 22 && n.mant < 1<<53 {
		f := float64(n.mant)
		if n.exp < 0 {
			f /= pow10[-n.exp]
		} else {
			f *= pow10[n.exp]
		}
		if n.neg {
			f = -f
		}
		return f, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}
