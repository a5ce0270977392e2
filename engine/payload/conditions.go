package payload

import (
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// place is a path looked up for one condition.
type place struct {
	gen *generation // nil when the path has no column
	// absent: no row has anything there that an index would hold
	absent bool
	// objects: rows may have objects there of which no column tells
	objects bool
	// stepped: the path steps into arrays explicitly, so that the values at it
	// are among those of the column, or deeper in arrays
	stepped bool
}

func (k *paths) find(p filter.Path) place {
	name := p.Names()
	_, objects := k.objects[name]
	at := place{objects: objects, stepped: !p.Plain()}
	if c, ok := k.byPath[name]; ok {
		at.gen = c.gen.Load()
		return at
	}
	at.absent = !k.partial
	return at
}

// leaf evaluates a condition on values. key, if any, comes before its own.
func (q *query) leaf(n filter.Node, key filter.Path) rowset {
	switch n := n.(type) {
	case *filter.Match:
		return q.values(n.Key, key, func(g *generation) rowset { return q.match(g, n.In) })
	case *filter.Except:
		return q.values(n.Key, key, func(g *generation) rowset { return q.except(g, n.Of) })
	case *filter.Text:
		return q.values(n.Key, key, func(g *generation) rowset { return q.text(g, n) })
	case *filter.Range:
		return q.values(n.Key, key, func(g *generation) rowset { return q.numbers(g, n) })
	case *filter.TimeRange:
		return q.values(n.Key, key, func(g *generation) rowset { return q.times(g, n) })
	case *filter.GeoBox, *filter.GeoRadius, *filter.GeoPolygon:
		return q.geo(n, key)
	case *filter.IsEmpty:
		return q.isEmpty(q.paths.find(n.Key))
	case *filter.IsNull:
		return q.isNull(q.paths.find(n.Key))
	case *filter.ValuesCount:
		return q.valuesCount(q.paths.find(n.Key), n)
	}
	panic("BUG: payload: unknown condition")
}

// values evaluates a condition that asks whether some scalar at a path is so.
func (q *query) values(own, before filter.Path, eval func(*generation) rowset) rowset {
	at := q.paths.find(filter.JoinPaths(before, own))
	switch {
	case at.absent:
		return rowset{}
	case at.gen == nil:
		return q.unknown()
	}
	s := q.doubt(eval(at.gen), at.gen.flag(flagOverflow))
	if at.stepped {
		return rowset{nil, q.union(s.maybe, at.gen.deep())}
	}
	return s
}

// flag returns the rows with a flag.
func (g *generation) flag(flag uint32) *roaring.Bitmap {
	v := g.dict.entry(flag).view()
	return v.bitmap()
}

// deep returns the rows with arrays inside an array.
func (g *generation) deep() *roaring.Bitmap {
	id, ok := g.dict.findBits(kindCount, 0, countDeep)
	if !ok {
		return nil
	}
	v := g.dict.entry(id).view()
	return v.bitmap()
}

// match returns the rows with one of the values.
func (q *query) match(g *generation, in []filter.Value) rowset {
	ids := make([]uint32, 0, len(in))
	long := false
	for _, v := range in {
		id, ok := uint32(flagFalse), true
		switch v.Kind {
		case filter.KindString:
			long = long || len(v.Str) > MaxStringBytes
			id, ok = g.dict.findString([]byte(v.Str))
		case filter.KindNumber:
			bits, form := v.Num.Bits()
			id, ok = g.dict.findBits(kindNumber, form, bits)
		case filter.KindBool:
			if v.Bool {
				id = flagTrue
			}
		}
		if ok {
			ids = append(ids, id)
		}
	}
	s := known(q.unite(g.dict, ids))
	if long {
		return q.doubt(s, g.flag(flagLong))
	}
	return s
}

// except returns the rows with a scalar that is none of the values. Of a row
// with one scalar the index knows it; of one with more it does not.
func (q *query) except(g *generation, of []filter.Value) rowset {
	filled := g.flag(flagFilled)
	array, long := g.flag(flagArray), g.flag(flagLong)
	sure := q.minus(q.minus(filled, q.union(array, long)), g.flag(flagObject))
	sure = q.minus(sure, q.match(g, of).maybe)
	return rowset{sure, q.union(sure, q.union(array, long))}
}

// maxTextScan is up to how many values a condition on a part of a string is
// tried one by one.
const maxTextScan = 1 << 16

func (q *query) text(g *generation, n *filter.Text) rowset {
	count := g.dict.count.Load()
	if count > maxTextScan {
		return rowset{nil, g.flag(flagFilled)}
	}
	var ids []uint32
	for id := uint32(numFlags); id < count; id++ {
		if e := g.dict.entry(id); e.kind == kindString && n.Holds(e.str) {
			ids = append(ids, id)
		}
	}
	return q.doubt(known(q.unite(g.dict, ids)), g.flag(flagLong))
}

func (q *query) numbers(g *generation, n *filter.Range) rowset {
	low, high := rangeEnds(n)
	return known(inRange(q, g, &g.nums, low, high, func(id uint32) bool {
		return n.Contains(g.dict.entry(id).number())
	}))
}

// inRange returns the rows with a value in [low, high]; keep decides about values
// at the ends.
func inRange[K float64 | int64](q *query, g *generation, o *ordered[K], low, high K,
	keep func(id uint32) bool) *roaring.Bitmap {
	d := o.byRow.Load()
	if d == nil || d.many.Load() > 0 || o.span(low, high)*denseShare < int(q.x.maxRow.Load()) {
		return q.unite(g.dict, o.between(nil, low, high, keep))
	}
	ends := q.unite(g.dict, o.ends(nil, low, high, keep))
	return q.union(ends, d.scan(keyOf(low), keyOf(high)))
}

// rangeEnds returns the closed range of float64 that holds those of all numbers
// in n: rounding keeps their order.
func rangeEnds(n *filter.Range) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	for _, b := range []*filter.Number{n.Gt, n.Gte} {
		if b != nil {
			low = max(low, b.Float64())
		}
	}
	for _, b := range []*filter.Number{n.Lt, n.Lte} {
		if b != nil {
			high = min(high, b.Float64())
		}
	}
	return low, high
}

