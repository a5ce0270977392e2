package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// document is what the test reads of /openapi.json.
type document struct {
	OpenAPI string                          `json:"openapi"`
	Paths   map[string]map[string]operation `json:"paths"`
	raw     any
}

type operation struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Name, In string
	} `json:"parameters"`
	RequestBody *struct {
		Required bool             `json:"required"`
		Content  map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Ref     string           `json:"$ref"`
		Content map[string]media `json:"content"`
	} `json:"responses"`
}

type media struct {
	Schema  json.RawMessage `json:"schema"`
	Example json.RawMessage `json:"example"`
	Octets  string          `json:"x-example-base64"`
}

func fetchDocument(e *env) *document {
	e.t.Helper()
	r := e.send("GET", "/openapi.json", nil)
	r.ok()
	d := new(document)
	if err := json.Unmarshal(r.body, d); err != nil {
		e.t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
	if err != nil {
		e.t.Fatal(err)
	}
	d.raw = raw
	return d
}

// validator checks values against a component schema of the served document.
func (d *document) validator(t testing.TB) func(schema string, value any) error {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///openapi.json", d.raw); err != nil {
		t.Fatal(err)
	}
	compiled := make(map[string]*jsonschema.Schema)
	return func(name string, value any) error {
		s := compiled[name]
		if s == nil {
			var err error
			s, err = c.Compile("mem:///openapi.json#/components/schemas/" + name)
			if err != nil {
				return err
			}
			compiled[name] = s
		}
		return s.Validate(value)
	}
}

// schemaName is the component that a schema refers to.
func schemaName(raw json.RawMessage) string {
	var s struct {
		Ref string `json:"$ref"`
	}
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

func TestDocumentIsOpenAPI(t *testing.T) {
	e := start(t, nil)
	r := e.send("GET", "/openapi.json", nil)
	doc, err := openapi3.NewLoader().LoadFromData(r.body)
	if err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "test" {
		t.Errorf("%s %s", doc.OpenAPI, doc.Info.Version)
	}
}

// TestDocumentIsTheTable compares the served paths with the routes that answer:
// nothing that answers is missing, nothing that is described is not there.
func TestDocumentIsTheTable(t *testing.T) {
	e := start(t, nil)
	d := fetchDocument(e)
	var described, registered []string
	for path, item := range d.Paths {
		for method, op := range item {
			described = append(described, strings.ToUpper(method)+" "+path)
			if op.ID == "" {
				t.Errorf("%s %s has no operationId", method, path)
			}
		}
	}
	var walk func(n *node, path string)
	walk = func(n *node, path string) {
		for _, r := range n.routes {
			registered = append(registered, r.Method+" "+r.Path)
			if got := strings.Count(r.Path, "/"); got != strings.Count(path, "/") {
				t.Errorf("%s registered at %s", r.Path, path)
			}
		}
		for s, c := range n.literal {
			walk(c, path+"/"+s)
		}
		if n.param != nil {
			walk(n.param, path+"/{}")
		}
	}
	walk(&e.server.tree, "")
	slices.Sort(described)
	slices.Sort(registered)
	if !slices.Equal(described, registered) {
		t.Errorf("described %v\nregistered %v", described, registered)
	}
}

// fill puts a few vectors into the collections that the examples use.
func fill(e *env) {
	e.t.Helper()
	e.collection("docs", 4, "cosine")
	e.collection("docs2", 4, "cosine")
	e.collection("empty-one", 4, "dot")
	e.send("POST", "/collections/docs/vectors", `{"vectors":[
		{"id":"a","vector":[1,0,0,0],"payload":{"lang":"en","year":2019}},
		{"id":"b","vector":[0,1,0,0],"payload":{"lang":"en","year":2021}},
		{"id":"c","vector":[0,0,1,0],"payload":{"lang":"de","year":2023}}]}`).ok()
}

// TestEveryDocumentedRequest sends every request that the document has, in every
// form it names, on fresh data, and checks the reply against the schema that the
// document gives for it.
func TestEveryDocumentedRequest(t *testing.T) {
	e := start(t, func(o *Options) { o.Replication = &scripted{status: masterStatus()} })
	d := fetchDocument(e)
	validate := d.validator(t)
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for method, op := range d.Paths[path] {
			t.Run(op.ID, func(t *testing.T) {
				e.t = t
				sent := 0
				for _, form := range requestForms(t, &op, validate) {
					reset(e)
					r := e.send(strings.ToUpper(method), "/api/v1"+concrete(path), form.body,
						"Content-Type", form.kind, "Accept", form.accept)
					checkReply(t, &op, r, form.accept, validate)
					sent++
				}
				if sent == 0 {
					t.Error("nothing was sent")
				}
			})
		}
	}
	e.t = t
}

