package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"
)

// dial opens a connection to the server.
func (e *env) dial() net.Conn {
	e.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		e.t.Fatal(err)
	}
	return c
}

// answer reads one reply from a connection.
func answer(t testing.TB, c net.Conn) *reply {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &reply{t, "raw", resp.StatusCode, resp.Header, text}
}

// waitFor polls until cond holds.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(15 * time.Second); !cond(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.BodyBytes = 64 << 10 })
	fill(e)
	huge := `{"vectors":[` + strings.Repeat(" ", 1<<20) + `]}`
	// With a declared length.
	e.send("POST", "/collections/docs/vectors", huge).fails(413, "payload_too_large")
	// In chunks, without a length.
	e.send("POST", "/collections/docs/vectors", io.MultiReader(strings.NewReader(huge)),
		"Content-Type", "application/json").fails(413, "payload_too_large")
	// A declared length alone is enough.
	c := e.dial()
	fmt.Fprintf(c, "POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n%s",
		strings.Repeat(" ", 8<<10))
	answer(t, c).fails(413, "payload_too_large")
	// Exactly the limit is fine.
	prefix := `{"collection":"docs","vector":[1,0,0,0]`
	exact := prefix + strings.Repeat(" ", 64<<10-len(prefix)-1) + "}"
	e.send("POST", "/search", exact).ok()
	e.send("POST", "/search", exact+" ").fails(413, "payload_too_large")
	e.send("POST", "/search", io.MultiReader(strings.NewReader(exact)), "Content-Type",
		"application/json").ok()
	e.send("GET", "/live", nil).ok()
}

func TestDecompression(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.BodyBytes = 64 << 10 })
	fill(e)
	zip := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	zst := func(b []byte) []byte { return enc.EncodeAll(b, nil) }
	good := []byte(`{"collection":"docs","vector":[1,0,0,0]}`)
	bomb := append([]byte(`{"collection":"docs","vector":[1`), bytes.Repeat([]byte(",0"), 4<<20)...)
	for name, pack := range map[string]func([]byte) []byte{"gzip": zip, "zstd": zst} {
		send := func(b []byte) *reply {
			return e.send("POST", "/search", b, "Content-Type", "application/json",
				"Content-Encoding", name)
		}
		send(pack(good)).ok()
		send(pack(bomb)).fails(413, "payload_too_large")
		send(pack(good)[:20]).fails(400, "bad_request")
		send([]byte("neither")).fails(400, "bad_request")
	}
	e.send("POST", "/search", good, "Content-Type", "application/json", "Content-Encoding", "br").
		fails(415, "unsupported_media_type")
	e.send("POST", "/search", good, "Content-Type", "application/json", "Content-Encoding",
		"identity").ok()
}

// TestIdleBodiesCostNothing opens connections that declare large bodies and send a
// byte: the server must not set memory aside for them.
func TestIdleBodiesCostNothing(t *testing.T) {
	e := start(t, nil)
	const n, declared = 50, 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var list []net.Conn
	for range n {
		c := e.dial()
		fmt.Fprintf(c, "POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", declared, strings.Repeat(" ", 9<<10))
		list = append(list, c)
	}
	waitFor(t, "the server has the connections", func() bool {
		return e.server.connections() >= n
	})
	e.send("GET", "/live", nil).ok()
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > n*1<<20 {
		t.Errorf("%d bytes allocated for %d idle bodies", grown, n)
	}
	for _, c := range list {
		c.Close()
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.ReadTimeout = 150 * time.Millisecond })
	for name, head := range map[string]string{
		"head": "POST /search HT",
		"body": "POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" +
			strings.Repeat(" ", 20000),
		"short body": "POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n ",
		"chunks":     "POST /search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			c := e.dial()
			if _, err := io.WriteString(c, head); err != nil {
				t.Fatal(err)
			}
			answer(t, c).fails(408, "request_timeout")
		})
	}
	e.send("GET", "/live", nil).ok()
}

func TestBrokenHTTP(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.HeaderBytes = 2048 })
	f := func(text string, status int, kind string) {
		t.Helper()
		c := e.dial()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		answer(t, c).fails(status, kind)
	}
	f("nonsense\r\n\r\n", 400, "bad_request")
	f("GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 5000)+"\r\n\r\n", 431,
		"header_fields_too_large")
	f("GET /"+strings.Repeat("x", 5000)+" HTTP/1.1\r\nHost: x\r\n\r\n", 431,
		"header_fields_too_large")
	f("POST /search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
		"bad_request")
	f("POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400, "bad_request")
	e.send("GET", "/live", nil).ok()
}

