package filter

import (
	"encoding/json"
	"testing"
)

func mustParse(t testing.TB, text string) *Filter {
	t.Helper()
	f, err := Parse(json.RawMessage(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return f
}

// table checks filters on payloads, and that the oracle agrees.
type table struct{ *testing.T }

func (t table) check(filter, payload string, want bool) {
	t.Helper()
	f := mustParse(t, filter)
	got, err := f.Match("id1", []byte(payload))
	if err != nil || got != want {
		t.Errorf("%s on %s: %v, %v; want %v", filter, payload, got, err, want)
	}
	if !f.Empty() && oracle(f.Root, "id1", decode([]byte(payload))) != want {
		t.Errorf("%s on %s: the oracle disagrees with the table", filter, payload)
	}
}

func (t table) yes(filter, payload string) { t.Helper(); t.check(filter, payload, true) }

func (t table) no(filter, payload string) { t.Helper(); t.check(filter, payload, false) }

func TestMatchEquality(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"a":5}`, `{"a":5}`)
	yes(`{"a":5}`, `{"a":5.0}`)
	yes(`{"a":5.0}`, `{"a":0.5e1}`)
	no(`{"a":5}`, `{"a":"5"}`)
	no(`{"a":"5"}`, `{"a":5}`)
	yes(`{"a":true}`, `{"a":true}`)
	no(`{"a":true}`, `{"a":"true"}`)
	no(`{"a":false}`, `{"a":0}`)
	yes(`{"a":-0}`, `{"a":0.0}`)
	yes(`{"a":9007199254740993}`, `{"a":9007199254740993}`)
	no(`{"a":9007199254740993}`, `{"a":9007199254740992}`)
	no(`{"a":9007199254740993}`, `{"a":9007199254740992.0}`)
	yes(`{"a":18446744073709551615}`, `{"a":18446744073709551615}`)
	no(`{"a":18446744073709551615}`, `{"a":18446744073709551614}`)
	yes(`{"a":-9223372036854775808}`, `{"a":-9223372036854775808}`)
	yes(`{"a":"é\n"}`, `{"a":"\u00e9\u000a"}`)
	yes(`{"a":"😀"}`, `{"a":"\ud83d\ude00"}`)
	yes(`{"\u0061":1}`, `{"\u0061":1}`)
	no(`{"a":"x"}`, `{}`)
	no(`{"a":"x"}`, ``)
	no(`{"a":"x"}`, `null`)
	yes(`{"a":null}`, `{"a":null}`)
	no(`{"a":null}`, `{}`)
	yes(`{"a":1,"b":"x"}`, `{"b":"x","a":1}`)
	no(`{"a":1,"b":"x"}`, `{"b":"y","a":1}`)
	yes(`{"a":["x",2]}`, `{"a":2}`)
}

func TestMatchPaths(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"a.b":1}`, `{"a":{"b":1}}`)
	no(`{"a.b":1}`, `{"a.b":1}`)
	yes(`{"\"a.b\"":1}`, `{"a.b":1}`)
	yes(`{"a.b":1}`, `{"a":[{"b":2},{"b":1}]}`)
	yes(`{"a[].b":1}`, `{"a":[{"b":2},{"b":1}]}`)
	no(`{"a[].b":1}`, `{"a":{"b":1}}`)
	yes(`{"a[1].b":1}`, `{"a":[{"b":2},{"b":1}]}`)
	no(`{"a[0].b":1}`, `{"a":[{"b":2},{"b":1}]}`)
	yes(`{"a":1}`, `{"a":[3,1]}`)
	no(`{"a":1}`, `{"a":[[1]]}`)
	yes(`{"a[]":1}`, `{"a":[[1]]}`)
	yes(`{"a.b":1}`, `{"a":[[{"b":1}]]}`)
	yes(`{"a[0][1]":1}`, `{"a":[[0,1]]}`)
}

func TestMatchLists(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"key":"a","match":{"any":["x","y"]}}`, `{"a":["z","y"]}`)
	no(`{"key":"a","match":{"any":["x","y"]}}`, `{"a":["z"]}`)
	yes(`{"key":"a","match":{"except":["x"]}}`, `{"a":["x","y"]}`)
	no(`{"key":"a","match":{"except":["x"]}}`, `{"a":"x"}`)
	no(`{"key":"a","match":{"except":["x"]}}`, `{"a":null}`)
	no(`{"key":"a","match":{"except":["x"]}}`, `{}`)
	yes(`{"key":"a","match":{"except":["x"]}}`, `{"a":7}`)
	yes(`{"key":"a","match":{"text":"el"}}`, `{"a":"hello"}`)
	no(`{"key":"a","match":{"text":"EL"}}`, `{"a":"hello"}`)
	yes(`{"key":"a","match":{"prefix":"he"}}`, `{"a":"hello"}`)
	no(`{"key":"a","match":{"suffix":"he"}}`, `{"a":"hello"}`)
}

func TestMatchRanges(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"key":"a","range":{"gt":1,"lte":2}}`, `{"a":2}`)
	no(`{"key":"a","range":{"gt":1,"lt":2}}`, `{"a":2}`)
	no(`{"key":"a","range":{"gt":1}}`, `{"a":"2"}`)
	yes(`{"key":"a","range":{"gt":9007199254740992}}`, `{"a":9007199254740993}`)
	no(`{"key":"a","range":{"gte":1,"lte":null}}`, `{"a":0.999}`)
	yes(`{"key":"a","range":{"gt":1e308}}`, `{"a":1e400}`)
	yes(`{"key":"a","range":{"gte":"2024-05-01T00:00:00Z"}}`, `{"a":"2024-05-01"}`)
	yes(`{"key":"a","range":{"lt":"2024-05-01"}}`, `{"a":"2024-05-01T01:00:00+02:00"}`)
	no(`{"key":"a","range":{"gte":"2024-05-01"}}`, `{"a":"yesterday"}`)
	no(`{"key":"a","range":{"gte":"2024-05-01"}}`, `{"a":20240501}`)
}

