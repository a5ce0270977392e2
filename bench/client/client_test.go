package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHostPort(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := HostPort(in)
		if want == "" && err == nil || want != "" && (err != nil || got != want) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	f("127.0.0.1:15002", "127.0.0.1:15002")
	f("http://host:1/", "host:1")
	f("http://host", "host:80")
	f("https://host:1", "")
	f("http://host:1/path", "")
	f("", "")
}

func TestCalls(t *testing.T) {
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		switch r.Method + " " + r.URL.Path {
		case "POST /api/v1/collections":
			fmt.Fprint(w, `{}`)
		case "GET /api/v1/collections/a b":
			status, pending := "loading", 5-calls
			if calls > 4 {
				status, pending = "ready", 0
			}
			fmt.Fprintf(w, `{"name":"a b","status":%q,"vector_count":7,"indexing_status":{"pending":%d}}`,
				status, pending)
		case "DELETE /api/v1/collections/a b":
			w.WriteHeader(404)
			fmt.Fprint(w, `{"error_type":"collection_not_found","message":"Collection not found: a b"}`)
		case "GET /ready":
			if calls < 9 {
				w.WriteHeader(503)
			}
		default:
			t.Errorf("%s %s", r.Method, r.URL)
		}
	}))
	defer s.Close()
	c := New(s.Listener.Addr().String())
	defer func() { _ = c.Close() }()
	ctx := context.Background()
	if err := c.Create(ctx, Collection{Name: "a b", Dimension: 2, Metric: "cosine"}); err != nil {
		t.Fatal(err)
	}
	var seen []int
	if err := c.WaitIndexed(ctx, "a b", func(n int) { seen = append(seen, n) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 4 || seen[3] != 0 {
		t.Errorf("pending went %v", seen)
	}
	var status *StatusError
	if err := c.Delete(ctx, "a b"); !errors.As(err, &status) || status.Status != 404 ||
		status.Type != "collection_not_found" {
		t.Errorf("%v", err)
	}
	if err := c.WaitReady(ctx); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	calls = 0 // not ready again
	if err := c.WaitReady(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
