package codes

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// Codes of eight bits: the component in steps that are the same for all rows, plus
// codeZero. The trailer's second half is the sum of the codes without it, an int32.

// codeZero is the code of a component of zero; codeMax the largest distance to it.
const (
	codeZero = 128
	codeMax  = 127
)

// encode8 returns 1 if a component was out of range. codes is what it works in.
//
//go:norace
func (m *Model) encode8(dst []byte, v []float32, t *turned, codes []int8) (strain float32) {
	sum := simd.RoundI8(codes, t.y, 1/m.step)
	if t.largest > (codeMax+1)*m.step {
		strain = 1
	}
	for i, c := range codes {
		dst[i] = byte(c) ^ codeZero
	}
	clear(dst[m.kept:])
	norm := float32(simd.DotI8(codes, codes)) * m.step * m.step
	end := dst[m.stride-trailerBytes:]
	binary.NativeEndian.PutUint32(end, math.Float32bits(m.bias(v, norm, t.rest)))
	binary.NativeEndian.PutUint32(end[4:], uint32(sum))
	return strain
}

// setCode8 is SetCode.
//
//go:norace
func (m *Model) setCode8(q *Query, code []byte) {
	// Eight codes at a time: flipping the top bit takes codeZero off.
	out := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(q.codes))), len(q.codes))
	at := 0
	for ; at+8 <= m.kept; at += 8 {
		binary.NativeEndian.PutUint64(out[at:], binary.NativeEndian.Uint64(code[at:])^signs)
	}
	for ; at < m.kept; at++ {
		out[at] = code[at] ^ codeZero
	}
	t := code[m.stride-trailerBytes : m.stride]
	m.finish8(q, int32(binary.NativeEndian.Uint32(t[4:])), m.step,
		math.Float32frombits(binary.NativeEndian.Uint32(t)))
}

// signs is codeZero in every byte.
const signs = 0x8080808080808080

// finish8 sets the query's side of the estimate: its codes add up to sum.
func (m *Model) finish8(q *Query, sum int32, step, bias float32) {
	q.score = simd.Score{Shift: codeZero * sum, Scale: step * m.step, Bias: bias, Offset: m.offset}
	m.twice(&q.score)
}
