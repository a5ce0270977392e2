// Package openapi writes the OpenAPI 3.1 description of an API from a list of its
// operations. The schemas are JSON files of this package.
package openapi

import (
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-json"
)

//go:embed schemas/*.json
var files embed.FS

// Media types of bodies.
const (
	JSON    = "application/json"
	MsgPack = "application/msgpack"
	Octets  = "application/octet-stream"
	Text    = "text/plain"
)

// Operation is one method of one path.
type Operation struct {
	Method, Path string
	ID           string
	Tag          string
	Summary      string
	Query        []Param
	Body         *Body
	Reply        Reply
	Errors       []int // status codes of error replies
}

// Param is a parameter of the query string.
type Param struct {
	Name, Type, Help string
	Default          any
	Minimum, Maximum *int
}

// Body is what a request carries.
type Body struct {
	Schema   string // of JSON and MessagePack; "" = neither is accepted
	Example  string // JSON; must be valid by the schema
	Optional bool   // an absent body is an empty object
	Octets   string // what the octets are; "" = not accepted
	// OctetExample is base64; a client can send it as it is.
	OctetExample string
}

// Reply is what a request that succeeds gets.
type Reply struct {
	Schema string
	Help   string
	Octets string // what octets in reply to octets are; "" = never
	Text   bool   // the reply is text
	// Degraded also describes status 503, with the same schema.
	Degraded bool
}

// Info names the API.
type Info struct {
	Title, Version, Description string
}

type object = map[string]any

// Schemas returns the component schemas, by name.
func Schemas() (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	entries, err := files.ReadDir("schemas")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := files.ReadFile("schemas/" + e.Name())
		if err != nil {
			return nil, err
		}
		var part map[string]json.RawMessage
		if err := json.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("schemas/%s: %w", e.Name(), err)
		}
		for name, s := range part {
			if _, twice := all[name]; twice {
				return nil, fmt.Errorf("schemas/%s: %s is defined twice", e.Name(), name)
			}
			all[name] = s
		}
	}
	return all, nil
}

// Build returns the document. It fails if an operation names a schema that does
// not exist.
func Build(info Info, ops []Operation) ([]byte, error) {
	schemas, err := Schemas()
	if err != nil {
		return nil, err
	}
	paths := object{}
	for i := range ops {
		op := &ops[i]
		if err := op.check(schemas); err != nil {
			return nil, err
		}
		item, _ := paths[op.Path].(object)
		if item == nil {
			item = object{}
			paths[op.Path] = item
		}
		item[strings.ToLower(op.Method)] = op.describe()
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{"title": info.Title, "version": info.Version,
			"description": info.Description, "license": object{"name": "Apache-2.0",
				"identifier": "Apache-2.0"}},
		"servers": []object{
			{"url": "/api/v1", "description": "the canonical prefix"},
			{"url": "/", "description": "the same routes, for published clients"},
		},
		"paths":      paths,
		"components": object{"schemas": schemas, "responses": sharedResponses()},
	})
}

func (op *Operation) check(schemas map[string]json.RawMessage) error {
	names := []string{op.Reply.Schema}
	if op.Body != nil && op.Body.Schema != "" {
		names = append(names, op.Body.Schema)
	}
	for _, name := range names {
		if _, ok := schemas[name]; !ok {
			return fmt.Errorf("operation %s: no schema %q", op.ID, name)
		}
	}
	return nil
}

func (op *Operation) describe() object {
	d := object{"operationId": op.ID, "tags": []string{op.Tag}, "summary": op.Summary,
		"responses": op.responses()}
	if p := op.parameters(); len(p) > 0 {
		d["parameters"] = p
	}
	if op.Body != nil {
		d["requestBody"] = op.Body.describe()
	}
	return d
}

// parameters lists those of the path, which its pattern names, and of the query.
func (op *Operation) parameters() []object {
	var list []object
	for _, s := range strings.Split(op.Path, "/") {
		if !strings.HasPrefix(s, "{") {
			continue
		}
		list = append(list, object{"name": strings.Trim(s, "{}"), "in": "path",
			"required": true, "schema": object{"type": "string", "minLength": 1},
			"description": "percent-encoded"})
	}
	for _, q := range op.Query {
		schema := object{"type": q.Type}
		if q.Default != nil {
			schema["default"] = q.Default
		}
		if q.Minimum != nil {
			schema["minimum"] = *q.Minimum
		}
		if q.Maximum != nil {
			schema["maximum"] = *q.Maximum
		}
		list = append(list, object{"name": q.Name, "in": "query", "description": q.Help,
			"schema": schema})
	}
	return list
}

func ref(schema string) object { return object{"$ref": "#/components/schemas/" + schema} }

func (b *Body) describe() object {
	content := object{}
	if b.Schema != "" {
		media := object{"schema": ref(b.Schema)}
		if b.Example != "" {
			media["example"] = json.RawMessage(b.Example)
		}
		content[JSON] = media
		content[MsgPack] = object{"schema": ref(b.Schema)}
	}
	if b.Octets != "" {
		content[Octets] = object{"schema": object{"type": "string", "format": "binary",
			"description": b.Octets}, "x-example-base64": b.OctetExample}
	}
	return object{"required": !b.Optional, "content": content}
}

func (op *Operation) responses() object {
	r := op.Reply
	content := object{}
	if r.Text {
		content[Text] = object{"schema": ref(r.Schema)}
	} else {
		content[JSON] = object{"schema": ref(r.Schema)}
		content[MsgPack] = object{"schema": ref(r.Schema)}
	}
	if r.Octets != "" {
		content[Octets] = object{"schema": object{"type": "string", "format": "binary",
			"description": r.Octets}}
	}
	help := r.Help
	if help == "" {
		help = "Success"
	}
	out := object{"200": object{"description": help, "content": content,
		"headers": idHeaders()}}
	codes := slices.Compact(slices.Sorted(slices.Values(op.Errors)))
	for _, code := range codes {
		out[strconv.Itoa(code)] = object{"$ref": "#/components/responses/Error" +
			strconv.Itoa(code)}
	}
	if r.Degraded {
		out["503"] = object{"description": "The same, when something does not serve",
			"content": content, "headers": idHeaders()}
	}
	return out
}

func idHeaders() object {
	text := object{"type": "string"}
	return object{
		"X-Request-ID":     object{"schema": text, "description": "the request's, or a new one"},
		"X-Correlation-ID": object{"schema": text, "description": "the request's, or a new one"},
	}
}

// ErrorCodes are the statuses that error replies can have.
func ErrorCodes() []int {
	return []int{400, 404, 405, 406, 408, 409, 413, 415, 421, 429, 431, 499, 500, 503, 504, 507}
}

// sharedResponses describes the error replies.
func sharedResponses() object {
	out := object{}
	for _, code := range ErrorCodes() {
		headers := idHeaders()
		if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			headers["Retry-After"] = object{"schema": object{"type": "integer"},
				"description": "seconds"}
		}
		text := http.StatusText(code)
		if text == "" {
			text = "Client closed the request"
		}
		out["Error"+strconv.Itoa(code)] = object{"description": text, "headers": headers,
			"content": object{JSON: object{"schema": object{"oneOf": []object{
				ref("Error"), ref("LegacyError")}}}}}
	}
	return out
}
