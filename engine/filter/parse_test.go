package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

func TestParseNamesWhatItRefuses(t *testing.T) {
	refuse := func(text, path, expected string) {
		t.Helper()
		f, err := Parse(json.RawMessage(text))
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != errs.Parse {
			t.Fatalf("%.200s: %v, %v; want a parse error", text, f, err)
		}
		if e.Details["field"] != "filter" || e.Details["path"] != path {
			t.Errorf("%.200s: path %v, want %s", text, e.Details["path"], path)
		}
		if got := fmt.Sprint(e.Details["expected"]); !strings.Contains(got, expected) {
			t.Errorf("%.200s: expected %q lacks %q", text, got, expected)
		}
		if !strings.HasPrefix(e.Message, "Failed to parse filter: "+path) {
			t.Errorf("%.200s: message %q", text, e.Message)
		}
	}
	refuse(`5`, "filter", "an object")
	refuse(`[]`, "filter", "an object")
	refuse(`{`, "filter", "a JSON object")
	refuse(`{"a":1}}`, "filter", "a JSON object")
	refuse("{\"a\":\"\xff\"}", "filter", "a JSON object")
	refuse(`{"must":[{"is_null":{"key":"a"}}],"must":[]}`, "filter", "a JSON object")
	refuse(`{"must":5}`, "filter.must", "an array of conditions")
	refuse(`{"must":[5]}`, "filter.must[0]", "an object")
	refuse(`{"must":[],"mustnot":[]}`, "filter.mustnot", "must_not")
	refuse(`{"must":[{"foo":1}]}`, "filter.must[0]", "a condition")
	refuse(`{"must":[{"key":"a"}]}`, "filter.must[0]", "one condition beside the key")
	refuse(`{"must":[{"key":"a","match":{"value":1},"range":{"gt":1}}]}`, "filter.must[0]", "one condition")
	refuse(`{"must":[{"key":5,"match":{"value":1}}]}`, "filter.must[0].key", "a string")
	refuse(`{"must":[{"key":"","match":{"value":1}}]}`, "filter.must[0].key", "1 to 512 bytes")
	refuse(`{"must":[{"key":"a..b","match":{"value":1}}]}`, "filter.must[0].key", "a name")
	refuse(`{"must":[{"key":"a[x]","match":{"value":1}}]}`, "filter.must[0].key", "[number]")
	refuse(`{"must":[{"key":"a","match":5}]}`, "filter.must[0].match", "an object")
	refuse(`{"must":[{"key":"a","match":{}}]}`, "filter.must[0].match", "value, any")
	refuse(`{"must":[{"key":"a","match":{"val":1}}]}`, "filter.must[0].match.val", "value, any")
	refuse(`{"must":[{"key":"a","match":{"value":null}}]}`, "filter.must[0].match.value", "is_null")
	refuse(`{"must":[{"key":"a","match":{"value":[1]}}]}`, "filter.must[0].match.value", "a string, number")
	refuse(`{"must":[{"key":"a","match":{"any":[]}}]}`, "filter.must[0].match.any", "at least one")
	refuse(`{"must":[{"key":"a","match":{"any":[{}]}}]}`, "filter.must[0].match.any[0]", "a string, number")
	refuse(`{"must":[{"key":"a","match":{"text":5}}]}`, "filter.must[0].match.text", "a string")
	refuse(`{"must":[{"key":"a","rang":{"gt":5}}]}`, "filter.must[0].rang", "range")
	refuse(`{"must":[{"key":"a","range":{}}]}`, "filter.must[0].range", "at least one of gt")
	refuse(`{"must":[{"key":"a","range":{"gt":"soon"}}]}`, "filter.must[0].range.gt", "a time such as")
	refuse(`{"must":[{"key":"a","range":{"gt":1,"lt":"2024-01-01"}}]}`, "filter.must[0].range", "one type")
	refuse(`{"must":[{"key":"a","range":{"gt":true}}]}`, "filter.must[0].range.gt", "a number")
	refuse(`{"must":[{"key":"a","values_count":{"gt":-1}}]}`, "filter.must[0].values_count.gt", "whole number")
	refuse(`{"must":[{"key":"a","values_count":{"gt":1.5}}]}`, "filter.must[0].values_count.gt", "whole number")
	refuse(`{"must":[{"key":"a","geo_radius":{"center":{"lat":91,"lon":0},"radius":1}}]}`,
		"filter.must[0].geo_radius.center.lat", "degrees from -90 to 90")
	refuse(`{"must":[{"key":"a","geo_radius":{"center":{"lat":1},"radius":1}}]}`,
		"filter.must[0].geo_radius.center.lon", "a value")
	refuse(`{"must":[{"key":"a","geo_bounding_box":{"top_left":{"lat":1,"lon":0},"bottom_right":{"lat":2,"lon":1}}}]}`,
		"filter.must[0].geo_bounding_box", "a top not below")
	refuse(`{"must":[{"key":"a","geo_polygon":{"exterior":{"points":[{"lat":1,"lon":0}]}}}]}`,
		"filter.must[0].geo_polygon.exterior.points", "at least 4 points")
	refuse(`{"should":{"is_empty":{"key":1}}}`, "filter.should.is_empty.key", "a string")
	refuse(`{"has_id":[true]}`, "filter.has_id[0]", "a whole number")
	refuse(`{"has_id":[1.5]}`, "filter.has_id[0]", "a whole number")
	refuse(`{"nested":{"key":"a"}}`, "filter.nested.filter", "a value")
	refuse(`{"min_should":{"conditions":[]}}`, "filter.min_should.min_count", "a value")
	refuse(`{"type":"fuzzy","key":"a","fuzzy":1}`, "filter.type", "match, range")
	refuse(`{"type":"match","key":"a","match_value":{"text":"a","type":"like"}}`, "filter.match_value.type", "exact")
	refuse(`{"type":"match","key":"a","match":{"value":1}}`, "filter.match", "match_value")
	refuse(`{"type":"range","key":"a"}`, "filter.range", "a value")
	refuse(`{"a":{"b":1}}`, "filter.a", "a scalar")
	refuse(`{"a":[]}`, "filter.a", "at least one value")
	refuse(`{"key":"a"}`, "filter", "one condition beside the key")
}

