package filter

import (
	"bytes"
	"slices"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// leaf is the compiled test of one condition on values.
type leaf struct {
	kind leafKind
	// test is asked about a value that is no array, or about each element of
	// one; nil for the kinds that judge the value as a whole.
	test func(w *walker, v *item) bool
	// min and max are of leafCount.
	min, max uint64
	// inner is of leafNested, slot its place among the walker's inner walkers.
	inner *Program
}

type leafKind uint8

const (
	leafElement leafKind = iota // holds if test holds for an element
	leafNested                  // test by an inner program
	leafFilled                  // IsEmpty: the flag means that something is there
	leafNull
	leafCount
)

// item is a value under test that is no array.
type item struct {
	kind rawjson.Kind
	at   int    // index of its first byte
	text []byte // of a string: unquoted; valid during the test
	num  Number // of a number
}

// compileLeaf returns the test of a condition and its key.
func compileLeaf(n Node) (Path, leaf) {
	switch n := n.(type) {
	case *Match:
		s := newValueSet(n.In)
		return n.Key, leaf{test: func(_ *walker, v *item) bool { return s.has(v) }}
	case *Except:
		s := newValueSet(n.Of)
		return n.Key, leaf{test: func(_ *walker, v *item) bool { return v.scalar() && !s.has(v) }}
	case *Text:
		return n.Key, leaf{test: textTest(n.Mode, []byte(n.Text))}
	case *Range:
		return n.Key, leaf{test: rangeTest(n)}
	case *TimeRange:
		return n.Key, leaf{test: timeTest(n)}
	case *GeoBox, *GeoRadius, *GeoPolygon:
		key, in := geoTest(n)
		return key, leaf{test: func(w *walker, v *item) bool {
			p, ok := w.point(v)
			return ok && in(p)
		}}
	case *ValuesCount:
		return n.Key, leaf{kind: leafCount, min: n.Min, max: n.Max}
	case *IsEmpty:
		return n.Key, leaf{kind: leafFilled}
	case *IsNull:
		return n.Key, leaf{kind: leafNull}
	case *Nested:
		return n.Key, leaf{kind: leafNested, inner: compile(n.Of)}
	}
	panic("BUG: filter: unknown condition")
}

// scalar reports whether v is a string, number or boolean.
func (v *item) scalar() bool {
	switch v.kind {
	case rawjson.String, rawjson.Num, rawjson.True, rawjson.False:
		return true
	}
	return false
}

// valueSet is a set of values.
type valueSet struct {
	strs     *idSet
	nums     []Number // ascending
	yes, no  bool
	anything bool // some string is in strs
}

func newValueSet(list []Value) *valueSet {
	s := &valueSet{}
	var strs []string
	for _, v := range list {
		switch v.Kind {
		case KindString:
			strs = append(strs, v.Str)
		case KindNumber:
			s.nums = append(s.nums, v.Num)
		case KindBool:
			s.yes = s.yes || v.Bool
			s.no = s.no || !v.Bool
		}
	}
	slices.SortFunc(s.nums, Number.Compare)
	s.strs, s.anything = newIDSet(strs), len(strs) > 0
	return s
}

func (s *valueSet) has(v *item) bool {
	switch v.kind {
	case rawjson.String:
		return s.anything && s.strs.hasBytes(v.text)
	case rawjson.Num:
		return s.hasNumber(v.num)
	case rawjson.True:
		return s.yes
	case rawjson.False:
		return s.no
	}
	return false
}

func (s *valueSet) hasNumber(n Number) bool {
	if len(s.nums) <= fewValues {
		return slices.Contains(s.nums, n)
	}
	_, ok := slices.BinarySearchFunc(s.nums, n, Number.Compare)
	return ok
}

func textTest(mode TextMode, text []byte) func(*walker, *item) bool {
	match := bytes.Contains
	switch mode {
	case Prefix:
		match = bytes.HasPrefix
	case Suffix:
		match = bytes.HasSuffix
	}
	return func(_ *walker, v *item) bool { return v.kind == rawjson.String && match(v.text, text) }
}

func rangeTest(n *Range) func(*walker, *item) bool {
	return func(_ *walker, v *item) bool { return v.kind == rawjson.Num && n.Contains(v.num) }
}

// Contains reports whether v lies between the bounds.
func (n *Range) Contains(v Number) bool {
	return (n.Gt == nil || v.Compare(*n.Gt) > 0) && (n.Gte == nil || v.Compare(*n.Gte) >= 0) &&
		(n.Lt == nil || v.Compare(*n.Lt) < 0) && (n.Lte == nil || v.Compare(*n.Lte) <= 0)
}

func timeTest(n *TimeRange) func(*walker, *item) bool {
	return func(_ *walker, v *item) bool {
		if v.kind != rawjson.String {
			return false
		}
		us, ok := ParseTime(v.text)
		return ok && n.Contains(us)
	}
}

// Contains reports whether micros lies between the bounds.
func (n *TimeRange) Contains(micros int64) bool {
	return (n.Gt == nil || micros > *n.Gt) && (n.Gte == nil || micros >= *n.Gte) &&
		(n.Lt == nil || micros < *n.Lt) && (n.Lte == nil || micros <= *n.Lte)
}

// Holds reports whether the condition holds for s.
func (n *Text) Holds(s string) bool {
	switch n.Mode {
	case Prefix:
		return strings.HasPrefix(s, n.Text)
	case Suffix:
		return strings.HasSuffix(s, n.Text)
	}
	return strings.Contains(s, n.Text)
}
