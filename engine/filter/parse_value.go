package filter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// value is one JSON value of a checked filter text, with the way to it.
type value struct {
	raw  []byte // starts with the value's first byte; more may follow
	key  string // its name in the object around it
	path string // for error messages
}

// object is a decoded JSON object.
type object struct {
	path    string
	members []value
}

func (v value) kind() rawjson.Kind { return rawjson.KindOf(v.raw, 0) }

// given describes v for an error message.
func (v value) given() string {
	end := rawjson.Skip(v.raw, 0)
	switch k := v.kind(); {
	case k == rawjson.Object || k == rawjson.Array:
		return "an " + k.String()
	case end < 0:
		return k.String()
	case end > 60:
		return k.String() + " " + strings.ToValidUTF8(string(v.raw[:60]), "") + "…"
	default:
		return k.String() + " " + string(v.raw[:end])
	}
}

func (v value) wrong(expected string) error { return fault(v.path, expected, v.given()) }

func (v value) object() (object, error) {
	if v.kind() != rawjson.Object {
		return object{}, v.wrong("an object")
	}
	o := object{path: v.path}
	it := rawjson.Iter(v.raw, 0)
	for {
		key, escaped, at, ok := it.Next()
		if !ok {
			return o, nil
		}
		if escaped {
			key = rawjson.AppendUnquoted(nil, key)
		}
		m := value{raw: v.raw[at:], key: string(key)}
		m.path = join(v.path, m.key)
		o.members = append(o.members, m)
		it.After(rawjson.Skip(v.raw, at))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// array returns the elements of v, at most limit.
func (v value) array(expected string, limit int) ([]value, error) {
	if v.kind() != rawjson.Array {
		return nil, v.wrong(expected)
	}
	var list []value
	it := rawjson.Iter(v.raw, 0)
	for {
		_, _, at, ok := it.Next()
		if !ok {
			return list, nil
		}
		if len(list) == limit {
			return nil, fault(v.path, fmt.Sprintf("at most %d elements", limit), "more")
		}
		path := v.path + "[" + strconv.Itoa(len(list)) + "]"
		list = append(list, value{raw: v.raw[at:], path: path})
		it.After(rawjson.Skip(v.raw, at))
	}
}

// str returns the string v is.
func (v value) str() (string, error) {
	if v.kind() != rawjson.String {
		return "", v.wrong("a string")
	}
	end, escaped := rawjson.EndString(v.raw, 0)
	s := v.raw[1 : end-1]
	if escaped {
		s = rawjson.AppendUnquoted(nil, s)
	}
	return string(s), nil
}

func (v value) number() (Number, error) {
	if v.kind() == rawjson.Num {
		if n, ok := rawjson.ParseNumber(v.raw[:rawjson.EndScalar(v.raw, 0)]); ok {
			return n, nil
		}
	}
	return Number{}, v.wrong("a number")
}

// maxCount bounds the counts of a filter: more than any payload can hold.
const maxCount = 1 << 32

// uint returns the count that v is.
func (v value) uint() (uint64, error) {
	n, err := v.number()
	if err == nil {
		if i, ok := n.IsInt(); ok && i >= 0 && i <= maxCount {
			return uint64(i), nil
		}
	}
	return 0, v.wrong(fmt.Sprintf("a whole number from 0 to %d", maxCount))
}

// scalar returns the string, number or boolean that v is.
func (v value) scalar() (Value, error) {
	switch v.kind() {
	case rawjson.String:
		s, err := v.str()
		return StringValue(s), err
	case rawjson.Num:
		n, err := v.number()
		return NumberValue(n), err
	case rawjson.True:
		return BoolValue(true), nil
	case rawjson.False:
		return BoolValue(false), nil
	}
	return Value{}, v.wrong("a string, number or boolean")
}

// scalars returns the list of scalars that v is, sorted, each once.
func (v value) scalars() ([]Value, error) {
	items, err := v.array("an array of strings, numbers or booleans", MaxValues)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fault(v.path, "at least one value", "an empty array")
	}
	list := make([]Value, 0, len(items))
	for _, it := range items {
		s, err := it.scalar()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return sortValues(list), nil
}

func sortValues(list []Value) []Value {
	slices.SortFunc(list, Value.Compare)
	return slices.CompactFunc(list, func(a, b Value) bool { return a.Compare(b) == 0 })
}

func (o object) get(key string) (value, bool) {
	for _, m := range o.members {
		if m.key == key {
			return m, true
		}
	}
	return value{}, false
}

func (o object) has(key string) bool {
	_, ok := o.get(key)
	return ok
}

func (o object) hasAny(keys ...string) bool { return slices.ContainsFunc(keys, o.has) }

// need returns the member key, or says that it is missing.
func (o object) need(key string) (value, error) {
	if m, ok := o.get(key); ok {
		return m, nil
	}
	return value{}, fault(join(o.path, key), "a value", "nothing")
}

// only refuses members beyond keys.
func (o object) only(keys ...string) error {
	for _, m := range o.members {
		if !slices.Contains(keys, m.key) {
			return fault(m.path, "one of the keys "+strings.Join(keys, ", "),
				"the key "+strconv.Quote(m.key))
		}
	}
	return nil
}

func (o object) keyList() string {
	keys := make([]string, 0, 8)
	for i, m := range o.members {
		if i == 8 {
			keys = append(keys, "…")
			break
		}
		keys = append(keys, strconv.Quote(m.key))
	}
	return strings.Join(keys, ", ")
}

// keyPath reads the member "key".
func (o object) keyPath() (Path, error) {
	m, err := o.need("key")
	if err != nil {
		return Path{}, err
	}
	s, err := m.str()
	if err != nil {
		return Path{}, err
	}
	p, err := ParsePath(s)
	if err != nil {
		return Path{}, fault(m.path, err.Error(), m.given())
	}
	return p, nil
}

// structured reports whether the top object holds conditions, not plain fields.
func (o object) structured() bool {
	return o.hasAny("must", "should", "must_not", "min_should", "key", "has_id", "is_empty",
		"is_null", "nested") || o.tag() != ""
}

// tag returns the type of a tagged condition, or "" when o is none.
func (o object) tag() string {
	m, ok := o.get("type")
	if !ok || !o.hasAny("key", "filter") {
		return ""
	}
	s, err := m.str()
	if err != nil {
		return ""
	}
	return s
}