func TestParseLimits(t *testing.T) {
	refuse := func(text, expected string) {
		t.Helper()
		if _, err := Parse(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%.60s…: %v, want %q", text, err, expected)
		}
	}
	deep := func(n int) string {
		return strings.Repeat(`{"must":[`, n) + `{"is_null":{"key":"a"}}` + strings.Repeat("]}", n)
	}
	mustParse(t, deep(MaxDepth-1))
	refuse(deep(MaxDepth), "levels")
	refuse(deep(1000), "nested too deeply")
	refuse(strings.Repeat("[", 100000), "nested too deeply")
	refuse(`{"a":"`+strings.Repeat("x", MaxBytes)+`"}`, "at most 1048576 bytes")
	many := func(n int) string {
		return `{"must":[` + strings.TrimSuffix(strings.Repeat(`{"is_null":{"key":"a"}},`, n), ",") + `]}`
	}
	mustParse(t, many(MaxNodes-1))
	refuse(many(MaxNodes), "at most 1024 conditions")
	ids := func(n int) string { return `{"has_id":[` + strings.TrimSuffix(strings.Repeat(`1,`, n), ",") + `]}` }
	mustParse(t, ids(MaxValues))
	refuse(ids(MaxValues+1), "at most 10000 elements")
	refuse(`{"`+strings.Repeat("a", MaxKeyBytes+1)+`":1}`, "1 to 512 bytes")
	refuse(`{"`+strings.TrimSuffix(strings.Repeat("a.", MaxKeySteps+1), ".")+`":1}`, "steps")
}

