package filter

import (
	"math"
	"strconv"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// field reads {"key": …, one condition}.
func (p *parser) field(o object) (Node, error) {
	key, err := o.keyPath()
	if err != nil {
		return nil, err
	}
	var cond value
	n := 0
	for _, m := range o.members {
		if m.key != "key" && m.kind() != rawjson.Null { // clients send unused ones as null
			cond = m
			n++
		}
	}
	if n != 1 {
		return nil, fault(o.path, "one condition beside the key", strconv.Itoa(n))
	}
	switch cond.key {
	case "match":
		return match(key, cond)
	case "is_empty", "is_null":
		return flag(key, cond)
	}
	return fieldCondition(key, cond)
}

// fieldCondition reads the conditions that both dialects write alike.
func fieldCondition(key Path, cond value) (Node, error) {
	switch cond.key {
	case "range":
		return rangeOf(key, cond)
	case "values_count":
		return valuesCount(key, cond)
	case "geo_bounding_box":
		return geoBox(key, cond)
	case "geo_radius":
		return geoRadius(key, cond)
	case "geo_polygon":
		return geoPolygon(key, cond)
	}
	return nil, fault(cond.path, "one of match, range, geo_bounding_box, geo_radius, geo_polygon, "+
		"values_count, is_empty, is_null", "the key "+strconv.Quote(cond.key))
}

// tagged reads {"type": …, "key": …, the member named as the type}.
func (p *parser) tagged(o object) (Node, error) {
	tag := o.tag()
	switch tag {
	case "match":
		return taggedMatch(o)
	case "nested":
		return p.taggedNested(o)
	case "range", "geo_bounding_box", "geo_radius", "geo_polygon", "values_count":
		if err := o.only("type", "key", tag); err != nil {
			return nil, err
		}
		key, err := o.keyPath()
		if err != nil {
			return nil, err
		}
		cond, err := o.need(tag)
		if err != nil {
			return nil, err
		}
		return fieldCondition(key, cond)
	}
	return nil, fault(join(o.path, "type"), "one of match, range, geo_bounding_box, geo_radius, "+
		"geo_polygon, values_count, nested", strconv.Quote(tag))
}

// taggedNested reads {"type": "nested", "filter"[, "key"]}. Without a key it
// only groups.
func (p *parser) taggedNested(o object) (Node, error) {
	if err := o.only("type", "key", "filter"); err != nil {
		return nil, err
	}
	if !o.has("key") {
		f, err := o.need("filter")
		if err != nil {
			return nil, err
		}
		return p.condition(f)
	}
	key, err := o.keyPath()
	if err != nil {
		return nil, err
	}
	return p.nestedFilter(o, key)
}

func taggedMatch(o object) (Node, error) {
	if err := o.only("type", "key", "match_value"); err != nil {
		return nil, err
	}
	key, err := o.keyPath()
	if err != nil {
		return nil, err
	}
	v, err := o.need("match_value")
	if err != nil {
		return nil, err
	}
	switch v.kind() {
	case rawjson.Null:
		return &Not{Of: &IsEmpty{Key: key}}, nil
	case rawjson.Object:
		return taggedText(key, v)
	}
	s, err := v.scalar()
	if err != nil {
		return nil, v.wrong("a string, number, boolean, null, or an object with text and type")
	}
	return &Match{Key: key, In: []Value{s}}, nil
}

func taggedText(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("text", "type"); err != nil {
		return nil, err
	}
	text, err := o.need("text")
	if err != nil {
		return nil, err
	}
	mode := "contains"
	if m, ok := o.get("type"); ok {
		if mode, err = m.str(); err != nil {
			return nil, err
		}
	}
	s, err := text.str()
	if err != nil {
		return nil, err
	}
	if n := textNode(key, mode, s); n != nil {
		return n, nil
	}
	return nil, fault(join(v.path, "type"), "one of exact, prefix, suffix, contains", strconv.Quote(mode))
}

// textNode returns the condition for a mode's name, or nil when there is none.
func textNode(key Path, mode, s string) Node {
	switch mode {
	case "exact":
		return &Match{Key: key, In: []Value{StringValue(s)}}
	case "prefix":
		return &Text{Key: key, Mode: Prefix, Text: s}
	case "suffix":
		return &Text{Key: key, Mode: Suffix, Text: s}
	case "contains", "text":
		return &Text{Key: key, Mode: Contains, Text: s}
	}
	return nil
}

// match reads the value of a genuine "match".
func match(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if len(o.members) != 1 {
		return nil, fault(v.path, "one of the keys value, any, except, text, prefix, suffix, contains",
			strconv.Itoa(len(o.members))+" keys")
	}
	m := o.members[0]
	switch m.key {
	case "value":
		if m.kind() == rawjson.Null {
			return nil, m.wrong("a string, number or boolean (is_null asks for null)")
		}
		s, err := m.scalar()
		return &Match{Key: key, In: []Value{s}}, err
	case "any":
		in, err := m.scalars()
		return &Match{Key: key, In: in}, err
	case "except":
		of, err := m.scalars()
		return &Except{Key: key, Of: of}, err
	case "text", "prefix", "suffix", "contains":
		s, err := m.str()
		return textNode(key, m.key, s), err
	}
	return nil, fault(m.path, "one of the keys value, any, except, text, prefix, suffix, contains",
		"the key "+strconv.Quote(m.key))
}

// flag reads {"key", "is_empty": bool} and {"key", "is_null": bool}.
func flag(key Path, v value) (Node, error) {
	s, err := v.scalar()
	if err != nil || s.Kind != KindBool {
		return nil, v.wrong("a boolean")
	}
	var n Node = &IsEmpty{Key: key}
	if v.key == "is_null" {
		n = &IsNull{Key: key}
	}
	if !s.Bool {
		n = &Not{Of: n}
	}
	return n, nil
}

// rangeOf reads {"gt", "gte", "lt", "lte"}, all numbers or all times.
func rangeOf(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("gt", "gte", "lt", "lte"); err != nil {
		return nil, err
	}
	nums, times := &Range{Key: key}, &TimeRange{Key: key}
	n, t := 0, 0
	for _, m := range o.members {
		switch m.kind() {
		case rawjson.Null:
		case rawjson.Num:
			x, err := m.number()
			if err != nil {
				return nil, err
			}
			*bound(m.key, &nums.Gt, &nums.Gte, &nums.Lt, &nums.Lte) = &x
			n++
		case rawjson.String:
			s, _ := m.str()
			us, ok := ParseTime([]byte(s))
			if !ok {
				return nil, m.wrong("a number or a time such as 2024-05-01T12:00:00Z")
			}
			*bound(m.key, &times.Gt, &times.Gte, &times.Lt, &times.Lte) = &us
			t++
		default:
			return nil, m.wrong("a number or a time such as 2024-05-01T12:00:00Z")
		}
	}
	switch {
	case n+t == 0:
		return nil, fault(v.path, "at least one of gt, gte, lt, lte", "none")
	case n > 0 && t > 0:
		return nil, fault(v.path, "bounds of one type", "a number and a time")
	case t > 0:
		return times, nil
	}
	return nums, nil
}

// bound returns the one of four that is named.
func bound[T any](name string, gt, gte, lt, lte *T) *T {
	switch name {
	case "gt":
		return gt
	case "gte":
		return gte
	case "lt":
		return lt
	}
	return lte
}

// valuesCount reads {"gt", "gte", "lt", "lte"} with whole numbers.
func valuesCount(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("gt", "gte", "lt", "lte"); err != nil {
		return nil, err
	}
	c := &ValuesCount{Key: key, Max: math.MaxUint64}
	n := 0
	for _, m := range o.members {
		if m.kind() == rawjson.Null {
			continue
		}
		x, err := m.uint()
		if err != nil {
			return nil, err
		}
		n++
		switch m.key {
		case "gt":
			c.Min = max(c.Min, x+1)
		case "gte":
			c.Min = max(c.Min, x)
		case "lte":
			c.Max = min(c.Max, x)
		case "lt":
			if x == 0 { // nothing is below 0
				c.Min, c.Max = 1, 0
				return c, nil
			}
			c.Max = min(c.Max, x-1)
		}
	}
	if n == 0 {
		return nil, fault(v.path, "at least one of gt, gte, lt, lte", "none")
	}
	return c, nil
}

// hasID reads a list of ids; numbers stand for their decimal text.
func hasID(v value) (Node, error) {
	items, err := v.array("an array of ids", MaxValues)
	if err != nil {
		return nil, err
	}
	n := &HasID{IDs: make([]string, 0, len(items))}
	for _, it := range items {
		s, err := it.scalar()
		if err != nil || s.Kind == KindBool {
			return nil, it.wrong("a string or a whole number")
		}
		if s.Kind == KindNumber {
			if s.Str = s.Num.String(); !isWhole(s.Num) {
				return nil, it.wrong("a string or a whole number")
			}
		}
		n.IDs = append(n.IDs, s.Str)
	}
	n.IDs = sortStrings(n.IDs)
	return n, nil
}
