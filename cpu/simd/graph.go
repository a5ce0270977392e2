package simd

import (
	"fmt"
	"math"
)

// What a walk over a graph does for each row that it expands: mark its neighbours
// and fetch them, before it estimates their distances (score.go).

// noRow ends a list.
const noRow = math.MaxUint32

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
