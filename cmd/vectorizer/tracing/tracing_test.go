package tracing

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/vectorizer-go/vectorizer/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSampling: a write that belongs to a sampled trace goes on with it, one whose
// trace is not sampled has no context, and without a trace the percentage decides.
func TestSampling(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	var log bytes.Buffer
	for _, c := range []struct {
		header  string
		percent int
		traced  bool
	}{
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 0, true},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", 100, false},
		{"", 0, false},
		{"", 100, true},
		{"not a traceparent", 0, false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", 0, false},
	} {
		tr := New(Options{Endpoint: web.URL, Percent: c.percent, Logger: zerolog.New(&log)})
		s := tr.Begin(c.header, "upsert", time.Now())
		if got := s.Context(); (got != engine.TraceContext{}) != c.traced {
			t.Errorf("%q at %d %%: %v", c.header, c.percent, got)
		} else if strings.HasSuffix(c.header, "-01") && c.traced && !strings.HasPrefix(got.String(), c.header[:35]) {
			t.Errorf("%q goes on as %v", c.header, got)
		}
		s.End(nil)
		// A receiver that refuses spans is no failure of the server, and is told once.
		if err := tr.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(log.String(), "spans are dropped"); n != 2 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}
