// Package filter is the typed filter language: an AST over payload fields,
// parsed from both JSON dialects and evaluated against payloads.
//
// # What a filter means
//
// A payload is a JSON object. A key names values in it: dots step into objects
// ("address.city"), an array on the way stands for its elements ("items.price"
// reaches every element's price), "[]" asks for the elements explicitly and
// "[2]" for the third one; a name in double quotes may hold dots and brackets.
// A key may so reach none, one or many values. A condition on values holds when
// it holds for ANY value reached; a value that is an array stands for its
// elements (one level).
//
//   - Match: the value equals one of the listed ones. Types are not converted:
//     "5" is not 5. Numbers compare by value, so 5 equals 5.0; whole numbers are
//     compared exactly up to the ranges of int64 and uint64.
//   - Except: the value is a string, number or boolean that equals none of the
//     listed ones.
//   - Text: the value is a string that contains, starts with or ends with a text
//     (byte by byte, letter case counts).
//   - Range: a number between bounds, or, if the bounds are times, a string that
//     holds a time (see ParseTime) between them, to the microsecond.
//   - Geo*: an object with numbers lat (-90 to 90) and lon (-180 to 180) inside
//     the area.
//   - ValuesCount: the number of elements of an array; 0 for null, 1 for any
//     other value. A key that reaches nothing counts as 0.
//   - IsEmpty: nothing reached but nulls and empty arrays.
//   - IsNull: null, or an array with a null in it, reached.
//   - HasID: the id of the vector is listed.
//   - Nested: one object (or element of an array) at the key satisfies the inner
//     condition on its own; the inner keys start there.
package filter

import (
	"encoding/json"
	"sync/atomic"
)

// Filter is a parsed, validated filter. It is immutable and safe for use by many
// goroutines. A nil *Filter is the empty filter: it matches everything.
type Filter struct {
	Root Node // nil matches everything

	program atomic.Pointer[Program] // made from Root on first use
}

// Node is one condition of a filter: one of the pointer types of this package.
type Node interface{ node() }

// And holds when all of its conditions hold; with none it holds.
type And struct{ Of []Node }

// Or holds when at least Min of its conditions hold. Min is 1 for "should".
type Or struct {
	Of  []Node
	Min int
}

// Not holds when its condition does not.
type Not struct{ Of Node }

// Match holds when a value at Key equals one of In.
type Match struct {
	Key Path
	In  []Value
}

// Except holds when a value at Key is a scalar that equals none of Of.
type Except struct {
	Key Path
	Of  []Value
}

// TextMode says how Text compares.
type TextMode uint8

// The modes of Text.
const (
	Contains TextMode = iota
	Prefix
	Suffix
)

// Text holds when a value at Key is a string that contains Text, or starts or
// ends with it.
type Text struct {
	Key  Path
	Mode TextMode
	Text string
}

// Range holds when a value at Key is a number inside the bounds; nil is open.
type Range struct {
	Key              Path
	Gt, Gte, Lt, Lte *Number
}

// TimeRange holds when a value at Key is a string that holds a time inside the
// bounds, which are microseconds since 1970 UTC; nil is open.
type TimeRange struct {
	Key              Path
	Gt, Gte, Lt, Lte *int64
}

// Point is a place on the globe in degrees.
type Point struct {
	Lat float64 // -90..90
	Lon float64 // -180..180
}

// GeoBox holds when a point at Key lies in the box, its border included. A box
// whose left border is east of its right one crosses the 180th meridian.
type GeoBox struct {
	Key         Path
	TopLeft     Point
	BottomRight Point
}

// GeoRadius holds when a point at Key lies within Meters of Center, by the
// haversine formula on a sphere of 6,371,008.8 m radius.
type GeoRadius struct {
	Key    Path
	Center Point
	Meters float64
}

// GeoPolygon holds when a point at Key lies in Exterior and in none of
// Interiors. Rings are closed (first point = last) and taken as plane polygons
// in degrees.
type GeoPolygon struct {
	Key       Path
	Exterior  []Point
	Interiors [][]Point
}

// ValuesCount holds when the number of values at Key is inside the bounds,
// both included: Min..Max.
type ValuesCount struct {
	Key      Path
	Min, Max uint64
}

// IsEmpty holds when Key reaches nothing but nulls and empty arrays.
type IsEmpty struct{ Key Path }

// IsNull holds when Key reaches a null or an array with a null in it.
type IsNull struct{ Key Path }

// HasID holds when the vector's id is one of IDs.
type HasID struct{ IDs []string }

// Nested holds when an object at Key satisfies Of, whose keys start there.
type Nested struct {
	Key Path
	Of  Node
}

func (*And) node()         {}
func (*Or) node()          {}
func (*Not) node()         {}
func (*Match) node()       {}
func (*Except) node()      {}
func (*Text) node()        {}
func (*Range) node()       {}
func (*TimeRange) node()   {}
func (*GeoBox) node()      {}
func (*GeoRadius) node()   {}
func (*GeoPolygon) node()  {}
func (*ValuesCount) node() {}
func (*IsEmpty) node()     {}
func (*IsNull) node()      {}
func (*HasID) node()       {}
func (*Nested) node()      {}

// Empty reports whether f matches everything because it says nothing.
func (f *Filter) Empty() bool { return f == nil || f.Root == nil }

// Match reports whether the vector with this id and payload (a JSON object that
// rawjson.Check accepts, or nothing at all) satisfies f. It allocates nothing
// once the first calls have warmed it up. An error says that the payload is
// broken JSON.
func (f *Filter) Match(id string, payload []byte) (bool, error) {
	if f.Empty() {
		return true, nil
	}
	return f.Program().Match(id, payload)
}

// Program returns f compiled for repeated evaluation. f is not empty.
func (f *Filter) Program() *Program {
	if p := f.program.Load(); p != nil {
		return p
	}
	p := compile(f.Root)
	f.program.Store(p)
	return p
}

// MarshalJSON returns the canonical text.
func (f *Filter) MarshalJSON() ([]byte, error) { return f.AppendCanonical(nil), nil }

var _ json.Marshaler = (*Filter)(nil)
