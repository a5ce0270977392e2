package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
)

// declaredKinds reads the kinds from the source of errs, so that a new one cannot
// be forgotten here.
func declaredKinds(t *testing.T) []errs.Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../engine/errs/errs.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []errs.Kind
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Kind" {
			return true
		}
		for _, x := range v.Values {
			if lit, ok := x.(*ast.BasicLit); ok {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, errs.Kind(text))
			}
		}
		return true
	})
	if len(kinds) < 25 {
		t.Fatalf("only %d kinds found", len(kinds))
	}
	return kinds
}

// TestEveryKindHasAStatus walks the kinds: each has a row in the table, a status
// that the document describes, and a body of both forms.
func TestEveryKindHasAStatus(t *testing.T) {
	kinds := declaredKinds(t)
	for k := range statuses {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k) // those of the front end
		}
	}
	for _, k := range kinds {
		status, ok := statuses[k]
		if !ok {
			t.Errorf("%s has no status", k)
			continue
		}
		if !slices.Contains(openapi.ErrorCodes(), status) {
			t.Errorf("%s: the document does not describe %d", k, status)
		}
		var full errorBody
		text := encodeError(errs.New(k, "text").With("a", 1), ErrorsStandard, "id")
		if err := json.Unmarshal(text, &full); err != nil {
			t.Fatal(err)
		}
		if full.ErrorType != string(k) || full.Status != status || full.Message != "text" ||
			full.Error.Message != "text" || full.RequestID != "id" ||
			full.Error.Type != typeName(k) || full.Details["a"] != 1.0 ||
			full.Error.Details["a"] != 1.0 {
			t.Errorf("%s: %s", k, text)
		}
		if got := string(encodeError(errs.New(k, "text"), ErrorsLegacy, "id")); got !=
			`{"error":"text"}` {
			t.Errorf("%s: legacy %s", k, got)
		}
	}
	if typeName(errs.CollectionNotFound) != "CollectionNotFound" ||
		typeName(errs.Validation) != "ValidationError" || typeName(errs.Internal) != "InternalError" {
		t.Error("CamelCase names changed")
	}
}

// TestCollectionNotFoundBody compares with the body that both contracts have.
func TestCollectionNotFoundBody(t *testing.T) {
	e := start(t, nil)
	e.collection("a", 4, "cosine")
	r := e.send("GET", "/collections/x", nil, "X-Request-ID", "r-1")
	r.fails(404, "collection_not_found")
	want := `{"error":{"type":"CollectionNotFound","message":"Collection 'x' not found",` +
		`"details":{"available_collections":["a"],"collection":"x","collection_name":"x"}},` +
		`"error_type":"collection_not_found","message":"Collection not found: x",` +
		`"status_code":404,` +
		`"details":{"available_collections":["a"],"collection":"x","collection_name":"x"},` +
		`"request_id":"r-1"}`
	if string(r.body) != want {
		t.Errorf("got  %s\nwant %s", r.body, want)
	}
	for i := range 30 {
		e.collection(fmt.Sprintf("c%02d", i), 1, "dot")
	}
	details := e.send("GET", "/collections/x", nil).json()["details"].(map[string]any)
	if n := len(details["available_collections"].([]any)); n != 20 ||
		details["available_collections_total"] != 31.0 {
		t.Error(details)
	}
}

func TestLegacyErrors(t *testing.T) {
	check := func(r *reply) {
		t.Helper()
		if r.status != 404 || string(r.body) != `{"error":"Collection not found: x"}` ||
			r.header.Get("Deprecation") != legacyDeprecation ||
			r.header.Get("Sunset") != legacySunset {
			t.Errorf("%d %s %v", r.status, r.body, r.header)
		}
	}
	e := start(t, nil)
	check(e.send("GET", "/collections/x", nil, "X-Error-Format", "legacy"))
	if r := e.send("GET", "/collections/x", nil); r.header.Get("Deprecation") != "" {
		t.Error("the standard form is deprecated")
	}
	if _, err := http.ParseTime(legacySunset); err != nil {
		t.Error(err)
	}
	check(start(t, func(o *Options) { o.ErrorFormat = ErrorsLegacy }).
		send("GET", "/collections/x", nil))
}

// TestPanic lets handlers panic: the client gets an id, the log gets the stack, and
// the server goes on.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	e := start(t, func(o *Options) { o.Logger = zerolog.New(&log) })
	for i := range e.server.table {
		if r := &e.server.table[i]; r.Path == "/live" {
			r.handler = func(c *call) error {
				c.begin().Object(1) // half a reply
				return secretOf(nil)
			}
		}
	}
	r := e.send("GET", "/live", nil, "X-Request-ID", "p-1")
	message := r.fails(500, "internal_error")
	if strings.Contains(message, "nil map") || r.json()["request_id"] != "p-1" {
		t.Error(message)
	}
	e.send("GET", "/ready", nil).ok()
	line := log.String()
	for _, s := range []string{`"request_id":"p-1"`, "nil map", "errors_test.go",
		`"level":"error"`} {
		if !strings.Contains(line, s) {
			t.Errorf("the log does not have %s: %s", s, line)
		}
	}
}

// secretOf panics for a nil map, with text that no client may see.
func secretOf(m map[string]int) error {
	m["secret"] = 1
	return nil
}

// TestInternalTextStaysInside checks that causes of the server's own faults are
// not sent.
func TestInternalTextStaysInside(t *testing.T) {
	for _, err := range []error{
		errors.New("secret path"),
		errs.New(errs.StorageError, "Storage error").Wrap(errors.New("secret path")),
	} {
		text := encodeError(asError(err), ErrorsStandard, "id")
		if bytes.Contains(text, []byte("secret")) {
			t.Errorf("%s", text)
		}
	}
	text := encodeError(errs.New(errs.BadRequest, "bad").Wrap(errors.New("because")),
		ErrorsStandard, "id")
	if !bytes.Contains(text, []byte("because")) {
		t.Errorf("%s", text)
	}
}

// TestFaultKinds types what fasthttp reports.
func TestFaultKinds(t *testing.T) {
	f := func(err error, want errs.Kind) {
		t.Helper()
		if got := errs.KindOf(frameworkFault(err, DefaultLimits())); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	f(&fasthttp.ErrSmallBuffer{}, kindHeaderTooLarge)
	f(errors.New("x"), errs.BadRequest)
}
