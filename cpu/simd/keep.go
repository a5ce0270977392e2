package simd

import "fmt"

// Near is a row and how far away it is.
type Near struct {
	Dist float32
	Row  uint32
}

// Lists says where the links of rows are, for KeepNearest to fetch: row i's begin at
// i*Stride of Links, and are Lines cache lines long. Without Lines nothing is fetched.
type Lists struct {
	Links         []uint32
	Stride, Lines int // of uint32, and cache lines
}

// KeepNearest inserts the rows of ids, dist[i] away, into list, which is ascending and
// has room for limit: each that is nearer than most and than the last of a full list, behind all that
// are not farther; of a full list the last goes. It fetches the links of those that
// are nearer than than and than all before them. It returns the list, the first place
// of it that changed, at most limit, and how many rows it went through: it stops at one
// that belongs into the list and is stop away. NaN belongs nowhere. It is fastest when
// dist has room for seven more.
func KeepNearest(list []Near, limit int, ids []uint32, dist []float32, stop, than, most float32, of *Lists) (
	kept []Near, first, used int,
) {
	if cap(list) < limit || len(list) > limit || len(ids) < len(dist) {
		panic(fmt.Sprintf("BUG: simd: %d of %d places, a list of %d, %d rows, %d distances", len(list), cap(list),
			limit, len(ids), len(dist)))
	}
	return keepNearest(list, limit, ids[:len(dist)], dist, stop, than, most, of)
}

// keepNearestGeneric is KeepNearest without fetching.
func keepNearestGeneric(list []Near, limit int, ids []uint32, dist []float32, stop, most float32) ([]Near, int, int) {
	first := limit
	for i, d := range dist {
		bound, full := most, len(list) == limit
		if full {
			bound = min(bound, list[limit-1].Dist)
		}
		if !(d < bound) {
			continue
		}
		if d == stop {
			return list, first, i
		}
		at := PlaceOf(list, d)
		if !full {
			list = append(list, Near{})
		}
		copy(list[at+1:], list[at:])
		list[at] = Near{d, ids[i]}
		first = min(first, at)
	}
	return list, first, len(dist)
}

// PlaceOf is where a row at distance d goes in an ascending list: behind all that are
// not farther.
func PlaceOf(list []Near, d float32) int {
	low := 0
	for rest := list; len(rest) > 0; { // shrinking slices need no bounds checks
		half := (len(rest) - 1) >> 1
		if rest[half].Dist <= d {
			low += half + 1
			rest = rest[half+1:]
		} else {
			rest = rest[:half]
		}
	}
	return low
}