func TestMatchEmptiness(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"key":"a","values_count":{"gte":2}}`, `{"a":[1,2]}`)
	yes(`{"key":"a","values_count":{"gte":1,"lt":2}}`, `{"a":{"x":1}}`)
	yes(`{"key":"a","values_count":{"lt":1}}`, `{}`)
	yes(`{"key":"a","values_count":{"lt":1}}`, `{"a":null}`)
	no(`{"key":"a","values_count":{"lt":0}}`, `{"a":[]}`)
	yes(`{"is_empty":{"key":"a"}}`, `{"a":[]}`)
	yes(`{"is_empty":{"key":"a"}}`, `{"b":1}`)
	no(`{"is_empty":{"key":"a"}}`, `{"a":[null]}`)
	no(`{"is_empty":{"key":"a"}}`, `{"a":{}}`)
	yes(`{"is_null":{"key":"a"}}`, `{"a":[1,null]}`)
	yes(`{"key":"a","is_null":false}`, `{"a":[]}`)
	yes(`{"key":"a","is_empty":false}`, `{"a":0}`)
}

func TestMatchPlaces(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"key":"a","geo_radius":{"center":{"lat":52.52,"lon":13.405},"radius":1000}}`,
		`{"a":{"lon":13.40,"lat":52.52,"name":"x"}}`)
	no(`{"key":"a","geo_radius":{"center":{"lat":52.52,"lon":13.405},"radius":100}}`,
		`{"a":{"lon":13.40,"lat":52.52}}`)
	yes(`{"key":"a","geo_bounding_box":{"top_left":{"lat":10,"lon":170},"bottom_right":{"lat":-10,"lon":-170}}}`,
		`{"a":[{"lat":0,"lon":-175}]}`)
	no(`{"key":"a","geo_bounding_box":{"top_left":{"lat":10,"lon":170},"bottom_right":{"lat":-10,"lon":-170}}}`,
		`{"a":{"lat":0,"lon":0}}`)
	triangle := `{"key":"a","geo_polygon":{"exterior":{"points":[` +
		`{"lat":0,"lon":0},{"lat":0,"lon":9},{"lat":9,"lon":9},{"lat":0,"lon":0}]}}}`
	yes(triangle,
		`{"a":{"lat":1,"lon":5}}`)
	no(triangle,
		`{"a":{"lat":5,"lon":1}}`)
	no(`{"key":"a","geo_radius":{"center":{"lat":0,"lon":0},"radius":1e9}}`, `{"a":{"lat":91,"lon":0}}`)
}

func TestMatchNested(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	both := `{"nested":{"key":"d","filter":{"must":[{"key":"f","match":{"value":"meat"}},
		{"key":"l","match":{"value":true}}]}}}`
	yes(both, `{"d":[{"f":"leaf","l":true},{"f":"meat","l":true}]}`)
	no(both, `{"d":[{"f":"leaf","l":true},{"f":"meat","l":false}]}`)
	yes(`{"must":[{"key":"d[].f","match":{"value":"meat"}},{"key":"d[].l","match":{"value":true}}]}`,
		`{"d":[{"f":"leaf","l":true},{"f":"meat","l":false}]}`)
	without := `{"nested":{"key":"d","filter":{"must_not":[{"key":"l","match":{"value":true}}]}}}`
	yes(without, `{"d":[{"l":true},{}]}`)
	no(without, `{"d":[]}`)
}

func TestMatchClauses(t *testing.T) {
	yes, no := table{t}.yes, table{t}.no
	yes(`{"has_id":["id1",5]}`, `{}`)
	no(`{"must_not":[{"has_id":["id1"]}]}`, `{}`)
	yes(`{"should":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}}]}`, `{"b":1}`)
	no(`{"should":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}}]}`, `{"b":2}`)
	yes(`{"must":[],"should":[],"must_not":[]}`, `{}`)
	yes(`{"must":{"key":"a","match":{"value":1}}}`, `{"a":1}`)
	three := `{"min_should":{"min_count":2,"conditions":[
		{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}},{"key":"c","match":{"value":1}}]}}`
	yes(three, `{"a":1,"c":1}`)
	no(three, `{"a":1,"c":2}`)
	yes(`{"must":[{"should":[{"key":"a","match":{"value":1}}],
		"must_not":[{"key":"b","match":{"value":1}}]}]}`, `{"a":1}`)
}

