// Package errs is the one error type of the product. Every package of the
// engine and the HTTP front end returns it for anything a caller can act on;
// httpapi holds the one table from Kind to status code.
package errs

import (
	"errors"
	"fmt"
	"maps"
)

// Kind names a class of failure. Its text is the error_type that published
// clients know.
type Kind string

// The kinds. A new kind needs a row in httpapi's status table; a test checks.
const (
	Validation         Kind = "validation_error"
	Parse              Kind = "parse_error"
	BadRequest         Kind = "bad_request"
	CollectionNotFound Kind = "collection_not_found"
	VectorNotFound     Kind = "vector_not_found"
	NotFound           Kind = "not_found"
	CollectionExists   Kind = "collection_already_exists"
	VectorExists       Kind = "vector_already_exists"
	InvalidDimension   Kind = "invalid_dimension"
	DimensionMismatch  Kind = "dimension_mismatch"
	Configuration      Kind = "configuration_error"
	RateLimited        Kind = "rate_limit_exceeded"
	QueueFull          Kind = "queue_full"
	PayloadTooLarge    Kind = "payload_too_large"
	UnsupportedMedia   Kind = "unsupported_media_type"
	MethodNotAllowed   Kind = "method_not_allowed"
	Timeout            Kind = "timeout"
	Cancelled          Kind = "cancelled"
	StorageFull        Kind = "storage_full"
	StorageError       Kind = "storage_error"
	IndexError         Kind = "index_error"
	NotReady           Kind = "collection_not_ready"
	Quarantined        Kind = "collection_quarantined"
	ShuttingDown       Kind = "shutting_down"
	NotMaster          Kind = "not_master"     // the node takes no writes; details name who does
	Diverged           Kind = "log_diverged"   // a replica cannot follow its master's log
	LagTooHigh         Kind = "lag_too_high"   // of the replica to be promoted
	Unreplicated       Kind = "not_replicated" // durable here, not confirmed by replicas in time
	Internal           Kind = "internal_error"
)

// Error is a failure that a caller can act on. State is unchanged unless the
// message says otherwise.
type Error struct {
	Kind    Kind
	Message string         // for people; names field, expected and given
	Details map[string]any // for programs; keys are stable per kind
	Cause   error          // may be nil
}

// Error returns the message, with the cause behind it.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, errs.Of(kind)) true for any error of that kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Kind == e.Kind
}

// Of returns a target for errors.Is that matches every error of kind k.
func Of(k Kind) error { return &Error{Kind: k} }

// New makes an error of kind k.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// With returns a copy of e with one more detail.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = make(map[string]any, 4)
	}
	c.Details[key] = value
	return &c
}

// Wrap returns a copy of e with a cause.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// KindOf returns the kind of the first *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Invalid is a Validation error: field was expected to be something and was
// given as something else. Its message starts "Invalid <field>: ".
func Invalid(field, expected string, given any) *Error {
	return New(Validation, "Invalid %s: expected %s, got %v", field, expected, given).
		With("field", field).With("reason", fmt.Sprintf("expected %s, got %v", expected, given)).
		With("expected", expected).With("given", fmt.Sprint(given))
}

// NoCollection is CollectionNotFound for name.
func NoCollection(name string) *Error {
	return New(CollectionNotFound, "Collection not found: %s", name).
		With("collection_name", name).With("collection", name)
}

// NoVector is VectorNotFound for id.
func NoVector(id string) *Error {
	return New(VectorNotFound, "Vector not found: %s", id).With("vector_id", id)
}

// WrongDim is DimensionMismatch: a vector of given components met a collection
// of expected components.
func WrongDim(expected, given int) *Error {
	return New(DimensionMismatch, "Dimension mismatch: expected %d, got %d", expected, given).
		With("field", "vector").With("expected", expected).With("actual", given)
}
