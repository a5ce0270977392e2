package filter

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// Limits of a filter text. Beyond them Parse refuses.
const (
	MaxBytes  = 1 << 20 // bytes of the text
	MaxDepth  = 16      // conditions inside each other
	MaxNodes  = 1024    // conditions
	MaxValues = 10000   // values of one list (any, except, has_id, a polygon's ring)
	// maxJSONDepth is the containers that MaxDepth conditions can need.
	maxJSONDepth = 3*MaxDepth + 8
)

// Parse reads a filter in any of three forms, which may be mixed but for the
// last:
//
//   - Qdrant's: {"must": […], "should": […], "must_not": […], "min_should":
//     {"conditions": […], "min_count": n}} with conditions {"key", "match":
//     {"value" | "text" | "any" | "except"}}, {"key", "range"}, {"key",
//     "geo_bounding_box" | "geo_radius" | "geo_polygon"}, {"key",
//     "values_count"}, {"is_empty": {"key"}}, {"is_null": {"key"}}, {"has_id":
//     […]}, {"nested": {"key", "filter"}}, or again such an object. A list of
//     one condition may be written without brackets. "match" also knows
//     "prefix", "suffix" and "contains" ("text" is the same as "contains").
//   - tagged conditions, as the original's clients send them: {"type": "match",
//     "key", "match_value": scalar | {"text", "type": "exact" | "prefix" |
//     "suffix" | "contains"}}, where a null match_value means that the key holds
//     anything, and {"type": "range" | "geo_bounding_box" | "geo_radius" |
//     "values_count", "key", …}, {"type": "nested", "filter"[, "key"]}.
//   - plain: {"field": scalar or list of scalars, …}, all of which must match;
//     null asks for a null. Only at the top, and only if the object has none of
//     the keys must, should, must_not, min_should, key, has_id, is_empty,
//     is_null, nested and no tagged condition's "type" with its "filter".
//
// A single condition may stand for the whole filter. An absent or null text and
// one that says nothing ({} or empty lists) give nil, which matches all.
// Everything unknown is refused with an *errs.Error of kind errs.Parse whose
// details hold field "filter", path, expected and given.
func Parse(raw json.RawMessage) (*Filter, error) {
	if len(raw) > MaxBytes {
		return nil, fault("", fmt.Sprintf("at most %d bytes", MaxBytes), strconv.Itoa(len(raw)))
	}
	start := rawjson.SkipSpace(raw, 0)
	if start == len(raw) {
		return nil, nil
	}
	if err := rawjson.Check(raw, maxJSONDepth); err != nil {
		return nil, fault("", "a JSON object", err.Error())
	}
	if rawjson.KindOf(raw, start) == rawjson.Null {
		return nil, nil
	}
	p := &parser{nodes: MaxNodes}
	root, err := p.top(value{raw: raw[start:], path: ""})
	if err != nil || root == nil {
		return nil, err
	}
	return &Filter{Root: root}, nil
}

// New returns a filter made from an AST. It panics on a node that no text could
// have given, which is the caller's mistake.
func New(root Node) *Filter {
	if root == nil {
		return nil
	}
	f := &Filter{Root: root}
	f.Program()
	return f
}

// fault is the one error of Parse.
func fault(path, expected, given string) *errs.Error {
	at := "filter"
	if path != "" {
		at += "." + path
	}
	reason := fmt.Sprintf("%s: expected %s, got %s", at, expected, given)
	return errs.New(errs.Parse, "Failed to parse filter: %s", reason).
		With("field", "filter").With("reason", reason).
		With("path", at).With("expected", expected).With("given", given)
}

// parser counts what one filter uses up.
type parser struct {
	nodes int // conditions still allowed
	depth int // conditions open
}

// top reads the whole filter, in which alone the plain form may stand.
func (p *parser) top(v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if !o.structured() {
		return p.plain(o)
	}
	return p.condition(v)
}

// condition reads one condition of any form; nil means "matches all".
func (p *parser) condition(v value) (Node, error) {
	if p.nodes--; p.nodes < 0 {
		return nil, fault(v.path, fmt.Sprintf("at most %d conditions", MaxNodes), "more")
	}
	if p.depth++; p.depth > MaxDepth {
		return nil, fault(v.path, fmt.Sprintf("at most %d levels of conditions", MaxDepth), "more")
	}
	defer func() { p.depth-- }()
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	switch {
	case len(o.members) == 0:
		return nil, nil
	case o.hasAny("must", "should", "must_not", "min_should"):
		return p.clauses(o)
	case o.tag() != "":
		return p.tagged(o)
	case o.has("key"):
		return p.field(o)
	case len(o.members) == 1 && o.hasAny("is_empty", "is_null"):
		return p.emptiness(o.members[0])
	case len(o.members) == 1 && o.has("has_id"):
		return hasID(o.members[0])
	case len(o.members) == 1 && o.has("nested"):
		return p.nested(o.members[0])
	}
	return nil, fault(v.path, "a condition (must, should, must_not, min_should; key with match, "+
		"range, geo_bounding_box, geo_radius, geo_polygon, values_count, is_empty or is_null; "+
		"is_empty; is_null; has_id; nested)", "an object with "+o.keyList())
}

