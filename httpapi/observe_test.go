package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// safeBuffer may be written by the server while a test reads it.
type safeBuffer struct {
	mu sync.Mutex // guards: b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestIDs(t *testing.T) {
	e := start(t, nil)
	f := func(sent, got map[string]string) {
		t.Helper()
		var headers []string
		for k, v := range sent {
			headers = append(headers, k, v)
		}
		r := e.send("GET", "/live", nil, headers...)
		for k, want := range got {
			have := r.header.Get(k)
			if have != want && (want != "new" || !uuidForm.MatchString(have)) {
				t.Errorf("sent %v: %s is %q, want %s", sent, k, have, want)
			}
		}
	}
	const rid, cid = "X-Request-ID", "X-Correlation-ID"
	f(nil, map[string]string{rid: "new", cid: "new"})
	f(map[string]string{rid: "r"}, map[string]string{rid: "r", cid: "r"})
	f(map[string]string{cid: "c"}, map[string]string{rid: "new", cid: "c"})
	f(map[string]string{rid: "r", cid: "c"}, map[string]string{rid: "r", cid: "c"})
	f(map[string]string{rid: strings.Repeat("x", 129)}, map[string]string{rid: "new"})
	f(map[string]string{rid: `a"b`}, map[string]string{rid: "new"})
	f(map[string]string{cid: "a\tb"}, map[string]string{cid: "new"})
	f(map[string]string{cid: "é"}, map[string]string{cid: "new"})
	seen := make(map[uuid]bool)
	for range 1000 {
		id := newUUID()
		if !uuidForm.Match(id[:]) || seen[id] {
			t.Fatalf("%s", id[:])
		}
		seen[id] = true
	}
}

// TestLogLines checks the lines of requests, and that clients cannot forge any.
func TestLogLines(t *testing.T) {
	var log safeBuffer
	e := start(t, func(o *Options) { o.Logger = zerolog.New(&log); o.AccessLog = true })
	fill(e)
	e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0]}`, "X-Request-ID", "r-1",
		"X-Correlation-ID", "c-1").ok()
	e.send("GET", "/collections/docs/vectors/x%0a%7b%22level%22:%22forged%22%7d", nil,
		"X-Request-ID", "r-2").fails(404, "vector_not_found")
	e.send("GET", "/no%0a/where", nil, "X-Request-ID", "r-3").fails(404, "not_found")
	waitFor(t, "three lines", func() bool { return strings.Contains(log.String(), "r-3") })
	byID := make(map[string]map[string]any)
	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if m["level"] == "forged" {
			t.Fatal(line)
		}
		for _, key := range []string{"request_id", "correlation_id", "method", "route", "status",
			"took_ms", "request_bytes", "reply_bytes", "client"} {
			if m[key] == nil {
				t.Errorf("no %s in %s", key, line)
			}
		}
		byID[m["request_id"].(string)] = m
	}
	ok, bad, lost := byID["r-1"], byID["r-2"], byID["r-3"]
	if ok["correlation_id"] != "c-1" || ok["level"] != "info" || ok["collection"] != "docs" ||
		ok["route"] != "/collections/{collection}/search" || ok["status"] != 200.0 ||
		ok["method"] != "POST" || ok["reply_bytes"].(float64) < 50 {
		t.Error(ok)
	}
	if bad["level"] != "warn" || bad["error_type"] != "vector_not_found" ||
		bad["correlation_id"] != "r-2" || bad["status"] != 404.0 {
		t.Error(bad)
	}
	if lost["route"] != "none" || lost["collection"] != nil {
		t.Error(lost)
	}
}

func TestQuietByDefault(t *testing.T) {
	var log safeBuffer
	e := start(t, func(o *Options) { o.Logger = zerolog.New(&log).Level(zerolog.InfoLevel) })
	fill(e)
	if log.String() != "" {
		t.Error(log.String())
	}
}

func TestSecurityHeaders(t *testing.T) {
	e := start(t, nil)
	for _, r := range []*reply{e.send("GET", "/live", nil), e.send("GET", "/nothing", nil)} {
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "SAMEORIGIN", "X-XSS-Protection": "1; mode=block",
			"Referrer-Policy":    "strict-origin-when-cross-origin",
			"Permissions-Policy": "geolocation=(), microphone=(), camera=(), payment=()"} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if r.header.Get("Content-Security-Policy") == "" {
			t.Error("no content security policy")
		}
		if r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("CORS without being asked for")
		}
	}
}

func TestCORS(t *testing.T) {
	e := start(t, func(o *Options) { o.CORSOrigins = []string{"https://a.example"} })
	r := e.send("OPTIONS", "/search", nil, "Origin", "https://a.example",
		"Access-Control-Request-Method", "POST")
	if r.status != 200 || r.header.Get("Access-Control-Allow-Origin") != "https://a.example" ||
		!strings.Contains(r.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %v", r.status, r.header)
	}
	r = e.send("GET", "/live", nil, "Origin", "https://b.example")
	if r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("Vary") != "Origin" {
		t.Error(r.header)
	}
	e.send("OPTIONS", "/search", nil, "Origin", "https://b.example",
		"Access-Control-Request-Method", "POST").fails(405, "method_not_allowed")
	e = start(t, func(o *Options) { o.CORSOrigins = []string{"*"} })
	r = e.send("GET", "/live", nil, "Origin", "https://b.example")
	if r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error(r.header)
	}
}

func TestSlowQueries(t *testing.T) {
	e := start(t, nil)
	fill(e)
	search := func() {
		t.Helper()
		e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0],"k":2}`, "X-Request-ID",
			"slow-1").ok()
	}
	search()
	if m := e.send("GET", "/slow_queries", nil).ok(); m["total"] != 0.0 {
		t.Error(m) // nothing takes 100 ms here
	}
	m := e.send("POST", "/slow_queries/config", `{"threshold_ms":0,"capacity":3}`).ok()
	if m["status"] != "ok" || m["capacity"] != 3.0 || m["threshold_ms"] != 0.0 {
		t.Error(m)
	}
	for range 5 {
		search()
	}
	m = e.send("GET", "/slow_queries", nil).ok()
	list := m["entries"].([]any)
	first := list[0].(map[string]any)
	if len(list) != 3 || m["total"] != 3.0 || first["collection"] != "docs" || first["k"] != 2.0 ||
		first["request_id"] != "slow-1" || first["duration_ms"].(float64) <= 0 ||
		first["queries"] != 1.0 {
		t.Error(m)
	}
	at, err := time.Parse(time.RFC3339Nano, first["timestamp"].(string))
	if err != nil || time.Since(at) > time.Minute {
		t.Error(at, err)
	}
}

