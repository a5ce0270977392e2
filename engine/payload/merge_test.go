package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

func TestMergePatch(t *testing.T) {
	check := func(target, patch, want string) {
		t.Helper()
		got, err := MergePatch([]byte("before"), []byte(target), []byte(patch))
		if err != nil || string(got) != "before"+want {
			t.Errorf("%s with %s: %s, %v; want %s", target, patch, got, err, want)
		}
	}
	// The examples of RFC 7396, appendix A, that start and end as objects.
	check(`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`)
	check(`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`)
	check(`{"a":"b"}`, `{"a":null}`, `{}`)
	check(`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`)
	check(`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`)
	check(`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`)
	check(`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`)
	check(`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`)
	check(`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`)
	check(`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`)
	// What is not touched keeps its text, what is keeps its place.
	check(`{"n":1.50,"big":123456789012345678901234567890,"s":"\u0041"}`, ` { "n" : 2e0 } `,
		`{"n":2e0,"big":123456789012345678901234567890,"s":"\u0041"}`)
	check(`{ "a" : [ 1 , { "b" : " x " } ] }`, `{}`, `{"a":[1,{"b":" x "}]}`)
	check(`{"\u0061":1}`, `{"a":2}`, `{"\u0061":2}`)
	check(``, `{"a":1}`, `{"a":1}`)
	check(`{"a":1}`, `{"a":{"b":[null]}}`, `{"a":{"b":[null]}}`)
}

func TestValidate(t *testing.T) {
	refuse := func(raw, expected string) {
		t.Helper()
		err := Validate([]byte(raw))
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != errs.Validation || e.Details["field"] != "payload" ||
			!strings.Contains(err.Error(), expected) {
			t.Errorf("%.60q: %v, want %q", raw, err, expected)
		}
	}
	refuse(``, "a JSON object")
	refuse(`[]`, "got array")
	refuse(`null`, "got null")
	refuse(`"x"`, "got string")
	refuse(`{`, "key in quotes")
	refuse(`{"a":1,"a":2}`, "twice")
	refuse("{\"a\":\"\xff\"}", "invalid UTF-8")
	refuse(`{"a":`+strings.Repeat("[", MaxDepth)+strings.Repeat("]", MaxDepth)+`}`, "too deeply")
	refuse(`{"a":"`+strings.Repeat("x", MaxBytes)+`"}`, "at most 1048576 bytes")
	deepest := strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1)
	if err := Validate([]byte(` {"a":` + deepest + `}`)); err != nil {
		t.Error(err)
	}
	half := `{"a":"` + strings.Repeat("x", MaxBytes/2) + `"}`
	if _, err := MergePatch(nil, []byte(half), []byte(strings.Replace(half, "a", "b", 1))); err == nil {
		t.Error("a result over the limit was accepted")
	}
	dst := []byte("kept")
	if got, err := Compact(dst, []byte(`{"a":}`)); err == nil || string(got) != "kept" {
		t.Errorf("%s, %v", got, err)
	}
}

// merge is RFC 7396, section 2, on decoded values.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out, ok := target.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = merge(out[k], v)
		}
	}
	return out
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func FuzzMergePatch(f *testing.F) {
	g := newGenerator(3)
	for range 20 {
		f.Add([]byte(g.object(3)), []byte(g.object(3)))
	}
	f.Add([]byte(`{"a":{"b":{"c":1,"d":2}},"e":[{}]}`), []byte(`{"a":{"b":{"c":null,"x":{"y":null}}},"e":{}}`))
	f.Fuzz(func(t *testing.T, target, patch []byte) {
		got, err := MergePatch(nil, target, patch)
		if err != nil {
			var e *errs.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is not typed", err)
			}
			return
		}
		if err := Validate(got); err != nil {
			t.Fatalf("%s with %s is %s: %v", target, patch, got, err)
		}
		var was any
		if len(bytes.TrimSpace(target)) > 0 {
			was = decode(t, target)
		}
		if want := merge(was, decode(t, patch)); !reflect.DeepEqual(decode(t, got), want) {
			t.Fatalf("%s with %s is %s, want %v", target, patch, got, want)
		}
		if same, err := Compact(nil, got); err != nil || !bytes.Equal(same, got) {
			t.Fatalf("%s is not compact", got)
		}
	})
}
