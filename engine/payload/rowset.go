package payload

import "github.com/RoaringBitmap/roaring/v2"

// rowset is what is known of a condition: the rows for which it certainly holds
// (sure) and those for which it may (maybe, which contains sure). nil is no row.
// When maybe is the same bitmap as sure, nothing is unknown. The bitmaps are not
// changed by anyone.
type rowset struct {
	sure, maybe *roaring.Bitmap
}

// known returns a rowset without unknowns.
func known(b *roaring.Bitmap) rowset { return rowset{b, b} }

func (s rowset) exact() bool { return s.sure == s.maybe }

// algebra combines rowsets over the live rows. Bitmaps may hold rows that are
// not alive; they are left out at the end.
type algebra struct{ live *roaring.Bitmap }

func (a algebra) everything() rowset { return known(a.live) }

// unknown is a condition of which the index knows nothing.
func (a algebra) unknown() rowset { return rowset{nil, a.live} }

// doubt returns s with more rows unknown.
func (a algebra) doubt(s rowset, more *roaring.Bitmap) rowset {
	if more == nil {
		return s
	}
	return rowset{s.sure, a.union(s.maybe, more)}
}

func (a algebra) and(s, t rowset) rowset {
	sure := a.intersect(s.sure, t.sure)
	if s.exact() && t.exact() {
		return known(sure)
	}
	return rowset{sure, a.intersect(s.maybe, t.maybe)}
}

func (a algebra) or(s, t rowset) rowset {
	sure := a.union(s.sure, t.sure)
	if s.exact() && t.exact() {
		return known(sure)
	}
	return rowset{sure, a.union(s.maybe, t.maybe)}
}

func (a algebra) not(s rowset) rowset {
	maybe := a.minus(a.live, s.sure)
	if s.exact() {
		return known(maybe)
	}
	return rowset{a.minus(a.live, s.maybe), maybe}
}

// atLeast returns where at least n of the list hold: after each one, held[i] is
// where at least i+1 of those so far do.
func (a algebra) atLeast(n int, list []rowset) rowset {
	if n <= 0 {
		return a.everything()
	}
	if n > len(list) {
		return rowset{}
	}
	held := make([]rowset, n)
	for _, s := range list {
		for i := n - 1; i > 0; i-- {
			held[i] = a.or(held[i], a.and(held[i-1], s))
		}
		held[0] = a.or(held[0], s)
	}
	return held[n-1]
}

// intersect, union and minus know that live contains whatever counts in the end.
func (a algebra) intersect(x, y *roaring.Bitmap) *roaring.Bitmap {
	switch {
	case x == nil || y == nil:
		return nil
	case x == y || y == a.live:
		return x
	case x == a.live:
		return y
	}
	return some(roaring.And(x, y))
}

func (a algebra) union(x, y *roaring.Bitmap) *roaring.Bitmap {
	switch {
	case x == nil || x == y || y == a.live:
		return y
	case y == nil || x == a.live:
		return x
	}
	return roaring.Or(x, y)
}

func (a algebra) minus(x, y *roaring.Bitmap) *roaring.Bitmap {
	switch {
	case y == nil || x == nil:
		return x
	case x == y || y == a.live:
		return nil
	}
	return some(roaring.AndNot(x, y))
}

// some returns b, or nil when it is empty.
func some(b *roaring.Bitmap) *roaring.Bitmap {
	if b == nil || b.IsEmpty() {
		return nil
	}
	return b
}
