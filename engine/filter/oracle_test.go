package filter

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The oracle evaluates an AST on payloads that encoding/json has decoded, in the
// plainest way: it shares no code with the product but the AST itself.

func decode(payload []byte) any {
	if len(bytes.TrimSpace(payload)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

func oracle(n Node, id string, v any) bool {
	switch n := n.(type) {
	case *And:
		for _, k := range n.Of {
			if !oracle(k, id, v) {
				return false
			}
		}
		return true
	case *Or:
		count := 0
		for _, k := range n.Of {
			if oracle(k, id, v) {
				count++
			}
		}
		return count >= n.Min
	case *Not:
		return !oracle(n.Of, id, v)
	case *HasID:
		return slices.Contains(n.IDs, id)
	case *IsEmpty:
		for _, r := range resolve(v, n.Key.Steps()) {
			if list, ok := r.([]any); r != nil && (!ok || len(list) > 0) {
				return false
			}
		}
		return true
	case *IsNull:
		for _, r := range resolve(v, n.Key.Steps()) {
			if list, ok := r.([]any); r == nil || ok && slices.Contains(list, nil) {
				return true
			}
		}
		return false
	case *ValuesCount:
		reached := resolve(v, n.Key.Steps())
		for _, r := range reached {
			if c := countOf(r); c >= n.Min && c <= n.Max {
				return true
			}
		}
		return len(reached) == 0 && n.Min == 0 && n.Max >= n.Min
	}
	return oracleElements(n, id, v)
}

// oracleElements are the conditions on elements.
func oracleElements(n Node, id string, v any) bool {
	var key Path
	var test func(any) bool
	switch n := n.(type) {
	case *Match:
		key, test = n.Key, func(e any) bool { return oneOf(e, n.In) }
	case *Except:
		key, test = n.Key, func(e any) bool {
			switch e.(type) {
			case string, json.Number, bool:
				return !oneOf(e, n.Of)
			}
			return false
		}
	case *Text:
		key, test = n.Key, func(e any) bool {
			s, ok := e.(string)
			return ok && (n.Mode == Contains && strings.Contains(s, n.Text) ||
				n.Mode == Prefix && strings.HasPrefix(s, n.Text) ||
				n.Mode == Suffix && strings.HasSuffix(s, n.Text))
		}
	case *Range:
		key, test = n.Key, func(e any) bool {
			x, ok := e.(json.Number)
			if !ok {
				return false
			}
			c := func(b *Number) int { return exact(x.String()).Cmp(exact(b.String())) }
			return (n.Gt == nil || c(n.Gt) > 0) && (n.Gte == nil || c(n.Gte) >= 0) &&
				(n.Lt == nil || c(n.Lt) < 0) && (n.Lte == nil || c(n.Lte) <= 0)
		}
	case *TimeRange:
		key, test = n.Key, func(e any) bool {
			s, ok := e.(string)
			us, isTime := oracleTime(s)
			return ok && isTime && (n.Gt == nil || us > *n.Gt) && (n.Gte == nil || us >= *n.Gte) &&
				(n.Lt == nil || us < *n.Lt) && (n.Lte == nil || us <= *n.Lte)
		}
	case *GeoBox:
		key, test = n.Key, func(e any) bool { p, ok := place(e); return ok && n.Contains(p) }
	case *GeoRadius:
		key, test = n.Key, func(e any) bool { p, ok := place(e); return ok && n.Contains(p) }
	case *GeoPolygon:
		key, test = n.Key, func(e any) bool { p, ok := place(e); return ok && n.Contains(p) }
	case *Nested:
		key, test = n.Key, func(e any) bool {
			m, ok := e.(map[string]any)
			return ok && oracle(n.Of, id, m)
		}
	}
	for _, r := range resolve(v, key.Steps()) {
		if list, ok := r.([]any); ok {
			if slices.ContainsFunc(list, test) {
				return true
			}
		} else if test(r) {
			return true
		}
	}
	return false
}

// resolve returns the values that steps reach from v.
func resolve(v any, steps []Step) []any {
	if len(steps) == 0 {
		return []any{v}
	}
	s := steps[0]
	list, isList := v.([]any)
	var out []any
	switch {
	case s.Kind == StepName && isList:
		for _, e := range list {
			out = append(out, resolve(e, steps)...)
		}
	case s.Kind == StepName:
		if m, ok := v.(map[string]any); ok {
			if e, ok := m[s.Name]; ok {
				out = resolve(e, steps[1:])
			}
		}
	case s.Kind == StepEvery:
		for _, e := range list {
			out = append(out, resolve(e, steps[1:])...)
		}
	case s.Index < len(list):
		out = resolve(list[s.Index], steps[1:])
	}
	return out
}

func countOf(v any) uint64 {
	switch v := v.(type) {
	case nil:
		return 0
	case []any:
		return uint64(len(v))
	}
	return 1
}

// exact is a number as the product is to see it: exact when whole and in the
// range of 64 bits, else as the nearest float64.
func exact(text string) *big.Float {
	r, ok := new(big.Rat).SetString(text)
	f, _ := json.Number(text).Float64()
	wide := new(big.Float).SetPrec(200)
	switch {
	case math.IsInf(f, 0):
		return wide.SetInf(f < 0)
	case ok && r.IsInt() && !strings.ContainsAny(text, ".eE") &&
		(r.Num().IsInt64() || r.Num().IsUint64()):
		return wide.SetInt(r.Num())
	}
	return wide.SetFloat64(f)
}

func oneOf(e any, in []Value) bool {
	return slices.ContainsFunc(in, func(v Value) bool {
		switch e := e.(type) {
		case string:
			return v.Kind == KindString && v.Str == e
		case bool:
			return v.Kind == KindBool && v.Bool == e
		case json.Number:
			return v.Kind == KindNumber && exact(e.String()).Cmp(exact(v.Num.String())) == 0
		}
		return false
	})
}

func place(e any) (p Point, ok bool) {
	m, _ := e.(map[string]any)
	lat, okLat := m["lat"].(json.Number)
	lon, okLon := m["lon"].(json.Number)
	if !okLat || !okLon {
		return p, false
	}
	p.Lat, _ = lat.Float64()
	p.Lon, _ = lon.Float64()
	return p, math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180
}

// timeShape is what package time is too lenient to check: it takes zones of 24 hours
// and 60 minutes, RFC 3339 (section 5.6) ends at 23 and 59.
var timeShape = regexp.MustCompile(
	`^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$`)

func oracleTime(s string) (int64, bool) {
	if !timeShape.MatchString(s) {
		return 0, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04",
		"2006-01-02T15:04Z07:00", "2006-01-02"} {
		text := s
		if len(s) > 10 && s[10] == ' ' {
			text = s[:10] + "T" + s[11:]
		}
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix()*1e6 + int64(t.Nanosecond()/1000), true
		}
	}
	return 0, false
}
