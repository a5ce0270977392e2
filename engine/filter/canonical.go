package filter

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// String returns the canonical text: Qdrant's form, with conditions and values
// in a fixed order. Filters that differ only in dialect, spelling or order have
// the same text, and Parse reads it back to an equal filter. It serves as a key
// for caches.
func (f *Filter) String() string { return string(f.AppendCanonical(nil)) }

// AppendCanonical appends the canonical text to dst.
func (f *Filter) AppendCanonical(dst []byte) []byte {
	if f.Empty() {
		return append(dst, "{}"...)
	}
	return appendNode(dst, f.Root)
}

func appendNode(dst []byte, n Node) []byte {
	switch n := n.(type) {
	case *And:
		switch len(n.Of) {
		case 0:
			return append(dst, "{}"...)
		case 1:
			return appendNode(dst, n.Of[0])
		}
		return append(appendNodes(append(dst, `{"must":`...), n.Of), '}')
	case *Or:
		if n.Min == 1 && len(n.Of) > 0 {
			return append(appendNodes(append(dst, `{"should":`...), n.Of), '}')
		}
		dst = appendNodes(append(dst, `{"min_should":{"conditions":`...), n.Of)
		dst = strconv.AppendInt(append(dst, `,"min_count":`...), int64(n.Min), 10)
		return append(dst, "}}"...)
	case *Not:
		return append(appendNode(append(dst, `{"must_not":[`...), n.Of), "]}"...)
	case *HasID:
		return appendIDs(dst, n.IDs)
	case *IsEmpty:
		return append(appendKey(append(dst, `{"is_empty":{`...), n.Key), "}}"...)
	case *IsNull:
		return append(appendKey(append(dst, `{"is_null":{`...), n.Key), "}}"...)
	case *Nested:
		dst = appendKey(append(dst, `{"nested":{`...), n.Key)
		return append(appendNode(append(dst, `,"filter":`...), n.Of), "}}"...)
	}
	return appendField(dst, n)
}

// appendNodes appends a list in the order of its texts.
func appendNodes(dst []byte, list []Node) []byte {
	texts := make([][]byte, len(list))
	for i, n := range list {
		texts[i] = appendNode(nil, n)
	}
	slices.SortFunc(texts, bytes.Compare)
	return append(append(append(dst, '['), bytes.Join(texts, []byte{','})...), ']')
}

func appendKey(dst []byte, p Path) []byte {
	return rawjson.AppendQuoted(append(dst, `"key":`...), p.String())
}

func appendIDs(dst []byte, ids []string) []byte {
	dst = append(dst, `{"has_id":[`...)
	for i, id := range sortStrings(slices.Clone(ids)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendQuoted(dst, id)
	}
	return append(dst, "]}"...)
}

// appendField appends the conditions of the form {"key", condition}.
func appendField(dst []byte, n Node) []byte {
	dst = append(dst, '{')
	switch n := n.(type) {
	case *Match:
		dst = append(appendKey(dst, n.Key), `,"match":{`...)
		if len(n.In) == 1 {
			dst = n.In[0].appendJSON(append(dst, `"value":`...))
		} else {
			dst = appendValues(append(dst, `"any":`...), n.In)
		}
	case *Except:
		dst = appendValues(append(appendKey(dst, n.Key), `,"match":{"except":`...), n.Of)
	case *Text:
		dst = append(appendKey(dst, n.Key), `,"match":{"`...)
		dst = append(append(dst, n.Mode.String()...), `":`...)
		dst = rawjson.AppendQuoted(dst, n.Text)
	case *Range:
		dst = append(appendKey(dst, n.Key), `,"range":{`...)
		dst = appendBounds(dst, [4]*Number{n.Gt, n.Gte, n.Lt, n.Lte},
			func(dst []byte, v Number) []byte { return v.Append(dst) })
	case *TimeRange:
		dst = append(appendKey(dst, n.Key), `,"range":{`...)
		dst = appendBounds(dst, [4]*int64{n.Gt, n.Gte, n.Lt, n.Lte},
			func(dst []byte, v int64) []byte { return append(appendTime(append(dst, '"'), v), '"') })
	case *ValuesCount:
		dst = strconv.AppendUint(append(appendKey(dst, n.Key), `,"values_count":{"gte":`...), n.Min, 10)
		if n.Max != math.MaxUint64 {
			dst = strconv.AppendUint(append(dst, `,"lte":`...), n.Max, 10)
		}
	default:
		dst = appendGeo(dst, n)
	}
	return append(dst, "}}"...)
}

// String names the mode as filters write it.
func (m TextMode) String() string {
	switch m {
	case Prefix:
		return "prefix"
	case Suffix:
		return "suffix"
	}
	return "text"
}

func appendValues(dst []byte, list []Value) []byte {
	dst = append(dst, '[')
	for i, v := range sortValues(slices.Clone(list)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.appendJSON(dst)
	}
	return append(dst, ']')
}

// appendBounds appends those of gt, gte, lt, lte that are there.
func appendBounds[T any](dst []byte, b [4]*T, put func([]byte, T) []byte) []byte {
	names := [4]string{`"gt":`, `"gte":`, `"lt":`, `"lte":`}
	first := true
	for i, v := range b {
		if v == nil {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = put(append(dst, names[i]...), *v)
	}
	return dst
}

func appendGeo(dst []byte, n Node) []byte {
	switch n := n.(type) {
	case *GeoBox:
		dst = append(appendKey(dst, n.Key), `,"geo_bounding_box":{"top_left":`...)
		dst = appendPoint(dst, n.TopLeft)
		dst = appendPoint(append(dst, `,"bottom_right":`...), n.BottomRight)
	case *GeoRadius:
		dst = append(appendKey(dst, n.Key), `,"geo_radius":{"center":`...)
		dst = appendFloat(append(appendPoint(dst, n.Center), `,"radius":`...), n.Meters)
	case *GeoPolygon:
		dst = append(appendKey(dst, n.Key), `,"geo_polygon":{"exterior":`...)
		dst = appendRing(dst, n.Exterior)
		for i, r := range n.Interiors {
			sep := byte(',')
			if i == 0 {
				dst = append(dst, `,"interiors":`...)
				sep = '['
			}
			dst = appendRing(append(dst, sep), r)
		}
		if len(n.Interiors) > 0 {
			dst = append(dst, ']')
		}
	default:
		panic("BUG: filter: unknown condition")
	}
	return dst
}

func appendFloat(dst []byte, f float64) []byte { return rawjson.Float(f).Append(dst) }

func appendPoint(dst []byte, p Point) []byte {
	dst = appendFloat(append(dst, `{"lat":`...), p.Lat)
	dst = appendFloat(append(dst, `,"lon":`...), p.Lon)
	return append(dst, '}')
}

func appendRing(dst []byte, ring []Point) []byte {
	dst = append(dst, `{"points":`...)
	for i, p := range ring {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		dst = appendPoint(append(dst, sep), p)
	}
	return append(dst, "]}"...)
}
