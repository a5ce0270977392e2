package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/load"
)

// StatusError is an answer that says no.
type StatusError struct {
	Status  int
	Type    string // error_type, "" when the body has none
	Message string
}

// Error gives the server's words.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s (status %d)", e.Message, e.Status)
}

// newStatusError reads the error body of an answer.
func newStatusError(a *load.Answer) *StatusError {
	e := &StatusError{Status: a.Status}
	var body struct {
		Type    string `json:"error_type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(a.Body, &body) == nil {
		e.Type, e.Message = body.Type, body.Message
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("%.200q", a.Body)
	}
	return e
}

const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
)

// Retrier sends a request again while the server says that it is busy or cannot
// be reached, until its patience ends. Requests must be such that sending one
// twice does no harm.
type Retrier struct {
	Patience time.Duration
	Count    int64 // requests sent again
}

// Do returns the first answer below 300, or the last failure: *StatusError, the
// network's, or ctx's.
func (r *Retrier) Do(ctx context.Context, conn *load.Conn, request []byte) (*load.Answer, error) {
	deadline := time.Now().Add(r.Patience)
	pause := firstPause
	for {
		a, err := conn.Do(ctx, request)
		wait := pause
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && a.Status < 300:
			return a, nil
		case err == nil && a.Status != 429 && a.Status != 503:
			return nil, newStatusError(a)
		case err == nil:
			err = newStatusError(a)
			wait = max(pause, a.RetryAfter)
		}
		if time.Now().Add(wait).After(deadline) {
			return nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
		r.Count++
		pause = min(2*pause, longPause)
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
