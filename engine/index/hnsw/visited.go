package hnsw

import (
	"slices"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// visited marks the rows that one search has met. It is a bitmap with a list of
// what was set, so that clearing costs as much as was marked: for a million rows
// 125 KB stay in the second-level cache where tags of two bytes would not.
type visited struct {
	bits []uint64
	set  []uint32 // marked rows; nil bits need no clearing
}

// begin clears the marks and makes room for rows rows.
func (v *visited) begin(rows int) {
	if len(v.set) > len(v.bits)/2 {
		clear(v.bits)
	} else {
		for _, r := range v.set {
			v.bits[r>>6] = 0
		}
	}
	v.set = v.set[:0]
	if words := (rows + 63) / 64; words > len(v.bits) {
		v.bits = make([]uint64, words+words/4+8)
	}
}

// mark reports whether row was not marked yet, and marks it. A row beyond what
// begin was told counts as marked: it is newer than the search.
func (v *visited) mark(row uint32) bool {
	i := int(row >> 6)
	if i >= len(v.bits) {
		return false
	}
	w, b := v.bits[i], uint64(1)<<(row&63)
	if w&b != 0 {
		return false
	}
	v.bits[i] = w | b
	v.set = append(v.set, row)
	return true
}

// markAll marks the rows of a list and returns those that were not marked yet,
// until the next call of begin; it fetches lines cache lines of each.
func (v *visited) markAll(list []uint32, rows []byte, stride, lines int) []uint32 {
	n := len(v.set)
	v.set = simd.FreshRows(list, v.bits, slices.Grow(v.set, len(list)+1), rows, stride, lines)
	return v.set[n:]
}

// unmark takes back what markAll returned last.
func (v *visited) unmark(rows []uint32) {
	for _, r := range rows {
		v.bits[r>>6] &^= 1 << (r & 63)
	}
	v.set = v.set[:len(v.set)-len(rows)]
}