// reset brings the data of fill back.
func reset(e *env) {
	e.t.Helper()
	for _, i := range e.engine.Collections() {
		e.send("DELETE", "/collections/"+i.Name, nil).ok()
	}
	fill(e)
}

// concrete fills the parameters of a path.
func concrete(path string) string {
	return strings.NewReplacer("{collection}", "docs", "{id}", "a").Replace(path)
}

type requestForm struct {
	kind, accept string
	body         []byte
}

// requestForms lists the ways to make a documented request.
func requestForms(t *testing.T, op *operation, validate func(string, any) error) []requestForm {
	t.Helper()
	if op.RequestBody == nil {
		forms := []requestForm{{}}
		for accept := range op.Responses["200"].Content {
			forms = append(forms, requestForm{accept: accept})
		}
		return forms
	}
	var forms []requestForm
	if m, ok := op.RequestBody.Content["application/json"]; ok {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Example))
		if err != nil {
			t.Fatalf("example: %v", err)
		}
		if err := validate(schemaName(m.Schema), value); err != nil {
			t.Errorf("example does not have its schema: %v", err)
		}
		packed := codec.AppendMsgPack(nil, m.Example)
		forms = append(forms, requestForm{"application/json", "application/json", m.Example},
			requestForm{"application/msgpack", "application/msgpack", packed})
		if !op.RequestBody.Required {
			forms = append(forms, requestForm{"application/json", "application/json", nil})
		}
	}
	if m, ok := op.RequestBody.Content["application/octet-stream"]; ok {
		raw, err := base64.StdEncoding.DecodeString(m.Octets)
		if err != nil || len(raw) == 0 {
			t.Fatalf("octet example: %v", err)
		}
		accept := "application/json"
		if _, ok := op.Responses["200"].Content["application/octet-stream"]; ok {
			accept = "application/octet-stream"
		}
		forms = append(forms, requestForm{"application/octet-stream", accept, raw})
	}
	return forms
}

// checkReply validates a reply in the form that was asked for.
func checkReply(t *testing.T, op *operation, r *reply, accept string,
	validate func(string, any) error) {
	t.Helper()
	if r.status != 200 {
		t.Fatalf("%s: status %d: %s", r.what, r.status, r.body)
	}
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	m, ok := op.Responses["200"].Content[kind]
	if !ok || (accept != "" && kind != accept) {
		t.Fatalf("%s: reply is %s, asked for %s", r.what, kind, accept)
	}
	var value any
	var err error
	switch kind {
	case "application/json":
		value, err = jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
	case "application/msgpack":
		value, err = unpack(r.body)
	case "application/octet-stream":
		if _, _, err := codec.ParseResults(r.body); err != nil {
			t.Errorf("%s: %v", r.what, err)
		}
		return
	case "text/plain":
		value = string(r.body)
	}
	if err != nil {
		t.Fatalf("%s: %v in %q", r.what, err, r.body)
	}
	if err := validate(schemaName(m.Schema), value); err != nil {
		t.Errorf("%s: %v\nin %s", r.what, err, r.body)
	}
}

// unpack decodes MessagePack into the values that the validator takes.
func unpack(b []byte) (any, error) {
	var v any
	if err := msgpack.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// TestErrorsHaveTheirSchema checks the shape of error replies of several kinds.
func TestErrorsHaveTheirSchema(t *testing.T) {
	e := start(t, nil)
	fill(e)
	validate := fetchDocument(e).validator(t)
	for _, r := range []*reply{
		e.send("GET", "/collections/none", nil),
		e.send("GET", "/nothing", nil),
		e.send("PATCH", "/collections", nil),
		e.send("POST", "/search", `{"collection":"docs","vector":[1]}`),
		e.send("POST", "/search", `{`),
		e.send("POST", "/search", "x", "Content-Type", "text/html"),
	} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate("Error", value); err != nil || r.status < 400 {
			t.Errorf("%s: %d %v: %s", r.what, r.status, err, r.body)
		}
	}
	legacy := e.send("GET", "/collections/none", nil, "X-Error-Format", "legacy")
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(legacy.body))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate("LegacyError", value); err != nil || legacy.status != 404 {
		t.Errorf("%d %v: %s", legacy.status, err, legacy.body)
	}
}

// TestValidatorFinds makes sure that the checks above can fail.
func TestValidatorFinds(t *testing.T) {
	e := start(t, nil)
	validate := fetchDocument(e).validator(t)
	for _, bad := range []string{`{"collection":"x"}`, `{"collection":"x","count":-1}`,
		`{"collection":"x","count":1,"more":1}`} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if err != nil {
			t.Fatal(err)
		}
		if validate("Counted", value) == nil {
			t.Errorf("%s passes", bad)
		}
	}
}