func TestFrameworkFaultsAreJSON(t *testing.T) {
	e := start(t, nil)
	e.send("GET", "/nothing/here", nil).fails(404, "not_found")
	r := e.send("PATCH", "/collections", "{}")
	r.fails(405, "method_not_allowed")
	if got := r.header.Get("Allow"); got != "GET, POST" {
		t.Errorf("Allow: %q", got)
	}
	e.send("DELETE", "/api/v1/stats", nil).fails(405, "method_not_allowed")
	e.send("POST", "/search", "{}", "Content-Type", "text/html").fails(415,
		"unsupported_media_type")
	e.send("POST", "/search", "{}", "Content-Type", "application/octet-stream").fails(415,
		"unsupported_media_type")
	e.send("POST", "/search", "a=b", "Content-Type", "application/x-www-form-urlencoded").
		fails(415, "unsupported_media_type")
	for _, path := range []string{"/embed", "/insert", "/graph/nodes/x", "/file/list",
		"/auth/login", "/intelligent_search", "/collections/x/hybrid_search", "/api/v1x/stats"} {
		e.send("POST", path, "{}").fails(404, "not_found")
	}
}

func TestTooManyConnections(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.ConnsPerIP = 3 })
	e.send("GET", "/live", nil).ok()
	e.client.CloseIdleConnections()
	waitFor(t, "the connection is gone", func() bool { return e.server.connections() == 0 })
	for range 3 {
		e.dial()
	}
	waitFor(t, "three connections", func() bool { return e.server.connections() == 3 })
	r := answer(t, e.dial())
	r.fails(429, "rate_limit_exceeded")
	if r.header.Get("Retry-After") != "1" {
		t.Error(r.header)
	}
}

func TestTooManyConnectionsOverAll(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.Concurrency = 2 })
	e.dial()
	e.dial()
	waitFor(t, "two connections", func() bool { return e.server.connections() == 2 })
	r := answer(t, e.dial())
	r.fails(503, "too_many_connections")
	if r.header.Get("Retry-After") != "1" {
		t.Error(r.header)
	}
}

// TestWritesAreRefusedBeyondLimit holds writes in flight with bodies that do not
// end, and sees the next one refused.
func TestWritesAreRefusedBeyondLimit(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.Writes = 2 })
	fill(e)
	cs := e.server.colls.get([]byte("docs"))
	cs.writes.Add(2)
	r := e.send("DELETE", "/collections/docs/vectors/a", nil)
	r.fails(429, "queue_full")
	if r.header.Get("Retry-After") != "2" {
		t.Error(r.header)
	}
	details := r.json()["details"].(map[string]any)
	if details["hard_limit"] != 2.0 || details["depth"] != 2.0 || details["collection"] != "docs" {
		t.Error(details)
	}
	e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0]}`).ok() // reads go on
	cs.writes.Add(-2)
	e.send("DELETE", "/collections/docs/vectors/a", nil).ok()
}

// TestInflightBytes holds the whole budget for bodies and sees a large one refused
// and a small one served.
func TestInflightBytes(t *testing.T) {
	e := start(t, func(o *Options) {
		o.Limits.BodyBytes = 1 << 20
		o.Limits.InflightBytes = 1 << 20
	})
	fill(e)
	e.server.held.Add(1 << 20)
	large := `{"collection":"docs","vector":[1,0,0,0]` + strings.Repeat(" ", 500<<10) + `}`
	e.send("POST", "/search", large).fails(429, "rate_limit_exceeded")
	e.send("POST", "/search", `{"collection":"docs","vector":[1,0,0,0]}`).ok()
	e.server.held.Add(-1 << 20)
	e.send("POST", "/search", large).ok()
	if n := e.server.held.Load(); n != 0 {
		t.Errorf("%d bytes still held", n)
	}
}

func TestRequestTimeout(t *testing.T) {
	e := start(t, nil)
	fill(e)
	ctx := &reqContext{base: context.Background(), deadline: time.Now().Add(-time.Second)}
	if ctx.Err() == nil {
		t.Fatal("a deadline in the past is not over")
	}
	select {
	case <-ctx.Done():
	default:
		t.Fatal("Done does not tell")
	}
	ctx.end()
	m := e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0],"timeout_ms":60000}`).ok()
	if m["total"] != 3.0 {
		t.Error(m)
	}
}

