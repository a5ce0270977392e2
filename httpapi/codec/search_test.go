package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// decode reads a JSON search body.
func decode(body string) (*Search, error) {
	var d Decoder
	d.Reset([]byte(body), JSON)
	s := new(Search)
	return s, s.Decode(&d)
}

func TestSearchBody(t *testing.T) {
	s, err := decode(` { "vector" : [ 1 , -2.5e-1,3 ] , "k":7,"offset":2,"ef":99,"exact":true,
		"score_threshold":-0.5,"with_vector":true,"include_metadata":false,"explain":true,
		"timeout_ms":250,"collection":"a\u0062\ud83d\ude00","public_key":null,
		"payload":["x","y"],"filter":null} `)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Vector, []float32{1, -.25, 3}) || s.Limit != 7 || s.Offset != 2 ||
		s.Ef != 99 || !s.Exact || !s.HasThreshold || s.Threshold != -.5 || !s.WithVector ||
		s.WithPayload || !s.Explain || s.TimeoutMillis != 250 || string(s.Collection) != "ab😀" ||
		!slices.Equal(s.PayloadFields, []string{"x", "y"}) || s.Filter != nil {
		t.Fatalf("%+v", s)
	}
	var r engine.SearchRequest
	s.Request(&r)
	if r.K != 7 || r.Offset != 2 || *r.Threshold != -.5 || !r.Exact || !r.Fields.Vector ||
		r.Fields.Payload {
		t.Fatalf("%+v", r)
	}
}

func TestSearchDefaults(t *testing.T) {
	s, err := decode(`{"vector":[1],"threshold":null,"offset":null,"with_payload":null}`)
	if err != nil || s.Limit != DefaultLimit || s.HasThreshold || !s.WithPayload || s.WithVector ||
		s.Ef != 0 || s.Offset != 0 {
		t.Fatalf("%v %+v", err, s)
	}
}

// TestSearchParams reads what clients of Qdrant put into params.
func TestSearchParams(t *testing.T) {
	s, err := decode(`{"vector":[1],"params":{"hnsw_ef":77,"exact":true,
		"quantization":{"ignore":true,"rescore":false,"oversampling":2.5}}}`)
	if err != nil || s.Ef != 77 || !s.Exact {
		t.Fatal(err, s)
	}
	var r engine.SearchRequest
	s.Request(&r)
	if !r.Codes.Ignore || *r.Codes.Rescore || r.Codes.Oversampling != 2.5 {
		t.Fatalf("%+v", r.Codes)
	}
	s, err = decode(`{"vector":[1],"params":{"quantization":{"ignore":null,"rescore":null,"oversampling":null}}}`)
	s.Request(&r)
	if err != nil || r.Codes != (engine.CodeUse{}) {
		t.Fatalf("%v %+v", err, r.Codes)
	}
}

func TestSearchBase64(t *testing.T) {
	raw := []byte{0, 0, 128, 63, 0, 0, 0, 192} // 1, -2
	for _, text := range []string{base64.StdEncoding.EncodeToString(raw),
		base64.RawStdEncoding.EncodeToString(raw)} {
		s, err := decode(`{"vector":"` + text + `"}`)
		if err != nil || !slices.Equal(s.Vector, []float32{1, -2}) {
			t.Errorf("%s: %v %v", text, err, s.Vector)
		}
	}
}

// TestSearchRefused checks what each kind of bad body is told.
func TestSearchRefused(t *testing.T) {
	f := func(body string, kind errs.Kind, says ...string) {
		t.Helper()
		_, err := decode(body)
		if errs.KindOf(err) != kind {
			t.Errorf("%s: %v, want %s", body, err, kind)
			return
		}
		for _, s := range says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", body, err, s)
			}
		}
	}
	f(`{}`, errs.Validation, "vector")
	f(`{"vector":[1],"params":{"quantization":{"oversampling":0.5}}}`, errs.Validation,
		"params.quantization.oversampling", "1 to 10", "0.5")
	f(`{"vector":[1],"params":{"quantization":{"rescore":1}}}`, errs.Validation, "params.quantization.rescore")
	f(`{"vector":[1],"params":{"indexed_only":true}}`, errs.Validation, "indexed_only")
	f(`{"vector":[]}`, errs.Validation, "vector", "at least one component")
	f(`{"vector":[1,NaN]}`, errs.Validation, "vector[1]", "finite", "NaN")
	f(`{"vector":[-Infinity]}`, errs.Validation, "vector[0]", "-Infinity")
	f(`{"vector":[1,1e400]}`, errs.Validation, "vector[1]", "1e400")
	f(`{"vector":[1,"2"]}`, errs.Validation, "vector[1]", `"2"`)
	f(`{"vector":[1,null]}`, errs.Validation, "vector[1]", "null")
	f(`{"vector":[[1]]}`, errs.Validation, "vector[0]", "an array")
	f(`{"vector":{"a":1}}`, errs.Validation, "vector", "an object")
	f(`{"vector":"AAA"}`, errs.Validation, "vector", "4-byte")
	f(`{"vector":"%%%%"}`, errs.Validation, "vector", "base64")
	f(`{"vector":[1],"data":[1]}`, errs.Validation, "data", "one vector")
	f(`{"vector":[1],"limit":0}`, errs.Validation, "limit", "1 to 10000", "got 0")
	f(`{"vector":[1],"limit":-1}`, errs.Validation, "got -1")
	f(`{"vector":[1],"limit":10001}`, errs.Validation, "got 10001")
	f(`{"vector":[1],"limit":1.5}`, errs.Validation, "got 1.5")
	f(`{"vector":[1],"limit":"10"}`, errs.Validation, `"10"`)
	f(`{"vector":[1],"limit":99999999999999999999}`, errs.Validation, "99999999999999999999")
	f(`{"vector":[1],"offset":1000001}`, errs.Validation, "offset")
	f(`{"vector":[1],"ef":0}`, errs.Validation, "ef")
	f(`{"vector":[1],"exact":1}`, errs.Validation, "exact", "boolean")
	f(`{"vector":[1],"treshold":1}`, errs.Validation, "treshold", `did you mean "threshold"`)
	f(`{"vector":[1],"zzzzzzzz":1}`, errs.Validation, "zzzzzzzz", "unknown field")
	f(`{"query":"a text"}`, errs.Validation, "query", "embeds no text")
	f(`{"vector":[1],"filter":5}`, errs.Parse)
	f(`[1]`, errs.Validation, "body", "an object")
	f(``, errs.BadRequest, "ends early")
	f(`{"vector":[1`, errs.BadRequest, "ends early")
	f(`{"vector":[1]`, errs.BadRequest, "ends early")
	f(`{"vector":[1]}x`, errs.BadRequest, "behind")
	f(`{"vector":[1,]}`, errs.BadRequest)
	f(`{"vector":[1],}`, errs.BadRequest)
	f(`{"vector":[01]}`, errs.BadRequest)
	f(`{"vector":[+1]}`, errs.BadRequest)
	f(`{vector:[1]}`, errs.BadRequest)
	f(`{"vector" [1]}`, errs.BadRequest, "colon")
	f("{\"vector\":[1],\"collection\":\"a\x01\"}", errs.BadRequest, "control")
	f("{\"vector\":[1],\"collection\":\"a\xff\"}", errs.Validation, "UTF-8")
	f(`{"vector":[1],"collection":"\ud800"}`, errs.BadRequest, "escape")
	f(`{"vector":[1],"public_key":`+strings.Repeat("[", 100)+`}`, errs.BadRequest, "nested")
}