func TestDialectsAreEqual(t *testing.T) {
	same := func(a, b string) {
		t.Helper()
		if x, y := mustParse(t, a).String(), mustParse(t, b).String(); x != y {
			t.Errorf("%s is %s\n%s is %s", a, x, b, y)
		}
	}
	same(`{"must":[{"type":"match","key":"a","match_value":"x"}]}`, `{"key":"a","match":{"value":"x"}}`)
	same(`{"must":[{"type":"match","key":"a","match_value":5}]}`, `{"a":5.0}`)
	same(`{"type":"match","key":"a","match_value":null}`, `{"key":"a","is_empty":false}`)
	same(`{"type":"match","key":"a","match_value":{"text":"x","type":"exact"}}`, `{"a":"x"}`)
	same(`{"type":"match","key":"a","match_value":{"text":"x","type":"prefix"}}`,
		`{"key":"a","match":{"prefix":"x"}}`)
	same(`{"type":"match","key":"a","match_value":{"text":"x","type":"suffix"}}`,
		`{"key":"a","match":{"suffix":"x"}}`)
	same(`{"type":"match","key":"a","match_value":{"text":"x","type":"contains"}}`,
		`{"key":"a","match":{"text":"x"}}`)
	same(`{"type":"range","key":"a","range":{"gt":1,"lte":2}}`,
		`{"key":"a","range":{"lte":2,"gt":1.0,"lt":null}}`)
	same(`{"type":"values_count","key":"a","values_count":{"gt":1}}`, `{"key":"a","values_count":{"gte":2}}`)
	same(`{"type":"geo_radius","key":"a","geo_radius":{"center":{"lat":1,"lon":2},"radius":3}}`,
		`{"key":"a","geo_radius":{"radius":3,"center":{"lon":2,"lat":1}}}`)
	same(`{"type":"geo_bounding_box","key":"a",
		"geo_bounding_box":{"top_right":{"lat":2,"lon":3},"bottom_left":{"lat":1,"lon":0}}}`,
		`{"key":"a","geo_bounding_box":{"top_left":{"lat":2,"lon":0},"bottom_right":{"lat":1,"lon":3}}}`)
	same(`{"type":"nested","filter":{"must":[{"type":"match","key":"a","match_value":true}]}}`, `{"a":true}`)
	same(`{"type":"nested","key":"d","filter":{"must":[{"type":"match","key":"a","match_value":true}]}}`,
		`{"nested":{"key":"d","filter":{"key":"a","match":{"value":true}}}}`)
	same(`{"must":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":2}}]}`, `{"b":2,"a":1}`)
	same(`{"key":"a","match":{"any":["y","x","y"]}}`, `{"a":["x","y"]}`)
	same(`{"has_id":[7,"b"]}`, `{"has_id":["b","7"]}`)
	same(`{"key":"a","range":{"gt":"2024-05-01"}}`, `{"key":"a","range":{"gt":"2024-05-01T02:00:00+02:00"}}`)
	same(`{}`, ` null `)
	same(`{"must":[]}`, ``)
}

func TestMatchAllocatesNothing(t *testing.T) {
	f := mustParse(t, `{"must":[{"key":"a.b","match":{"value":5}},{"key":"t","match":{"any":["x","y\n"]}},
		{"key":"w","range":{"gte":"2024-01-01"}},{"key":"n","range":{"lt":1e9}},
		{"nested":{"key":"d","filter":{"key":"x","match":{"value":1}}}}]}`)
	payload := []byte(`{"t":["q","y\n"],"a":[{"b":5.0}],
		"w":"2024-05-01T12:00:00Z","n":9223372036854775807.5e-12,"d":[{"x":1}]}`)
	if ok, err := f.Match("id", payload); !ok || err != nil {
		t.Fatal(ok, err)
	}
	w := newWalker(f.Program()) // not from the pool, which forgets at random under -race
	if n := testing.AllocsPerRun(200, func() { w.run("id", payload, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMatchRefusesBrokenPayload(t *testing.T) {
	f := mustParse(t, `{"a.b":1,"c":2}`)
	for _, payload := range []string{`{`, `{"a"`,
		`{"a":`, `{"a":{"b":`, `[1]`, `7`, `{"a":"x`, `{"c":-}`, `{"a":1 "b":2}`} {
		if _, err := f.Match("", []byte(payload)); err == nil {
			t.Errorf("%s accepted", payload)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	payload := []byte(`{"title":"a document of some length","lang":"go",
		"year":2021,"price":19.99,"stock":true,"tags":["a","b","c"]}`)
	for _, c := range []struct{ name, text string }{
		{"first", `{"title":"a document of some length"}`},
		{"keyword", `{"lang":"go"}`},
		{"three", `{"must":[{"key":"lang","match":{"value":"go"}},
			{"key":"year","range":{"gte":2000}},{"key":"tags","match":{"any":["c","d"]}}]}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := mustParse(b, c.text)
			b.ReportAllocs()
			for b.Loop() {
				if ok, _ := f.Match("id", payload); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}
