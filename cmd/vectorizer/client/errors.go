package client

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Error is an error answer of the server.
type Error struct {
	Status     int            // HTTP status
	Type       string         // error_type, such as collection_not_found
	Message    string         // for people
	RequestID  string         // names the request in the server's log
	Details    map[string]any // as sent
	RetryAfter time.Duration  // 0 = not said
	Body       []byte         // the whole answer
}

// Error is the message with the status and the request's id.
func (e *Error) Error() string {
	id := ""
	if e.RequestID != "" {
		id = ", request " + e.RequestID
	}
	return fmt.Sprintf("%s (status %d%s)", e.Message, e.Status, id)
}

// IsType reports whether err is an answer of the given error_type.
func IsType(err error, errorType string) bool {
	var e *Error
	return errors.As(err, &e) && e.Type == errorType
}

// UnreachableError says that no answer came.
type UnreachableError struct {
	Base string // the server that was asked
	Err  error
}

// Error says what is the matter in words for people.
func (e *UnreachableError) Error() string {
	why := e.Err.Error()
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		why = "nothing listens there"
	case errors.As(e.Err, &dns):
		why = "the name " + dns.Name + " is not known"
	case errors.As(e.Err, &timeout) && timeout.Timeout():
		why = "it did not answer in time"
	}
	return fmt.Sprintf("no server answers at %s: %s", e.Base, why)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// IsUnreachable reports whether err says that no answer came.
func IsUnreachable(err error) bool {
	var e *UnreachableError
	return errors.As(err, &e)
}
