package simd

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// Distances estimated from codes.

// CodeTrailerBytes is what the constants of a row of codes take at its end: a
// float32 that is part of the distance, and four bytes for the caller or, with
// codes of four bits or one, a float32 that scales the row's product.
const CodeTrailerBytes = 8

// codeLine is the unit of a row's bytes.
const codeLine = 64

// Score is how an integer product becomes a distance:
// (Bias + the row's constant) + Offset - Scale × (product - Shift).
type Score struct {
	Shift               int32
	Scale, Bias, Offset float32
}

// ScoreGatherU8 sets out[i] to the distance of q and row ids[i] of rows, each of
// len(q) bytes, a multiple of 64: unsigned codes with CodeTrailerBytes behind
// them, where q is zero. ids are trusted. Every level computes the same bits but
// for contraction of the last two operations.
func ScoreGatherU8(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	stride := len(q)
	checkScore(stride, len(rows), ids, len(out))
	for step := callRows(stride) &^ 3; len(out) > step; {
		scoreGatherU8(q, rows, ids, s, out[:step])
		ids, out = ids[step:], out[step:]
	}
	scoreGatherU8(q, rows, ids, s, out)
}

// ScoreGatherU4 is ScoreGatherU8 with two codes a byte, rows of len(q)/2 bytes. Of
// each 128 components of q the first 64 meet the low halves of the 64 bytes of a
// line, the others the high ones. The product counts twice, and Scale is multiplied
// with the row's own:
// (Bias + the row's constant) + Offset - (Scale × the row's) × (2 × product - Shift).
func ScoreGatherU4(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	stride := len(q) / 2
	checkScore(stride, len(rows), ids, len(out))
	for step := callRows(stride) &^ 3; len(out) > step; {
		scoreGatherU4(q, rows, ids, s, out[:step])
		ids, out = ids[step:], out[step:]
	}
	scoreGatherU4(q, rows, ids, s, out)
}

// ScoreGatherU1 is ScoreGatherU4 with one bit a component, least significant first,
// rows of 2×len(planes) bytes. The query has four bits a component, from -8 to 7 in two's
// complement, bit by bit: planes holds for each line of a row the eight words of bit 0,
// then those of bits 1, 2 and 3, zero where the trailer lies.
func ScoreGatherU1(planes []uint64, rows []uint8, ids []uint32, s *Score, out []float32) {
	stride := 2 * len(planes)
	checkScore(stride, len(rows), ids, len(out))
	for step := callRows(stride) &^ 3; len(out) > step; {
		scoreGatherU1(planes, rows, ids, s, out[:step])
		ids, out = ids[step:], out[step:]
	}
	scoreGatherU1(planes, rows, ids, s, out)
}

func checkScore(stride, have int, ids []uint32, count int) {
	checkGather(stride, have, stride, ids, count)
	if stride%codeLine != 0 || stride == 0 {
		panic(fmt.Sprintf("BUG: simd: rows of %d bytes", stride))
	}
}

// scoreRest is ScoreGatherU8 without a kernel of its own.
//
//go:norace
func scoreRest(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	var sums [16]int32
	for len(out) > 0 {
		n := min(len(out), len(sums))
		dotGatherU8I8(q, rows, len(q), ids, sums[:n])
		for i, sum := range sums[:n] {
			end := (int(ids[i]) + 1) * len(q)
			b := codeFloat(rows[end-CodeTrailerBytes:])
			out[i] = (s.Bias + b) + s.Offset - float32(s.Scale*float32(sum-s.Shift))
		}
		ids, out = ids[n:], out[n:]
	}
}

// scoreU4Generic is ScoreGatherU4 in plain Go.
//
//go:norace
func scoreU4Generic(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	stride := len(q) / 2
	for i := range out {
		row := rows[int(ids[i])*stride:][:stride]
		sum := int32(0)
		for line := 0; line < stride; line += codeLine {
			low, high := q[2*line:][:codeLine], q[2*line+codeLine:][:codeLine]
			for j, c := range row[line:][:codeLine] {
				sum += int32(low[j])*int32(c&15) + int32(high[j])*int32(c>>4)
			}
		}
		out[i] = s.distance(row[stride-CodeTrailerBytes:], sum)
	}
}

// distance is that of a row with a scale of its own, from its trailer.
//
//go:norace
func (s *Score) distance(trailer []uint8, product int32) float32 {
	scale := s.Scale * codeFloat(trailer[4:])
	return (s.Bias + codeFloat(trailer)) + s.Offset - float32(scale*float32(2*product-s.Shift))
}

// scoreU1Generic is ScoreGatherU1 in plain Go.
//
//go:norace
func scoreU1Generic(planes []uint64, rows []uint8, ids []uint32, s *Score, out []float32) {
	stride := 2 * len(planes)
	for i := range out {
		row := rows[int(ids[i])*stride:][:stride]
		sum := 0
		for line := 0; line < stride; line += codeLine {
			p := planes[line/2:][:codeLine/2]
			for j := range codeLine / 8 {
				w := binary.LittleEndian.Uint64(row[line+8*j:])
				sum += bits.OnesCount64(w&p[j]) + 2*bits.OnesCount64(w&p[j+8]) +
					4*bits.OnesCount64(w&p[j+16]) - 8*bits.OnesCount64(w&p[j+24])
			}
		}
		out[i] = s.distance(row[stride-CodeTrailerBytes:], int32(sum))
	}
}

func codeFloat(b []byte) float32 { return math.Float32frombits(binary.NativeEndian.Uint32(b)) }
