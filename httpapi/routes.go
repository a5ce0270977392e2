package httpapi

import (
	"net/http"

	"github.com/vectorizer-go/vectorizer/httpapi/metrics"
	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
)

//go:generate go test . -run APIPage -update

// route is one entry of the API. The same table registers the routes and
// describes them in /openapi.json.
type route struct {
	openapi.Operation
	handler func(*call) error
	untimed bool // no RequestTimeout
	kind    routeKind
	metrics *metrics.Route
}

// octets reports whether octets are a form of the body.
func (r *route) octets() bool { return r.Body != nil && r.Body.Octets != "" }

// bodyTypes lists the media types of the route's body.
func (r *route) bodyTypes() string {
	switch {
	case r.Body == nil || r.Body.Octets == "":
		return "application/json or application/msgpack"
	case r.Body.Schema == "":
		return "application/octet-stream"
	}
	return "application/json, application/msgpack or application/octet-stream"
}

// routes returns the table of every route.
func routes() []route {
	table := statusRoutes()
	table = append(table, collectionRoutes()...)
	table = append(table, vectorRoutes()...)
	table = append(table, manyRoutes()...)
	table = append(table, searchRoutes()...)
	table = append(table, replicationRoutes()...)
	for i := range table {
		r := &table[i]
		r.classify()
		r.Errors = append(r.Errors, http.StatusInternalServerError,
			http.StatusRequestHeaderFieldsTooLarge, http.StatusServiceUnavailable)
		if r.Body != nil {
			r.Errors = append(r.Errors, http.StatusBadRequest, http.StatusRequestTimeout,
				http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
				http.StatusTooManyRequests)
		}
		if !r.untimed {
			r.Errors = append(r.Errors, http.StatusGatewayTimeout)
		}
	}
	return table
}

// Statuses of errors that groups of routes have in common.
var (
	onCollection = []int{http.StatusBadRequest, http.StatusNotFound}
	onWrite      = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusTooManyRequests,
		http.StatusInsufficientStorage}
)

// intParam describes an integer of the query string.
func intParam(name, help string, def, low, high int) openapi.Param {
	return openapi.Param{Name: name, Type: "integer", Help: help, Default: def,
		Minimum: &low, Maximum: &high}
}

// boolParam describes a boolean of the query string.
func boolParam(name, help string, def bool) openapi.Param {
	return openapi.Param{Name: name, Type: "boolean", Help: help, Default: def}
}

// body describes a required body with an example.
func body(schema, example string) *openapi.Body {
	return &openapi.Body{Schema: schema, Example: example}
}

// optional describes a body that may be absent.
func optional(schema, example string) *openapi.Body {
	return &openapi.Body{Schema: schema, Example: example, Optional: true}
}

func replies(schema string) openapi.Reply { return openapi.Reply{Schema: schema} }