func (q *query) times(g *generation, n *filter.TimeRange) rowset {
	low, high := timeEnds(n)
	return known(inRange(q, g, &g.times, low, high, func(id uint32) bool {
		us, ok := filter.ParseTime([]byte(g.dict.entry(id).str))
		return ok && n.Contains(us)
	}))
}

func timeEnds(n *filter.TimeRange) (low, high int64) {
	low, high = math.MinInt64, math.MaxInt64
	for _, b := range []*int64{n.Gt, n.Gte} {
		if b != nil {
			low = max(low, *b)
		}
	}
	for _, b := range []*int64{n.Lt, n.Lte} {
		if b != nil {
			high = min(high, *b)
		}
	}
	return low, high
}

// geo returns the rows that have a latitude and a longitude, at the same path
// though perhaps of different points, in the box around the area.
func (q *query) geo(n filter.Node, before filter.Path) rowset {
	key, lat, lon := filter.Bounds(n)
	maybe := q.live
	for _, b := range []*filter.Range{lat, lon} {
		if b == nil {
			continue
		}
		b.Key = filter.JoinPaths(key, b.Key)
		maybe = q.intersect(maybe, q.leaf(b, before).maybe)
	}
	return rowset{nil, maybe}
}

func (q *query) isEmpty(at place) rowset {
	switch {
	case at.gen == nil && at.absent && !at.objects:
		return q.everything()
	case at.gen == nil || at.stepped:
		return q.unknown()
	}
	left := q.minus(q.live, at.gen.flag(flagFilled))
	if at.objects {
		return rowset{nil, left}
	}
	return known(left)
}

func (q *query) isNull(at place) rowset {
	switch {
	case at.gen == nil && at.absent && !at.stepped:
		return rowset{}
	case at.gen == nil || at.stepped:
		return q.unknown()
	}
	return known(at.gen.flag(flagNull))
}

// valuesCount sorts the rows by what the flags tell: one value, one null,
// something else that has counts of its own, or nothing.
func (q *query) valuesCount(at place, n *filter.ValuesCount) rowset {
	zero, one := n.Min == 0 && n.Max >= n.Min, n.Min <= 1 && n.Max >= 1
	switch {
	case at.objects || at.stepped || at.gen == nil && !at.absent:
		return q.unknown()
	case at.gen == nil && zero:
		return q.everything()
	case at.gen == nil:
		return rowset{}
	}
	g := at.gen
	filled, array := g.flag(flagFilled), g.flag(flagArray)
	var ids []uint32
	for id := uint32(numFlags); id < g.dict.count.Load(); id++ {
		e := g.dict.entry(id)
		if e.kind == kindCount && e.bits >= n.Min && e.bits <= n.Max && e.bits != countDeep {
			ids = append(ids, id)
		}
	}
	b := q.unite(g.dict, ids)
	if one {
		b = q.union(b, q.minus(filled, array))
	}
	if zero {
		b = q.union(b, q.minus(q.live, q.union(filled, array)))
	}
	return q.doubt(known(b), g.flag(flagOverflow))
}