func TestSlowLogKeepsTheLatest(t *testing.T) {
	l := newSlowLog(0, 3)
	note := func(k int) {
		c := &call{request: request{collection: &collState{name: "c"}}}
		l.note(c, k, time.Second)
	}
	ks := func() string {
		list, _ := l.entries()
		s := ""
		for _, x := range list {
			s += string(rune('0' + x.K))
		}
		return s
	}
	f := func(want string) {
		t.Helper()
		if got := ks(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f("")
	note(1)
	note(2)
	f("21")
	note(3)
	f("321")
	note(4)
	f("432")
	l.configure(0, 2)
	f("43")
	note(5)
	f("54")
	l.configure(0, 5)
	f("54")
	note(6)
	f("654")
	l.configure(-1, 5)
	note(7)
	f("654")
}

// metricLines returns the lines of /metrics, by series.
func metricLines(e *env) map[string]string {
	e.t.Helper()
	r := e.send("GET", "/metrics", nil)
	if r.status != 200 || r.header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		e.t.Fatalf("%d %v", r.status, r.header)
	}
	lines := make(map[string]string)
	for line := range strings.SplitSeq(string(r.body), "\n") {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			lines[line[:i]] = line[i+1:]
		}
	}
	return lines
}

func TestMetricsAreMeasured(t *testing.T) {
	e := start(t, nil)
	zero := metricLines(e)
	for _, name := range []string{"vectorizer_vectors_total", "vectorizer_collections_total",
		"vectorizer_insert_latency_seconds_count", `vectorizer_upsert_rejected_total{reason="queue_full"}`,
		`vectorizer_api_errors_total{endpoint="/search",error_type="internal_error",status_code="500"}`,
		"vectorizer_upsert_queue_depth"} {
		if zero[name] != "0" {
			t.Errorf("%s is %q before anything happened", name, zero[name])
		}
	}
	fill(e)
	for range 100 {
		e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0],"limit":2}`).ok()
	}
	e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0],"exact":true}`).ok()
	e.send("POST", "/collections/docs/search", `{"vector":[1]}`).fails(400, "dimension_mismatch")
	e.send("POST", "/batch_search", `{"collection":"docs","queries":[{"vector":[1,0,0,0]},
		{"vector":[1,0,0,0]},{"vector":[1]}]}`).ok()
	e.send("POST", "/collections/none/search", `{"vector":[1]}`).fails(404, "collection_not_found")
	e.send("DELETE", "/collections/docs/vectors/a", nil).ok()
	m := metricLines(e)
	const apiErrors = `vectorizer_api_errors_total{endpoint="/collections/{collection}/search",` +
		`error_type="collection_not_found",status_code="404"}`
	for name, want := range map[string]string{
		apiErrors: "1",
		`vectorizer_search_requests_total{collection="docs",search_type="vector",status="success"}`: "100",
		`vectorizer_search_requests_total{collection="docs",search_type="vector",status="error"}`:   "1",
		`vectorizer_search_requests_total{collection="docs",search_type="exact",status="success"}`:  "1",
		`vectorizer_search_requests_total{collection="docs",search_type="batch",status="success"}`:  "2",
		`vectorizer_search_requests_total{collection="docs",search_type="batch",status="error"}`:    "1",
		`vectorizer_search_latency_seconds_count{collection="docs",search_type="vector"}`:           "101",
		`vectorizer_search_results_count_sum{collection="docs",search_type="vector"}`:               "200",
		`vectorizer_search_results_count_bucket{collection="docs",search_type="vector",le="5"}`:     "100",
		`vectorizer_insert_requests_total{collection="docs",status="success"}`:                      "2",
		`vectorizer_insert_vectors_total{collection="docs"}`:                                        "4",
		`vectorizer_vectors_total`:                                                                 "2",
		`vectorizer_collections_total`:                                                             "3",
		`vectorizer_collection_vectors{collection="docs"}`:                                         "2",
		`vectorizer_upsert_in_flight{collection="docs"}`:                                           "0",
		`vectorizer_http_requests_total{endpoint="/batch_search",method="POST",status_code="200"}`: "1",
	} {
		if m[name] != want {
			t.Errorf("%s is %q, want %s", name, m[name], want)
		}
	}
	for _, name := range []string{"vectorizer_memory_usage_bytes", "vectorizer_uptime_seconds",
		"vectorizer_commits_total", "vectorizer_storage_disk_bytes", "go_goroutines",
		"vectorizer_commit_duration_seconds_count"} {
		if m[name] == "" || m[name] == "0" {
			t.Errorf("%s is %q", name, m[name])
		}
	}
	for name := range m {
		if strings.Contains(name, `collection="none"`) {
			t.Errorf("a name that does not exist is a label: %s", name)
		}
	}
	again := e.send("GET", "/prometheus/metrics", nil)
	if again.status != 200 || !bytes.Contains(again.body, []byte("vectorizer_vectors_total 2")) {
		t.Errorf("%d %.100s", again.status, again.body)
	}
}

