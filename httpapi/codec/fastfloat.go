package codec

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// inv10 holds the float64 nearest to each negative power of ten, and pow10u the
// powers that digit counts need.
var (
	inv10 = [...]float64{1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10,
		1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18, 1e-19}
	pow10u = [...]uint64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000}
)

// fastFloat reads the number at b[i:] if it has the form that embeddings have: at
// most 19 digits, no exponent, a magnitude that float32 holds well, and something
// behind it. Otherwise it reports false, and the number may be good nevertheless.
//
// The result is the nearest float32: the product of an integer below 2^64 and a
// rounded power of ten errs by less than four units in the last place of float64,
// and results that close to the middle between two float32 values are left to
// the exact way.
func fastFloat(b []byte, i int) (f float32, end int, ok bool) {
	neg := i < len(b) && b[i] == '-'
	if neg {
		i++
	}
	from := i
	var m uint64
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	whole, frac := i-from, 0
	switch {
	case whole == 0:
		return 0, 0, false
	case b[from] == '0':
		if whole > 1 {
			return 0, 0, false
		}
		whole = 0
	}
	if i < len(b) && b[i] == '.' {
		from = i + 1
		if m, i = fraction(b, from, m); i == from {
			return 0, 0, false
		}
		frac = i - from
	}
	if whole+frac > 19 || i >= len(b) || b[i]|0x20 == 'e' {
		return 0, 0, false
	}
	x := float64(m) * inv10[frac]
	const half, slack = 1 << 28, 4
	low := math.Float64bits(x) & (1<<29 - 1)
	if low-(half-slack) <= 2*slack || x < 0x1p-126 || x >= math.MaxFloat32 {
		return 0, i, m == 0 && !neg
	}
	if neg {
		x = -x
	}
	return float32(x), i, true
}

// fraction appends the digits at b[i:] to m, eight at a time; of the last word it
// takes as many as there are without a branch on how many that is.
func fraction(b []byte, i int, m uint64) (uint64, int) {
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[i:])
		const hi, threes = 0xF0F0F0F0F0F0F0F0, 0x3030303030303030
		// A byte of other is zero where v has a digit: its high nibble is 3, also
		// with 6 added. Carries only reach bytes behind one that is no digit.
		other := (v&hi ^ threes) | ((v+0x0606060606060606)&hi ^ threes)
		if other == 0 {
			m = m*100000000 + parseEight(v)
			i += 8
			continue
		}
		n := bits.TrailingZeros64(other) / 8
		if n == 0 {
			return m, i
		}
		v = v<<(64-8*n) | threes>>(8*n)
		return m*pow10u[n] + parseEight(v), i + n
	}
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	return m, i
}