func TestEmptyFilters(t *testing.T) {
	for _, text := range []string{``, `  `, `null`, `{}`, `{"must":[]}`, `{"must":null,"should":[]}`} {
		f := mustParse(t, text)
		if !f.Empty() {
			t.Errorf("%q is not empty: %s", text, f)
		}
		if ok, err := f.Match("x", nil); !ok || err != nil {
			t.Errorf("%q does not match everything", text)
		}
	}
	if mustParse(t, `{"must_not":[{}]}`).Empty() {
		t.Error("nothing is not everything")
	}
}

// seeds are texts of every form.
var seeds = []string{
	`{"must":[{"key":"a.b","match":{"value":5}}],"should":[{"key":"t","match":{"any":["x","y"]}}]}`,
	`{"must_not":{"key":"a","range":{"gt":1,"lte":2.5}}}`,
	`{"key":"a","range":{"gte":"2024-05-01T12:00:00.5+02:00"}}`,
	`{"type":"match","key":"a","match_value":{"text":"x","type":"prefix"}}`,
	`{"type":"match","key":"a","match_value":null}`,
	`{"nested":{"key":"d[]","filter":{"must":[{"key":"x","match":{"except":[1,true]}}]}}}`,
	`{"min_should":{"conditions":[{"is_empty":{"key":"a"}},{"is_null":{"key":"a"}}],"min_count":1}}`,
	`{"has_id":["id",5]}`, `{"a":1,"b":["x",null]}`, `{"a":null,"\"x.y\"[2]":true}`,
	`{"key":"a","values_count":{"gt":1,"lt":5}}`,
	`{"key":"a","geo_polygon":{"exterior":{"points":[
		{"lat":0,"lon":0},{"lat":0,"lon":9},{"lat":9,"lon":9},{"lat":0,"lon":0}]},"interiors":[]}}`,
	`{"key":"a","geo_bounding_box":{"top_right":{"lat":2,"lon":3},"bottom_left":{"lat":1,"lon":0}}}`,
	`{"key":"a","geo_radius":{"center":{"lat":1,"lon":2},"radius":300000}}`,
}

// FuzzParse checks that Parse never panics, that its canonical text is read back
// to the same filter, and that errors are typed.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flt, err := Parse(json.RawMessage(text))
		if err != nil {
			var e *errs.Error
			if !errors.As(err, &e) || e.Kind != errs.Parse {
				t.Fatalf("%v is not a parse error", err)
			}
			return
		}
		again, err := Parse(json.RawMessage(flt.String()))
		if err != nil {
			t.Fatalf("canonical text %s refused: %v", flt, err)
		}
		if flt.String() != again.String() {
			t.Fatalf("canonical text %s becomes %s", flt, again)
		}
	})
}

// FuzzMatch compares Match with the oracle.
func FuzzMatch(f *testing.F) {
	payloads := []string{
		`{"a":{"b":[5,"x"]},"t":"y"}`, `{"a":[1,2.5,null],"d":[{"x":1},{"x":false}]}`, `{}`, ``,
		`{"a":"2024-05-01T12:00:00Z","b":"x","x.y":[0,1,true]}`, `{"a":[{"lat":1,"lon":2},{"lat":3}]}`,
		`{"a":9007199254740993,"d":[[{"x":1e400}]]}`, `{"\u0061":"\ud83d\ude00\n"}`,
	}
	for _, s := range seeds {
		for _, p := range payloads {
			f.Add(s, p)
		}
	}
	f.Fuzz(func(t *testing.T, text, payload string) {
		flt, err := Parse(json.RawMessage(text))
		if err != nil || flt.Empty() {
			return
		}
		got, err := flt.Match("id", []byte(payload))
		if !validPayload(payload) {
			return // it must not panic; the answer means nothing
		}
		if err != nil {
			t.Fatalf("payload %s: %v", payload, err)
		}
		if want := oracle(flt.Root, "id", decode([]byte(payload))); got != want {
			t.Fatalf("%s on %s: %v, the oracle says %v", flt, payload, got, want)
		}
		again := mustParse(t, flt.String())
		if b, _ := again.Match("id", []byte(payload)); b != got {
			t.Fatalf("%s on %s: %v, read back from its text %v", flt, payload, got, b)
		}
	})
}