// TestSearchTimeout gives requests no time at all: they are told so, and a write
// that had begun says that its outcome is unknown.
func TestSearchTimeout(t *testing.T) {
	e := start(t, nil)
	fill(e)
	s, err := New(Options{Engine: e.engine})
	if err != nil {
		t.Fatal(err)
	}
	s.limits.RequestTimeout = time.Nanosecond
	f := func(path, body string) {
		t.Helper()
		ctx := new(fasthttp.RequestCtx)
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI(path)
		ctx.Request.SetBodyString(body)
		s.Handler(ctx)
		r := &reply{t, path, ctx.Response.StatusCode(), http.Header{"Content-Type": {
			string(ctx.Response.Header.ContentType())}}, ctx.Response.Body()}
		r.fails(504, "timeout")
	}
	f("/collections/docs/search", `{"vector":[1,0,0,0]}`)
	f("/collections/docs/vectors", `{"vectors":[{"id":"late","vector":[1,0,0,0]}]}`)
	f("/collections", `{"name":"late","dimension":4}`)
}

// TestNothingOutlivesTheRequest writes through one connection, whose buffers every
// request overwrites, and reads everything back at the end.
func TestNothingOutlivesTheRequest(t *testing.T) {
	e := start(t, nil)
	e.collection("c", 2, "dot")
	const n = 300
	for i := range n {
		body := fmt.Sprintf(`{"vectors":[{"id":"id-%d-%s","vector":[%d,1],"payload":{"t":"%s"}}]}`,
			i, strings.Repeat("x", i%50), i, strings.Repeat(string(rune('a'+i%26)), i%90))
		e.send("POST", "/collections/c/vectors", body).ok()
	}
	for i := range n {
		id := fmt.Sprintf("id-%d-%s", i, strings.Repeat("x", i%50))
		m := e.send("GET", "/collections/c/vectors/"+id, nil).ok()
		if m["vector"].([]any)[0] != float64(i) ||
			m["payload"].(map[string]any)["t"] != strings.Repeat(string(rune('a'+i%26)), i%90) {
			t.Fatalf("%d: %v", i, m)
		}
	}
}

func TestReplyBytes(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.ReplyBytes = 1 << 20 })
	e.collection("wide", 1024, "dot")
	query := map[string]any{"vector": make([]float32, 1024), "limit": 1000}
	e.send("POST", "/collections/wide/search", query).ok()
	query["with_vector"] = true
	e.send("POST", "/collections/wide/search", query).fails(400, "validation_error")
	e.send("GET", "/collections/wide/vectors?limit=1000", nil).fails(400, "validation_error")
	e.send("GET", "/collections/wide/vectors?limit=1000&with_vector=false", nil).ok()
}

// TestShutdownFinishesRequests shuts down while requests run: each is answered, or
// refused before it began.
func TestShutdownFinishesRequests(t *testing.T) {
	e := start(t, nil)
	fill(e)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var first sync.Once
	began := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := client.Post(e.url+"/collections/docs/search", "application/json",
					strings.NewReader(`{"vector":[1,0,0,0]}`))
				first.Do(func() { close(began) })
				if err != nil {
					return // refused: the listener is closed
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !json.Valid(text) || resp.StatusCode != 200 {
					t.Errorf("%d %v %s", resp.StatusCode, err, text)
				}
			}
		})
	}
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := e.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
}

// TestShutdownBeforeServe makes both orders of a start that is cancelled at once.
func TestShutdownBeforeServe(t *testing.T) {
	e := start(t, nil)
	for range 50 {
		s, err := New(Options{Engine: e.engine})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- s.Serve(ln) }()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(15 * time.Second):
			t.Fatal("Serve goes on after Shutdown")
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	e := start(t, nil)
	f := func(says string, change func(*Options)) {
		t.Helper()
		o := Options{Engine: e.engine}
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	f("no engine", func(o *Options) { o.Engine = nil })
	f("error format", func(o *Options) { o.ErrorFormat = "x" })
	f("body bytes", func(o *Options) { o.Limits.BodyBytes = -1 })
	f("read timeout", func(o *Options) { o.Limits.ReadTimeout = 1 })
	f("batch items", func(o *Options) { o.Limits.BatchItems = 1 << 30 })
	f("fewer than", func(o *Options) { o.Limits.InflightBytes = 1 << 20 })
	f("slow query", func(o *Options) { o.SlowQueryCapacity = -1 })
	l := DefaultLimits()
	if l.BodyBytes != 64<<20 || l.ReadTimeout != 30*time.Second || l.Writes != 1024 {
		t.Errorf("%+v", l)
	}
}
