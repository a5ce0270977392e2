// Package client is the HTTP client of the command line. It speaks JSON, bounds
// what it reads, and turns the server's error bodies into typed errors.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswerBytes bounds one answer of the server.
const maxAnswerBytes = 256 << 20

// maxRetrySeconds bounds what a server can ask a client to wait.
const maxRetrySeconds = 24 * 60 * 60

// Client talks to one server. It is safe for concurrent use; Close it to drop
// its idle connections.
type Client struct {
	base string // without a slash at the end
	http *http.Client
}

// New returns a client of the server at address: host:port, or a URL with http
// or https and perhaps a path that goes before every path. timeout bounds each
// request; 0 leaves that to the context.
func New(address string, timeout time.Duration) (*Client, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") ||
		u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("server address %q is not host:port or a http(s) URL", address)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: 10 * time.Second,
	}
	return &Client{
		base: strings.TrimRight(u.String(), "/"),
		http: &http.Client{Transport: transport, Timeout: timeout},
	}, nil
}

// Base is the address that paths are added to.
func (c *Client) Base() string { return c.base }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get asks for path and decodes the JSON answer into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Do(ctx, http.MethodGet, path, nil, out)
}

// Post sends in as JSON to path and decodes the answer into out.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	return c.Do(ctx, http.MethodPost, path, in, out)
}

// Do sends one request. in is sent as JSON, nil sends no body; out receives the
// answer, nil drops it. Errors: *Error when the server answered with one,
// *UnreachableError when it did not answer at all.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	answer, err := c.Send(ctx, method, path, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what a vectorizer server says: %w",
			method, c.base+path, err)
	}
	return nil
}

// Send sends body as it is and returns the answer's body. Errors as for Do.
func (c *Client) Send(ctx context.Context, method, path, contentType string, body []byte) (
	[]byte, error,
) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if len(answer) > maxAnswerBytes {
		return nil, fmt.Errorf("%s %s: the answer has more than %d bytes",
			method, c.base+path, maxAnswerBytes)
	}
	if resp.StatusCode >= 400 {
		return nil, parseError(resp, answer)
	}
	return answer, nil
}

// unreachable names the server and the innermost cause.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ctx.Err()
	}
	return &UnreachableError{Base: c.base, Err: err}
}

// parseError reads the error body, whose text stands in when it is not JSON.
func parseError(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, Body: body}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		e.RetryAfter = time.Duration(min(s, maxRetrySeconds)) * time.Second
	}
	var b struct {
		ErrorType string          `json:"error_type"`
		Message   string          `json:"message"`
		RequestID string          `json:"request_id"`
		Details   map[string]any  `json:"details"`
		Error     json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &b) == nil {
		e.Type, e.Message, e.RequestID, e.Details = b.ErrorType, b.Message, b.RequestID, b.Details
		if e.Message == "" { // the legacy form
			var text string
			if json.Unmarshal(b.Error, &text) == nil {
				e.Message = text
			}
		}
	}
	if e.Message == "" {
		const longest = 200
		text := strings.TrimSpace(string(body[:min(len(body), longest)]))
		e.Message = strings.ToValidUTF8(text, "�")
	}
	return e
}