// TestDecodeAllocs guards the hot path: a pooled Search decodes for free.
func TestDecodeAllocs(t *testing.T) {
	bodies := map[string][]byte{
		"json":   []byte(`{"vector":` + string(vectorJSON(256, 0)) + `,"limit":10,"ef":80}`),
		"base64": []byte(`{"vector":"` + strings.Repeat("AACAPw", 1) + `==","k":3}`),
	}
	for name, body := range bodies {
		var d Decoder
		var s Search
		run := func() {
			d.Reset(body, JSON)
			if err := s.Decode(&d); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// oracle decodes a search body with the standard library. ok is false if it would
// refuse it.
func oracle(body []byte) (s Search, ok bool) {
	s.Reset()
	dec := json.NewDecoder(bytes.NewReader(body))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return s, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return s, false
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil || !oracleMember(&s, key.(string), raw) {
			return s, false
		}
	}
	return s, json.Valid(body) && len(s.Vector) > 0
}

func oracleMember(s *Search, key string, raw json.RawMessage) bool {
	null := string(raw) == "null"
	number := func(p *int, low, high int) bool {
		var f float64
		if json.Unmarshal(raw, &f) != nil || f != math.Trunc(f) {
			return false
		}
		*p = int(f)
		return f >= float64(low) && f <= float64(high)
	}
	switch key {
	case "vector":
		if len(s.Vector) > 0 {
			return false
		}
		var v []*float32
		if json.Unmarshal(raw, &v) != nil {
			return false
		}
		for _, p := range v {
			if p == nil {
				return false
			}
			s.Vector = append(s.Vector, *p)
		}
		return len(v) > 0
	case "limit", "k":
		return !null && number(&s.Limit, 1, engine.MaxLimit)
	case "ef":
		s.Ef = 0
		return null || number(&s.Ef, 1, engine.MaxLimit)
	case "offset":
		s.Offset = 0
		return null || number(&s.Offset, 0, engine.MaxOffset)
	case "exact":
		s.Exact = false
		return null || json.Unmarshal(raw, &s.Exact) == nil
	case "public_key":
		return true
	}
	return false
}

func FuzzSearchJSON(f *testing.F) {
	for _, s := range []string{
		`{"vector":[1,2.5,-3e-2],"limit":10,"exact":true}`, `{"vector":[0.1,1e-45],"ef":null}`,
		`{"public_key":{"a":[1,"\u00e9\\",{"b":null}]},"vector":[-0]}`, `{"vector":[1],"k":1e1}`,
		`{"vector":[1]}]`, `{"vector":[0.123456789012345678901]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		d.Reset(body, JSON)
		var got Search
		got.Reset()
		err := got.Decode(&d)
		want, ok := oracle(body)
		if err != nil {
			if ok && !stricter(body) {
				t.Fatalf("refused %q: %v", body, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted %q, which is not JSON", body)
		}
		if !ok {
			return // a member the oracle does not know, or a base64 vector
		}
		if !slices.Equal(got.Vector, want.Vector) || got.Limit != want.Limit ||
			got.Ef != want.Ef || got.Offset != want.Offset || got.Exact != want.Exact {
			t.Fatalf("%q: got %+v, want %+v", body, got, want)
		}
	})
}

// stricter reports whether a body has what this package refuses and the standard
// library does not: bad UTF-8, lone surrogates, deep nesting, numbers beyond
// float64, a member of another case.
func stricter(body []byte) bool {
	text := string(body)
	return strings.ToValidUTF8(text, "") != text || strings.Contains(text, `\u`) ||
		strings.Count(text, "[")+strings.Count(text, "{") > MaxDepth ||
		strings.ContainsAny(text, "eE") || len(text) > 300
}
