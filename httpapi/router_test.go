package httpapi

import (
	"strings"
	"testing"
)

func TestRouter(t *testing.T) {
	var n node
	for _, r := range []string{"GET /a", "GET /a/{x}", "POST /a/{x}", "GET /a/{x}/b/{y}",
		"POST /a/{x}/b/move", "GET /a/fixed", "DELETE /a/fixed/deep"} {
		method, path, _ := strings.Cut(r, " ")
		rt := &route{}
		rt.Method, rt.Path = method, path
		n.add(path, rt)
	}
	f := func(request, want string, values ...string) {
		t.Helper()
		method, path, _ := strings.Cut(request, " ")
		var p params
		got := ""
		if r := n.match([]byte(method), []byte(path), &p); r != nil {
			got = r.Method + " " + r.Path
		}
		if got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
		for i, w := range values {
			if string(p[i]) != w {
				t.Errorf("%s: parameter %d is %q, want %q", request, i, p[i], w)
			}
		}
	}
	f("GET /a", "GET /a")
	f("GET /a/", "GET /a")
	f("GET /a/x", "GET /a/{x}", "x")
	f("GET /a/fixed", "GET /a/fixed")
	f("POST /a/fixed", "POST /a/{x}", "fixed")
	f("GET /a/x/b/y", "GET /a/{x}/b/{y}", "x", "y")
	f("POST /a/x/b/move", "POST /a/{x}/b/move", "x")
	f("GET /a/x/b/move", "GET /a/{x}/b/{y}", "x", "move")
	f("GET /a/fixed/b/y", "GET /a/{x}/b/{y}", "fixed", "y")
	f("GET /a/%2F%41", "GET /a/{x}", "/A")
	f("GET /a/x%2fb/b/%25", "GET /a/{x}/b/{y}", "x/b", "%")
	f("GET /a/%zz", "")
	f("GET /a/%2", "")
	f("GET /a//b/y", "")
	f("GET /b", "")
	f("GET ", "")
	f("PUT /a", "")
	f("GET /A", "")
	if got := n.methods([]byte("/a/fixed")); strings.Join(got, " ") != "GET POST" {
		t.Error(got)
	}
	if got := n.methods([]byte("/nothing")); len(got) != 0 {
		t.Error(got)
	}
}

func FuzzUnescapePath(f *testing.F) {
	f.Add([]byte("a%2Fb"))
	f.Add([]byte("%"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, ok := unescapePath(b)
		if ok && len(out) > len(b) {
			t.Fatalf("%q became %q", b, out)
		}
	})
}
