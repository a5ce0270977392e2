package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server with one handler and returns a client of it.
func serve(t *testing.T, timeout time.Duration, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.URL+"/", timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestDo(t *testing.T) {
	c := serve(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/a b" || r.Header.Get("Content-Type") == "" {
			t.Errorf("%s %s %v", r.Method, r.URL.Path, r.Header)
		}
		w.Write([]byte(`{"got":true}`))
	})
	var out struct{ Got bool }
	if err := c.Post(context.Background(), "/a%20b", map[string]int{"x": 1}, &out); err != nil {
		t.Fatal(err)
	}
	if !out.Got {
		t.Error("the answer was not decoded")
	}
}

func TestErrorAnswers(t *testing.T) {
	f := func(status int, body string, want Error) {
		t.Helper()
		c := serve(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(status)
			w.Write([]byte(body))
		})
		err := c.Get(context.Background(), "/", nil)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%T %v", err, err)
		}
		if e.Status != status || e.Type != want.Type || e.Message != want.Message ||
			e.RequestID != want.RequestID || e.RetryAfter != 3*time.Second {
			t.Errorf("%s: %+v", body, e)
		}
	}
	f(404, `{"error":{"type":"CollectionNotFound"},"error_type":"collection_not_found",`+
		`"message":"Collection not found: x","status_code":404,"request_id":"r1"}`,
		Error{Type: "collection_not_found", Message: "Collection not found: x", RequestID: "r1"})
	f(400, `{"error":"old form"}`, Error{Message: "old form"})
	f(502, " bad gateway\n", Error{Message: "bad gateway"})
	f(500, strings.Repeat("x", 500), Error{Message: strings.Repeat("x", 200)})
	f(500, "", Error{})
}

func TestIsType(t *testing.T) {
	err := error(&Error{Type: "queue_full", Message: "busy", Status: 429, RequestID: "r"})
	if !IsType(err, "queue_full") || IsType(err, "other") || IsUnreachable(err) {
		t.Error("wrong kind")
	}
	if got := err.Error(); got != "busy (status 429, request r)" {
		t.Error(got)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, err := New(addr, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Get(context.Background(), "/", nil)
	if !IsUnreachable(err) || !strings.Contains(err.Error(), "http://"+addr) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Get(ctx, "/", nil); !errors.Is(err, context.Canceled) || IsUnreachable(err) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	c := serve(t, 20*time.Millisecond, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	err := c.Get(context.Background(), "/", nil)
	if !IsUnreachable(err) || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("%v", err)
	}
}

func TestBadAnswer(t *testing.T) {
	c := serve(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("<html>"))
	})
	var out struct{}
	if err := c.Get(context.Background(), "/", &out); err == nil ||
		!strings.Contains(err.Error(), "not what a vectorizer server says") {
		t.Errorf("%v", err)
	}
}

func TestBadAddress(t *testing.T) {
	for _, a := range []string{"", "ftp://x", "http://", "http://a?b=c", "http://a#b", "http://[::1"} {
		if c, err := New(a, 0); err == nil {
			t.Errorf("%q accepted as %s", a, c.Base())
		}
	}
}
