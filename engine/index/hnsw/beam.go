package hnsw

import (
	"math"
	"slices"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// The two bits of cand.row above the row.
const (
	expanded = 1 << 31 // its links were read
	hidden   = 1 << 30 // it is passed through but not returned
	rowMask  = MaxRows - 1
)

// cand is a row met by a search.
type cand struct {
	dist float32
	row  uint32 // with the bits above
}

// beam holds the best rows met so far in ascending distance: candidates and
// results in one array, which for lists of a few hundred rows is cheaper than
// two heaps. Hidden rows take no room: up to ef rows that are not hidden are
// held, and the hidden ones that are nearer than the last of them.
type beam struct {
	c     []cand
	ef    int
	shown int // rows in c that are not hidden
	next  int // index of the first row that is not expanded
	reach int // rows of c from this one on are not expanded
	limit float32
}

func (b *beam) reset(ef int) {
	b.c, b.ef, b.shown, b.next, b.limit = b.c[:0], ef, 0, 0, inf
	b.reach = math.MaxInt
}

// bound is the distance below which a row would be held.
func (b *beam) bound() float32 { return b.limit }

// distanceOf is the distance of place i, infinite behind the last.
func (b *beam) distanceOf(i int) float32 {
	if uint(i) >= uint(len(b.c)) {
		return inf
	}
	return b.c[i].dist
}

// setBound follows a change of the rows.
func (b *beam) setBound() {
	if b.shown >= b.ef && len(b.c) > 0 {
		b.limit = b.c[len(b.c)-1].dist
	}
}

// place opens a gap for a row at distance d and returns its index. The array
// grows by one, or drops its last row when it is full.
func (b *beam) place(d float32, full bool) int {
	low := simd.PlaceOf(nearOf(b.c), d)
	if !full {
		b.c = append(b.c, cand{})
	}
	copy(b.c[low+1:], b.c[low:])
	b.next = min(b.next, low)
	return low
}

// keep adds the rows of ids that belong into a beam without hidden rows, up to one
// that is stop away, and returns how many it went through: see simd.KeepNearest.
func (b *beam) keep(ids []uint32, dist []float32, stop, than, most float32, lists *simd.Lists) int {
	if cap(b.c) < b.ef {
		b.c = slices.Grow(b.c, b.ef-len(b.c))
	}
	list, first, used := simd.KeepNearest(nearOf(b.c), b.ef, ids, dist, stop, than, most, lists)
	b.c = b.c[:len(list)]
	b.shown = len(list)
	b.next = min(b.next, first)
	b.setBound()
	return used
}

// nearOf is c as the kernels see it: the same two fields in the same places.
func nearOf(c []cand) []simd.Near {
	const _ = -uint(unsafe.Sizeof(cand{}) ^ unsafe.Sizeof(simd.Near{})) // they are as large
	return unsafe.Slice((*simd.Near)(unsafe.Pointer(unsafe.SliceData(c))), cap(c))[:len(c)]
}

// insert adds a row that is not hidden, to a beam without hidden rows. d is
// below bound.
func (b *beam) insert(d float32, row uint32) {
	full := b.shown >= b.ef
	b.c[b.place(d, full)] = cand{d, row}
	if !full {
		b.shown++
	}
	b.setBound()
}

// insertAmong adds a row to a beam that may have hidden ones. d is below bound.
func (b *beam) insertAmong(d float32, row uint32, hide bool) {
	i := b.place(d, false)
	if hide {
		b.c[i] = cand{d, row | hidden}
	} else {
		b.c[i] = cand{d, row}
		b.shown++
	}
	// Drop the row that is too many, then hidden ones behind the last shown.
	for b.shown >= b.ef {
		last := b.c[len(b.c)-1]
		if last.row&hidden == 0 {
			if b.shown == b.ef {
				b.setBound()
				return
			}
			b.shown--
		}
		b.c = b.c[:len(b.c)-1]
	}
}

// at counts the rows that are not hidden at exactly distance d.
func (b *beam) at(d float32) int {
	n := 0
	for _, c := range b.c {
		if c.dist == d && c.row&hidden == 0 {
			n++
		}
	}
	return n
}

// peek returns the index of the first row from i on that is yet to be expanded, or
// the length.
func (b *beam) peek(i int) int {
	for end := min(len(b.c), b.reach); i < end; i++ {
		if b.c[i].row&expanded == 0 {
			return i
		}
	}
	return len(b.c)
}

// pop returns the best row that is not expanded yet and marks it so.
func (b *beam) pop() (best cand, ok bool) {
	for b.next < min(len(b.c), b.reach) {
		c := &b.c[b.next]
		b.next++
		if c.row&expanded == 0 {
			c.row |= expanded
			return cand{c.dist, c.row & rowMask}, true
		}
	}
	return cand{}, false
}
