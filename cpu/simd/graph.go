package simd

import (
	"encoding/binary"
	"fmt"
	"math"
)

// What a walk over a graph does for each row that it expands: mark its neighbours,
// fetch them, and estimate their distances from codes.

// CodeTrailerBytes is what the constants of a row of codes take at its end: a
// float32 that is part of the distance, and four bytes for the caller.
const CodeTrailerBytes = 8

// noRow ends a list.
const noRow = math.MaxUint32

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
	checkGather(stride, len(rows), stride, ids, len(out))
	if stride%64 != 0 {
		panic(fmt.Sprintf("BUG: simd: rows of %d bytes", stride))
	}
	for step := callRows(stride) &^ 3; len(out) > step; {
		scoreGatherU8(q, rows, ids, s, out[:step])
		ids, out = ids[step:], out[step:]
	}
	scoreGatherU8(q, rows, ids, s, out)
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
			b := math.Float32frombits(binary.NativeEndian.Uint32(rows[end-CodeTrailerBytes:]))
			out[i] = (s.Bias + b) + s.Offset - float32(s.Scale*float32(sum-s.Shift))
		}
		ids, out = ids[n:], out[n:]
	}
}

// FreshRows marks the rows of list, up to its first MaxUint32, in the bitmap
// marks, and appends those that were not marked to ids, which must have room for
// len(list)+1. Rows beyond the bitmap count as marked. It fetches the first lines
// cache lines of each row, stride bytes apart in rows, ahead of their use. The list
// may be changing: every entry is read once.
func FreshRows(list []uint32, marks []uint64, ids []uint32, rows []uint8, stride, lines int) []uint32 {
	n := len(ids)
	if cap(ids)-n <= len(list) {
		panic(fmt.Sprintf("BUG: simd: room for %d rows, a list of %d", cap(ids)-n, len(list)))
	}
	return ids[:n+freshRows(list, marks, ids[n:n+len(list)+1], rows, stride, max(lines, 1))]
}

// Prefetch fetches the cache lines from the first byte of p on, at least one.
func Prefetch(p []uint32, lines int) { prefetch(p, lines) }

// FetchRows fetches the first lines cache lines of each row of ids, stride bytes
// apart in rows. ids are trusted.
func FetchRows(ids []uint32, rows []uint8, stride, lines int) {
	fetchRows(ids, rows, stride, max(lines, 1))
}
