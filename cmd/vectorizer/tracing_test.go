package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes spans as an OpenTelemetry collector does.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex // guards: spans
	spans []receivedSpan
}

type receivedSpan struct {
	node string // service.instance.id
	*tracepb.Span
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var data tracepb.TracesData
		if err != nil || q.URL.Path != "/v1/traces" || proto.Unmarshal(body, &data) != nil {
			http.Error(w, "not spans", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range data.ResourceSpans {
			node := ""
			for _, a := range rs.Resource.Attributes {
				if a.Key == "service.instance.id" {
					node = a.Value.GetStringValue()
				}
			}
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					r.spans = append(r.spans, receivedSpan{node, s})
				}
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// TestTraceContinuesOnTheReplica: the span of a write at the master belongs to the
// client's trace, and the replica's span of applying it to the same, as a child. A
// write without a trace makes no span.
func TestTraceContinuesOnTheReplica(t *testing.T) {
	const secret = "REPLICATION_SECRET=0123456789abcdef0123456789abcdef"
	collector := newReceiver(t)
	link := freeAddress(t)
	args := []string{"--fsync", "off", "--tracing-endpoint", collector.URL + "/v1/traces"}
	master := start(t, newSession(t, secret), append(args, "--data-dir", t.TempDir(),
		"--replication-role", "master", "--replication-bind-address", link)...)
	replica := start(t, newSession(t, secret), append(args, "--data-dir", t.TempDir(),
		"--replication-role", "replica", "--replication-master-address", link)...)
	fill(t, master.url, "films", 3) // without a trace

	const traceID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	send := func(method, url, body string, header ...string) *http.Response {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			q.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	// What a full copy brings is not applied: the replica must follow already.
	eventually(t, "the replica follows", func() bool {
		return send("GET", replica.url+"/api/v1/collections/films/vectors/v2", "").StatusCode == 200
	})
	res := send("PUT", master.url+"/api/v1/collections/films/vectors", `{"vectors":[{"id":"v1","vector":[3,2,1,0]}]}`,
		"Traceparent", "00-"+traceID+"-"+parent+"-01", "Content-Type", "application/json")
	_, offset, _ := strings.Cut(res.Header.Get("X-Vectorizer-Position"), ":")
	if res.StatusCode != 200 || offset == "" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	eventually(t, "the replica has it", func() bool {
		return send("GET", replica.url+"/api/v1/collections/films/vectors/v1?min_offset="+offset, "").StatusCode == 200
	})
	for _, r := range []*running{master, replica} { // which sends what is left
		r.stop <- os.Interrupt
		if code := <-r.done; code != exitOK {
			t.Errorf("exit code %d", code)
		}
		r.done = nil
	}
	collector.mu.Lock()
	defer collector.mu.Unlock()
	if len(collector.spans) != 2 {
		t.Fatalf("%d spans", len(collector.spans))
	}
	write, apply := collector.spans[0], collector.spans[1]
	for _, s := range collector.spans {
		if hex.EncodeToString(s.TraceId) != traceID {
			t.Errorf("%s has the trace %x", s.Name, s.TraceId)
		}
	}
	if hex.EncodeToString(write.ParentSpanId) != parent || write.Kind != tracepb.Span_SPAN_KIND_SERVER {
		t.Errorf("the write: %v", write.Span)
	}
	if string(apply.ParentSpanId) != string(write.SpanId) || apply.Name != "replica apply" ||
		apply.node == write.node || apply.EndTimeUnixNano < apply.StartTimeUnixNano {
		t.Errorf("the apply at %s: %v", apply.node, apply.Span)
	}
}
