package codes

import (
	"encoding/binary"
	"math"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Codes of four bits: c stands for the component (2c - 15) × the row's scale. Turned
// components of one row are about normal, so the steps follow their mean square (Max
// 1960, "Quantizing for Minimum Distortion"), and the scale is the one with which the
// rounded vector is the projection of the row onto its direction, as in RaBitQ. Two
// codes lie in a byte: of a line's components the first half in the low four bits,
// the second in the high ones. The trailer's second half is the scale, a float32.

const (
	// fourStep is the step, in root mean squares of the components, that loses
	// least of normal ones with sixteen levels.
	fourStep = 0.3352
	fourMax  = 15
)

// halves calls f for each line of a row of four-bit codes with the range of bytes
// and the components of its low halves; those of the high halves follow. The last
// line is shorter by the trailer.
func (m *Model) halves(f func(low, high, at, width int)) {
	for at := 0; at < m.stride; at += lineBytes {
		width := min(lineBytes, m.stride-trailerBytes-at)
		f(2*at, 2*at+width, at, width)
	}
}

// clip returns the components from first on, width of them, as far as there are.
func clip(y []float32, first, width int) []float32 {
	return y[min(first, len(y)):min(first+width, len(y))]
}

// encode4 writes the code of t.
//
//go:norace
func (m *Model) encode4(dst []byte, v []float32, t *turned) {
	clear(dst)
	inv := float32(0)
	if t.norm > 0 {
		inv = float32(1 / (fourStep * math.Sqrt(float64(t.norm)/float64(m.kept))))
	}
	product, squares := float32(0), 0
	put := func(y []float32, dst []byte, shift int) {
		for i, x := range y {
			c := min(max(int(x*inv+fourMax/2+1), 0), fourMax)
			dst[i] |= byte(c << shift)
			product += x * float32(2*c-fourMax)
			squares += (2*c - fourMax) * (2*c - fourMax)
		}
	}
	m.halves(func(low, high, at, width int) {
		put(clip(t.y, low, width), dst[at:at+width], 0)
		put(clip(t.y, high, width), dst[at:at+width], 4)
	})
	scale := float32(0)
	if product > 0 {
		scale = product / float32(squares)
	}
	// An estimate from the rounded vector is too large by what rounding took off,
	// norm - rounded, at each rounded side.
	rounded := scale * product
	end := dst[m.stride-trailerBytes:]
	binary.NativeEndian.PutUint32(end, math.Float32bits(m.bias(v, 2*rounded-t.norm, t.rest)))
	binary.NativeEndian.PutUint32(end[4:], math.Float32bits(scale))
}

// setVector4 is SetVector behind the projection.
func (m *Model) setVector4(q *Query, t *turned, step float32) {
	sum := int32(0)
	put := func(y []float32, codes []int8) {
		sum += simd.RoundI8(codes[:len(y)], y, 1/step)
		clear(codes[len(y):])
	}
	m.halves(func(low, high, at, width int) {
		put(clip(t.y, low, width), q.codes[2*at:2*at+lineBytes])
		put(clip(t.y, high, width), q.codes[2*at+lineBytes:2*at+2*lineBytes])
	})
	m.finish4(q, sum, step)
}

// setCode4 is SetCode.
//
//go:norace
func (m *Model) setCode4(q *Query, code []byte) {
	sum := simd.WidenU4(q.codes, code[:m.stride])
	if m.kept < m.kind.room(m.stride) {
		m.halves(func(low, high, at, width int) {
			sum -= leaveOut(q.codes[2*at:2*at+lineBytes], m.kept-low, width)
			sum -= leaveOut(q.codes[2*at+lineBytes:2*at+2*lineBytes], m.kept-high, width)
		})
	}
	end := code[m.stride-trailerBytes : m.stride]
	m.finish4(q, sum, math.Float32frombits(binary.NativeEndian.Uint32(end[4:])))
	q.score.Bias = math.Float32frombits(binary.NativeEndian.Uint32(end))
}

// leaveOut clears the components from n on, of width that a line has room for, and
// returns their sum.
func leaveOut(line []int8, n, width int) (sum int32) {
	for i := max(n, 0); i < width; i++ {
		sum += int32(line[i])
		line[i] = 0
	}
	return sum
}

// finish4 sets the query's side of the estimate but for its constant.
func (m *Model) finish4(q *Query, sum int32, step float32) {
	q.score = simd.Score{Shift: fourMax * sum, Scale: step, Offset: m.offset}
	m.twice(&q.score)
}

// twice makes the scale that of squared distances where those are asked for.
func (m *Model) twice(s *simd.Score) {
	if m.metric == compute.L2 {
		s.Scale *= 2
	}
}