// TestMetricLabelsAreBounded makes more collections than have labels, and deletes
// them again.
func TestMetricLabelsAreBounded(t *testing.T) {
	e := start(t, nil)
	const n = 110
	names := make([]string, n)
	for i := range names {
		names[i] = "c" + strings.Repeat("x", i)
		e.collection(names[i], 1, "dot")
		e.send("POST", "/collections/"+names[i]+"/search", `{"vector":[1]}`).ok()
	}
	labels := func() map[string]bool {
		found := make(map[string]bool)
		for name := range metricLines(e) {
			if m := regexp.MustCompile(`collection="([^"]*)"`).FindStringSubmatch(name); m != nil {
				found[m[1]] = true
			}
		}
		return found
	}
	if got := labels(); len(got) != 101 || !got["other"] {
		t.Errorf("%d labels", len(got))
	}
	for _, name := range names {
		e.send("DELETE", "/collections/"+name, nil).ok()
	}
	if got := labels(); len(got) != 1 || !got["other"] { // counters of the others remain
		t.Errorf("%d labels after deletion: %v", len(got), got)
	}
}

// TestMetricsBesideWork scrapes while requests run.
func TestMetricsBesideWork(t *testing.T) {
	e := start(t, func(o *Options) { o.Logger = zerolog.New(io.Discard) })
	fill(e)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 30 {
				e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0]}`).ok()
				e.send("PUT", "/collections/docs/vectors/z", `{"vector":[1,0,0,0]}`).ok()
			}
		})
	}
	for range 10 {
		metricLines(e)
		e.send("GET", "/stats", nil).ok()
	}
	wg.Wait()
}
