package payload

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// Selection is what an Index knows about a filter. Its bitmaps may be shared
// with others: the caller does not change them.
type Selection struct {
	// Bitmap holds every live row that matches, and beside them only rows of
	// Verify. It is never nil.
	Bitmap *roaring.Bitmap
	// Verify holds the rows of Bitmap for which the payload must be asked; nil
	// when there are none.
	Verify *roaring.Bitmap
	// Exact is true when Bitmap holds exactly the matching rows.
	Exact bool
	// Indexed is false when the index knows nothing: every live row is in Verify.
	Indexed bool
}

// Select returns the rows of live that match f. hasID finds the row of an id.
// The caller owns live, which must hold every row that it would accept.
//
// Rows that were set or cleared while Select ran are in Verify.
func (x *Index) Select(f *filter.Filter, live *roaring.Bitmap,
	hasID func(id string) (row uint32, ok bool)) Selection {
	if f.Empty() {
		return Selection{Bitmap: live, Exact: true, Indexed: true}
	}
	q := query{x: x, algebra: algebra{live}, hasID: hasID}
	for range 2 {
		if s, ok := q.run(f.Root); ok {
			return s
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s, ok := q.run(f.Root)
	if !ok {
		panic("BUG: payload: the index changed under its lock")
	}
	return s
}

// query is one run of Select.
type query struct {
	algebra
	x     *Index
	paths *paths
	hasID func(id string) (uint32, bool)
}

// run evaluates a filter; ok is false when too much changed meanwhile.
func (q *query) run(root filter.Node) (sel Selection, ok bool) {
	from := q.x.changes.done.Load()
	q.paths = q.x.known.Load()
	s := q.eval(root)
	odd := q.paths.columns[oddColumn].gen.Load().dict.entry(flagFilled).view()
	var buf [16]uint32
	rows, ok := q.x.changes.since(odd.appendAll(buf[:0]), from)
	if !ok {
		return sel, false
	}
	if len(rows) > 0 {
		torn := roaring.BitmapOf(rows...)
		s = rowset{q.minus(s.sure, torn), q.union(s.maybe, torn)}
	}
	return q.result(s), true
}

// result restricts s to the live rows.
func (q *query) result(s rowset) Selection {
	if s.sure == nil && s.maybe == q.live {
		return Selection{Bitmap: q.live, Verify: q.live, Exact: q.live.IsEmpty()}
	}
	sel := Selection{Bitmap: q.within(s.maybe), Indexed: true}
	if s.exact() {
		sel.Exact = true
		return sel
	}
	sel.Verify = some(q.minus(sel.Bitmap, s.sure))
	sel.Exact = sel.Verify == nil
	return sel
}

func (q *query) within(b *roaring.Bitmap) *roaring.Bitmap {
	switch b {
	case nil:
		return roaring.New()
	case q.live:
		return b
	}
	return roaring.And(b, q.live)
}

func (q *query) eval(n filter.Node) rowset {
	switch n := n.(type) {
	case *filter.And:
		return q.all(n.Of)
	case *filter.Or:
		list := make([]rowset, 0, len(n.Of))
		for _, kid := range n.Of {
			list = append(list, q.eval(kid))
		}
		return q.atLeast(n.Min, list)
	case *filter.Not:
		return q.not(q.eval(n.Of))
	case *filter.HasID:
		return q.ids(n.IDs)
	case *filter.Nested:
		return q.nested(n.Key, n.Of)
	}
	return q.leaf(n, filter.Path{})
}

// all evaluates a conjunction, the condition with the fewest rows first; when
// nothing is left the rest is not asked.
func (q *query) all(list []filter.Node) rowset {
	if len(list) > 1 {
		e := estimator{paths: q.paths, live: int(q.live.GetCardinality())}
		guess := make([]int, len(list))
		order := make([]int, len(list))
		for i, n := range list {
			guess[i], order[i] = e.node(n), i
		}
		slices.SortStableFunc(order, func(a, b int) int { return guess[a] - guess[b] })
		sorted := make([]filter.Node, len(list))
		for i, j := range order {
			sorted[i] = list[j]
		}
		list = sorted
	}
	s := q.everything()
	for _, n := range list {
		if s = q.and(s, q.eval(n)); s.maybe == nil {
			break
		}
	}
	return s
}

func (q *query) ids(ids []string) rowset {
	rows := make([]uint32, 0, len(ids))
	for _, id := range ids {
		if row, ok := q.hasID(id); ok {
			rows = append(rows, row)
		}
	}
	return known(some(roaring.BitmapOf(rows...)))
}

// nested returns the rows that may hold a nested condition: those in which every
// condition that it needs holds somewhere below the key.
func (q *query) nested(key filter.Path, n filter.Node) rowset {
	return rowset{nil, q.needed(key, n)}
}

// needed returns a superset of the rows in which n can hold below key.
func (q *query) needed(key filter.Path, n filter.Node) *roaring.Bitmap {
	switch n := n.(type) {
	case *filter.And:
		b := q.live
		for _, kid := range n.Of {
			b = q.intersect(b, q.needed(key, kid))
		}
		return b
	case *filter.Or:
		list := make([]rowset, 0, len(n.Of))
		for _, kid := range n.Of {
			list = append(list, known(q.needed(key, kid)))
		}
		return q.atLeast(n.Min, list).maybe
	case *filter.HasID:
		return q.ids(n.IDs).maybe
	case *filter.Nested:
		return q.needed(filter.JoinPaths(key, n.Key), n.Of)
	case *filter.Match, *filter.Except, *filter.Text, *filter.Range, *filter.TimeRange,
		*filter.GeoBox, *filter.GeoRadius, *filter.GeoPolygon:
		return q.leaf(n, key).maybe
	}
	// Not, IsEmpty, IsNull and ValuesCount speak of one element alone.
	return q.live
}