// clauses reads {"must", "should", "must_not", "min_should"}.
func (p *parser) clauses(o object) (Node, error) {
	if err := o.only("must", "should", "must_not", "min_should"); err != nil {
		return nil, err
	}
	all := &And{}
	for _, m := range o.members {
		if m.kind() == rawjson.Null {
			continue
		}
		switch m.key {
		case "min_should":
			n, err := p.minShould(m)
			if err != nil {
				return nil, err
			}
			all.Of = append(all.Of, n)
		default:
			if err := p.clause(all, m); err != nil {
				return nil, err
			}
		}
	}
	switch len(all.Of) {
	case 0:
		return nil, nil
	case 1:
		return all.Of[0], nil
	}
	return all, nil
}

// clause adds what one of must, should and must_not says to all.
func (p *parser) clause(all *And, m value) error {
	list, err := p.conditions(m)
	if err != nil || len(list) == 0 {
		return err
	}
	switch m.key {
	case "must":
		for _, n := range list {
			if n != nil {
				all.Of = append(all.Of, n)
			}
		}
	case "must_not":
		for _, n := range list {
			all.Of = append(all.Of, &Not{Of: orAll(n)})
		}
	case "should":
		any := &Or{Min: 1}
		for _, n := range list {
			any.Of = append(any.Of, orAll(n))
		}
		all.Of = append(all.Of, any)
	}
	return nil
}

// orAll stands in for a condition that says nothing.
func orAll(n Node) Node {
	if n == nil {
		return &And{}
	}
	return n
}

// conditions reads a list of conditions, or one alone.
func (p *parser) conditions(m value) ([]Node, error) {
	if m.kind() == rawjson.Object {
		n, err := p.condition(m)
		return []Node{n}, err
	}
	items, err := m.array("an array of conditions or one condition", MaxNodes)
	if err != nil {
		return nil, err
	}
	list := make([]Node, 0, len(items))
	for _, it := range items {
		n, err := p.condition(it)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

func (p *parser) minShould(m value) (Node, error) {
	o, err := m.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("conditions", "min_count"); err != nil {
		return nil, err
	}
	conds, err := o.need("conditions")
	if err != nil {
		return nil, err
	}
	count, err := o.need("min_count")
	if err != nil {
		return nil, err
	}
	n, err := count.uint()
	if err != nil {
		return nil, err
	}
	list, err := p.conditions(conds)
	if err != nil {
		return nil, err
	}
	any := &Or{Min: int(min(n, MaxNodes+1))}
	for _, c := range list {
		any.Of = append(any.Of, orAll(c))
	}
	return any, nil
}

// nested reads {"key", "filter"} of a genuine nested condition.
func (p *parser) nested(m value) (Node, error) {
	o, err := m.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("key", "filter"); err != nil {
		return nil, err
	}
	key, err := o.keyPath()
	if err != nil {
		return nil, err
	}
	return p.nestedFilter(o, key)
}

// nestedFilter reads o's "filter" as a condition inside key.
func (p *parser) nestedFilter(o object, key Path) (Node, error) {
	f, err := o.need("filter")
	if err != nil {
		return nil, err
	}
	n, err := p.condition(f)
	if err != nil {
		return nil, err
	}
	return &Nested{Key: key, Of: orAll(n)}, nil
}

// emptiness reads {"is_empty": {"key"}} and {"is_null": {"key"}}.
func (p *parser) emptiness(m value) (Node, error) {
	o, err := m.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("key"); err != nil {
		return nil, err
	}
	key, err := o.keyPath()
	if err != nil {
		return nil, err
	}
	if m.key == "is_null" {
		return &IsNull{Key: key}, nil
	}
	return &IsEmpty{Key: key}, nil
}

// plain reads {"field": scalar or list of scalars, …}.
func (p *parser) plain(o object) (Node, error) {
	all := &And{}
	for _, m := range o.members {
		if p.nodes--; p.nodes < 0 {
			return nil, fault(m.path, fmt.Sprintf("at most %d conditions", MaxNodes), "more")
		}
		key, err := ParsePath(m.key)
		if err != nil {
			return nil, fault(m.path, err.Error(), strconv.Quote(m.key))
		}
		switch m.kind() {
		case rawjson.Null:
			all.Of = append(all.Of, &IsNull{Key: key})
		case rawjson.Object:
			return nil, fault(m.path, "a scalar or an array of scalars (or, for conditions, the keys "+
				"must, should, must_not, min_should)", m.given())
		case rawjson.Array:
			in, err := m.scalars()
			if err != nil {
				return nil, err
			}
			all.Of = append(all.Of, &Match{Key: key, In: in})
		default:
			s, err := m.scalar()
			if err != nil {
				return nil, err
			}
			all.Of = append(all.Of, &Match{Key: key, In: []Value{s}})
		}
	}
	switch len(all.Of) {
	case 0:
		return nil, nil
	case 1:
		return all.Of[0], nil
	}
	return all, nil
}
