// Package listen opens the server's port and explains in one sentence why it
// cannot.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// Error says why an address cannot be listened on.
type Error struct {
	Reason string // one sentence with what to do
	InUse  bool   // another program has the port
	Err    error
}

func (e *Error) Error() string { return e.Reason }

// Unwrap returns the system's error.
func (e *Error) Unwrap() error { return e.Err }

// TCP listens on host and port; port 0 takes any free one. Errors: *Error.
func TCP(ctx context.Context, host string, port int) (net.Listener, error) {
	address := net.JoinHostPort(host, fmt.Sprint(port))
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	e := &Error{Err: err, InUse: errors.Is(err, inUse)}
	var dns *net.DNSError
	switch {
	case e.InUse:
		e.Reason = fmt.Sprintf("port %d of %s is already in use: stop the program that has it, "+
			"or choose another with --port", port, host)
	case errors.Is(err, os.ErrPermission):
		e.Reason = fmt.Sprintf("port %d of %s is not allowed for this user: "+
			"choose one above 1023 with --port", port, host)
	case errors.Is(err, notOurs):
		e.Reason = fmt.Sprintf("%s is not an address of this machine: choose another with --host", host)
	case errors.As(err, &dns):
		e.Reason = fmt.Sprintf("the name %s has no address: choose another with --host", host)
	default:
		e.Reason = fmt.Sprintf("cannot listen on %s: %v", address, err)
	}
	return nil, e
}
