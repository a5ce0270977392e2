package crashtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

type object = map[string]any

// caller is one client with one connection of its own.
type caller struct {
	url  string
	http *http.Client
}

func newCaller(url string) *caller {
	return &caller{url: url, http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1},
	}}
}

func (c *caller) close() { c.http.CloseIdleConnections() }

// try sends a request and reads the whole answer into out. The error is of the
// connection; then nothing is known of what the server did.
func (c *caller) try(method, path string, body, out any) (status int, err error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, c.url+path, r)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(res.Body)
	if closed := res.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return 0, err
	}
	if raw, ok := out.(*string); ok {
		*raw = string(text)
		return res.StatusCode, nil
	}
	if out != nil && res.StatusCode == 200 {
		if err := json.Unmarshal(text, out); err != nil {
			return res.StatusCode, fmt.Errorf("%s %s: %w in %.200s", method, path, err, text)
		}
	}
	return res.StatusCode, nil
}

// ask is try for a request that must succeed.
func (c *caller) ask(t testing.TB, method, path string, body, out any) {
	t.Helper()
	var text string
	status, err := c.try(method, path, body, &text)
	if err != nil || status != 200 {
		t.Fatalf("%s %s: status %d, %v: %.300s", method, path, status, err, text)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(text), out); err != nil {
			t.Fatalf("%s %s: %v in %.300s", method, path, err, text)
		}
	}
}

// problem is the body of an error.
type problem struct {
	Type    string         `json:"error_type"`
	Message string         `json:"message"`
	Details map[string]any `json:"details"`
}

// refused sends a request that must be refused.
func (c *caller) refused(t testing.TB, method, path string, body any, status int, kind string) problem {
	t.Helper()
	var text string
	got, err := c.try(method, path, body, &text)
	var p problem
	if err == nil {
		err = json.Unmarshal([]byte(text), &p)
	}
	if err != nil || got != status || p.Type != kind || p.Message == "" {
		t.Fatalf("%s %s: status %d, %v, want %d %s: %.300s", method, path, got, err, status, kind, text)
	}
	return p
}

func decodeProblem(text string, p *problem) bool { return json.Unmarshal([]byte(text), p) == nil }
