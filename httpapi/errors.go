package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/goccy/go-json"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Kinds that only the HTTP front end makes.
const (
	kindRequestTimeout errs.Kind = "request_timeout"         // the client sent too slowly
	kindHeaderTooLarge errs.Kind = "header_fields_too_large" // request line and header fields
	kindNotAcceptable  errs.Kind = "not_acceptable"          // no reply form the client accepts
	kindOverloaded     errs.Kind = "too_many_connections"    // Limits.Concurrency
)

// statuses is the one table from error kind to status code. Every errs.Kind has
// a row.
var statuses = map[errs.Kind]int{
	errs.Validation:         http.StatusBadRequest,
	errs.Parse:              http.StatusBadRequest,
	errs.BadRequest:         http.StatusBadRequest,
	errs.CollectionNotFound: http.StatusNotFound,
	errs.VectorNotFound:     http.StatusNotFound,
	errs.NotFound:           http.StatusNotFound,
	errs.CollectionExists:   http.StatusConflict,
	errs.VectorExists:       http.StatusConflict,
	errs.InvalidDimension:   http.StatusBadRequest,
	errs.DimensionMismatch:  http.StatusBadRequest,
	errs.Configuration:      http.StatusBadRequest,
	errs.RateLimited:        http.StatusTooManyRequests,
	errs.QueueFull:          http.StatusTooManyRequests,
	errs.PayloadTooLarge:    http.StatusRequestEntityTooLarge,
	errs.UnsupportedMedia:   http.StatusUnsupportedMediaType,
	errs.MethodNotAllowed:   http.StatusMethodNotAllowed,
	errs.Timeout:            http.StatusGatewayTimeout,
	errs.Cancelled:          statusClientClosed,
	errs.StorageFull:        http.StatusInsufficientStorage,
	errs.StorageError:       http.StatusInternalServerError,
	errs.IndexError:         http.StatusInternalServerError,
	errs.NotReady:           http.StatusServiceUnavailable,
	errs.Quarantined:        http.StatusServiceUnavailable,
	errs.ShuttingDown:       http.StatusServiceUnavailable,
	errs.NotMaster:          http.StatusMisdirectedRequest,
	errs.Diverged:           http.StatusInternalServerError,
	errs.LagTooHigh:         http.StatusConflict,
	errs.Unreplicated:       http.StatusGatewayTimeout,
	errs.Internal:           http.StatusInternalServerError,
	kindRequestTimeout:      http.StatusRequestTimeout,
	kindHeaderTooLarge:      http.StatusRequestHeaderFieldsTooLarge,
	kindNotAcceptable:       http.StatusNotAcceptable,
	kindOverloaded:          http.StatusServiceUnavailable,
}

// statusClientClosed is nginx's code for a request whose client went away; no
// client sees it, logs and metrics do.
const statusClientClosed = 499

// statusOf returns the status code for a kind.
func statusOf(k errs.Kind) int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// typeName is the CamelCase name of a kind: CollectionNotFound.
func typeName(k errs.Kind) string {
	var b strings.Builder
	for word := range strings.SplitSeq(strings.TrimSuffix(string(k), "_error"), "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	if strings.HasSuffix(string(k), "_error") {
		b.WriteString("Error")
	}
	return b.String()
}

// errorBody is the reply for an error: the nested form and the flat form at once,
// so that every published client finds the one it reads.
type errorBody struct {
	Error     nestedError    `json:"error"`
	ErrorType string         `json:"error_type"`
	Message   string         `json:"message"`
	Status    int            `json:"status_code"`
	Details   map[string]any `json:"details,omitempty"`
	RequestID string         `json:"request_id"`
}

type nestedError struct {
	Type    string         `json:"type"`
	Message string         `json:"message"`
	Details map[string]any `json:"details"`
}

// ErrorFormat selects how errors are written.
type ErrorFormat string

// The error formats.
const (
	ErrorsStandard ErrorFormat = "standard" // errorBody
	ErrorsLegacy   ErrorFormat = "legacy"   // {"error": text}; deprecated
)

// Dates of the legacy error form, RFC 9745 and RFC 8594.
const (
	legacyDeprecation = "@1793491200" // 2026-11-01
	legacySunset      = "Mon, 01 Nov 2027 00:00:00 GMT"
)

// asError returns err as an *errs.Error; what is not one becomes Internal, and
// its text stays out of the reply.
func asError(err error) *errs.Error {
	var e *errs.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return errs.New(errs.Timeout, "Request timed out").Wrap(err)
	case errors.Is(err, context.Canceled):
		return errs.New(errs.Cancelled, "Request was cancelled").Wrap(err)
	}
	return errs.New(errs.Internal, "internal error, see the server's log under this request id").
		Wrap(err)
}

// publicMessage is the text of an error that a client may read. Causes of the
// server's own faults are for the log.
func publicMessage(e *errs.Error) string {
	if statusOf(e.Kind) >= http.StatusInternalServerError || e.Cause == nil {
		return e.Message
	}
	return e.Error()
}

// encodeError returns the body for e.
func encodeError(e *errs.Error, f ErrorFormat, requestID string) []byte {
	message := publicMessage(e)
	if f == ErrorsLegacy {
		return mustJSON(map[string]string{"error": message})
	}
	nested := nestedError{Type: typeName(e.Kind), Message: message, Details: e.Details}
	if name, ok := e.Details["collection"].(string); ok && e.Kind == errs.CollectionNotFound {
		nested.Message = "Collection '" + name + "' not found"
	}
	if nested.Details == nil {
		nested.Details = map[string]any{}
	}
	return mustJSON(errorBody{
		Error: nested, ErrorType: string(e.Kind), Message: message,
		Status: statusOf(e.Kind), Details: e.Details, RequestID: requestID,
	})
}

// mustJSON encodes a value of our own types.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: reply is not JSON: " + err.Error())
	}
	return b
}

// withAvailable adds the names of existing collections, at most twenty, to a
// CollectionNotFound error.
func withAvailable(e *errs.Error, names []string) *errs.Error {
	const most = 20
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = make(map[string]any, 2)
	}
	c.Details["available_collections"] = names[:min(len(names), most)]
	if len(names) > most {
		c.Details["available_collections_total"] = len(names)
	}
	return &c
}
