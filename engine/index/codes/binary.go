package codes

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Codes of one bit: the sign of the component (Gao and Long 2024, "RaBitQ", 3.1). With
// s the signs and y the turned row, the estimate of its product with a turned vector q is
//
//	|y|² / <y, s> × <q, s>
//
// which over the choice of the rotation is right in the mean (theorem 3.2): the factor is
// the row's scale. The query is rounded to four bits a component, so that a product is
// a few counts of bits (3.3.2), which loses little beside the rounding of the row.

// planeMax is the largest component of a query.
const planeMax = 7

// encode1 writes the code of t. It returns 1 when the row is much farther from the mean
// than those of the sample: what its estimates are off by grows with that distance.
//
//go:norace
func (m *Model) encode1(dst []byte, v []float32, t *turned) (strain float32) {
	clear(dst)
	sum := 0.0
	for at := 0; at < len(t.y); at += 64 {
		word := uint64(0)
		for i, x := range t.y[at:min(at+64, len(t.y))] {
			negative := math.Float32bits(x) >> 31
			word |= uint64(1-negative) << i
			sum += math.Abs(float64(x))
		}
		binary.LittleEndian.PutUint64(dst[at/8:], word)
	}
	scale := float32(0)
	if sum > 0 {
		scale = float32(float64(t.norm) / sum)
	}
	end := dst[m.stride-trailerBytes:]
	binary.NativeEndian.PutUint32(end, math.Float32bits(m.bias(v, t.norm, t.rest)))
	binary.NativeEndian.PutUint32(end[4:], math.Float32bits(scale))
	if t.norm > farShare*m.step*m.step {
		return 1
	}
	return 0
}

// farShare is how many times the mean squared distance from the mean is far.
const farShare = 4

// setVector1 is SetVector behind the projection.
func (m *Model) setVector1(q *Query, t *turned) {
	step := t.largest / planeMax
	if !(step > 1e-30) {
		step = 1
	}
	sum := simd.RoundI8(q.codes[:m.kept], t.y, 1/step)
	clear(q.codes[m.kept:])
	splitPlanes(q.planes, q.codes)
	q.score = simd.Score{Shift: sum, Scale: step, Offset: m.offset}
	m.twice(&q.score)
	q.doubt = doubtShare * float32(math.Sqrt(float64(t.norm)))
	if m.metric == compute.L2 {
		q.doubt *= 2
	}
}

// doubtShare is the deviation of an estimated product in units of the query's length and
// the row's scale: sqrt((1-c²)/c²) |y|/sqrt(n) (theorem 3.2) with the row's scale being
// |y|/(c sqrt(n)), and c² near 2/pi, which is the mean for normal components.
const doubtShare = 0.603

// Doubt is the deviation of the distance that a coarse model estimates for q and the row
// with that code.
//
//go:norace
func (m *Model) Doubt(q *Query, code []byte) float32 {
	return q.doubt * math.Float32frombits(binary.NativeEndian.Uint32(code[m.stride-trailerBytes+4:]))
}

// splitPlanes sets planes to the low four bits of codes, as simd.ScoreGatherU1 takes
// them: eight codes at a time, one multiplication collects a bit of each.
func splitPlanes(planes []uint64, codes []int8) {
	const (
		bytesOfOne = 0x0101010101010101
		gather     = 0x0102040810204080
	)
	in := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
	const perLine = lineBytes / 8
	for word := range len(planes) / 4 {
		var p [4]uint64
		for i := 0; i < 64; i += 8 {
			x := binary.LittleEndian.Uint64(in[64*word+i:])
			for bit := range p {
				p[bit] |= (x >> bit & bytesOfOne) * gather >> 56 << i
			}
		}
		at := word/perLine*4*perLine + word%perLine
		for bit := range p {
			planes[at+bit*perLine] = p[bit]
		}
	}
}
