package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func get(addr, path string) []byte {
	return (&Request{Method: "GET", Host: addr, Path: path}).Bytes()
}

func TestConn(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/busy" {
			w.Header().Set("Retry-After", "2")
			w.Header().Set("Connection", "close")
			w.WriteHeader(429)
		}
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"),
			r.Header.Get("Accept"), body)
	})
	c := NewConn(addr, time.Minute)
	defer func() { _ = c.Close() }()
	f := func(r Request, status int, want string) *Answer {
		t.Helper()
		r.Host = addr
		a, err := c.Do(context.Background(), r.Bytes())
		if err != nil || a.Status != status || string(a.Body) != want {
			t.Fatalf("%+v, %v; want %d %q", a, err, status, want)
		}
		return a
	}
	f(Request{Method: "GET", Path: "/a"}, 200, "GET /a  application/json ")
	f(Request{Method: "POST", Path: "/b", ContentType: "x/y", Accept: "z/z", Body: []byte("hi")},
		200, "POST /b x/y z/z hi")
	long := strings.Repeat("x", 3<<10)
	a := f(Request{Method: "PUT", Path: "/busy", Body: []byte(long[:1500])}, 429,
		"PUT /busy  application/json "+long[:1500])
	if a.RetryAfter != 2*time.Second || a.OK() == nil {
		t.Errorf("%v %v", a.RetryAfter, a.OK())
	}
	f(Request{Method: "DELETE", Path: "/c"}, 200, "DELETE /c  application/json ") // dials again
}

func TestConnDialsAgainAfterIdleClose(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	c := NewConn(addr, time.Minute)
	defer func() { _ = c.Close() }()
	if _, err := c.Do(context.Background(), get(addr, "/")); err != nil {
		t.Fatal(err)
	}
	_ = c.conn.Close() // as a server does that has waited long enough
	if _, err := c.Do(context.Background(), get(addr, "/")); err != nil {
		t.Error(err)
	}
}

func TestConnRefusesNonsense(t *testing.T) {
	f := func(answer, want string) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = conn.Read(buf)
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}()
		c := NewConn(l.Addr().String(), time.Minute)
		_, err = c.Do(context.Background(), get("x", "/"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", answer, err)
		}
		_ = l.Close()
		<-done
	}
	f("SMTP ready\r\n", "does not start like HTTP")
	f("HTTP/1.1 abc no\r\n\r\n", "no status")
	f("HTTP/1.1 200 OK\r\n\r\n", "no Content-Length")
	f("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length of")
	f("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "Content-Length of")
	f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer encoding")
	f("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "unexpected EOF")
	f("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "without a colon")
	f("", "closed the connection")
}

func TestRunClosedLoop(t *testing.T) {
	var served atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		fmt.Fprint(w, r.URL.Path)
	})
	var seen [100]atomic.Int64
	r, err := Run(context.Background(), Config{Addr: addr, Conns: 4, Timeout: time.Minute, Requests: 100},
		Source{
			Request: func(i int) []byte { seen[i].Add(1); return get(addr, fmt.Sprintf("/%d", i)) },
			Check: func(i int, a *Answer) error {
				if i == 7 {
					return errors.New("wrong answer")
				}
				if string(a.Body) != fmt.Sprintf("/%d", i) {
					t.Errorf("request %d: %s", i, a.Body)
				}
				return a.OK()
			},
		})
	if err != nil {
		t.Fatal(err)
	}
	for i := range seen {
		if n := seen[i].Load(); n != 1 {
			t.Errorf("request %d was sent %d times", i, n)
		}
	}
	if r.Sent != 100 || r.Failed != 1 || r.Latency.Count() != 99 || served.Load() != 100 ||
		r.First == nil || !strings.Contains(r.First.Error(), "request 7: wrong answer") {
		t.Errorf("%d sent, %d failed, %v", r.Sent, r.Failed, r.First)
	}
	if r.QPS() <= 0 || r.Latency.Quantile(0.5) <= 0 {
		t.Errorf("qps %v, p50 %v", r.QPS(), r.Latency.Quantile(0.5))
	}
}

// TestRunOpenLoop holds the server for a while: requests that were due meanwhile
// must count their waiting.
func TestRunOpenLoop(t *testing.T) {
	const rate, requests, stall = 1000.0, 100, 50 * time.Millisecond
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/0" {
			timer := time.NewTimer(stall)
			defer timer.Stop()
			<-timer.C
		}
		fmt.Fprint(w, "x")
	})
	r, err := Run(context.Background(), Config{Addr: addr, Conns: 1, Timeout: time.Minute,
		Requests: requests, Rate: rate},
		Source{Request: func(i int) []byte { return get(addr, fmt.Sprintf("/%d", i)) }})
	if err != nil || r.Failed > 0 {
		t.Fatal(err, r.First)
	}
	if r.Elapsed < 99*time.Millisecond {
		t.Errorf("100 requests at 1000/s took %v", r.Elapsed)
	}
	// One connection was busy for 50 ms, so about 50 requests were late by 25 ms
	// on average; a loop that measured from sending would show only one.
	if p90 := r.Latency.Quantile(0.75); p90 < 10*time.Millisecond {
		t.Errorf("p75 %v does not show the stall", p90)
	}
}

func TestRunEndsByTime(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	r, err := Run(context.Background(), Config{Addr: addr, Conns: 2, Timeout: time.Minute,
		Duration: 30 * time.Millisecond}, Source{Request: func(int) []byte { return get(addr, "/") }})
	if err != nil || r.Failed > 0 || r.Sent == 0 {
		t.Errorf("%+v %v", r, err)
	}
	r, err = Run(context.Background(), Config{Addr: addr, Conns: 2, Timeout: time.Minute, Duration: 1},
		Source{Request: func(int) []byte { return get(addr, "/") }})
	if err != nil || r.Sent < 2 || r.Latency.Count() < 2 {
		t.Errorf("a time that is over at once: %+v %v", r, err)
	}
	if _, err := Run(context.Background(), Config{Addr: addr, Conns: 1}, Source{}); err == nil {
		t.Error("a run without an end was started")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Config{Addr: addr, Conns: 1, Timeout: time.Second, Requests: 1},
		Source{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRunServerGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	r, err := Run(context.Background(), Config{Addr: addr, Conns: 1, Timeout: time.Second, Requests: 2},
		Source{Request: func(int) []byte { return get(addr, "/") }})
	if err != nil || r.Failed != 2 || r.First == nil {
		t.Errorf("%+v %v", r, err)
	}
}

func TestConnAllocs(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answer") })
	c := NewConn(addr, time.Minute)
	defer func() { _ = c.Close() }()
	req := get(addr, "/")
	ctx := context.Background()
	if _, err := c.Do(ctx, req); err != nil {
		t.Fatal(err)
	}
	// The server of this test allocates in the same process, so count what the
	// client does by reading a canned answer.
	canned := []byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nDate: x\r\n\r\nanswer")
	src := &repeat{data: canned}
	c.in.Reset(src)
	if n := testing.AllocsPerRun(100, func() {
		src.at = 0
		if err := c.readAnswer(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per answer", n)
	}
}

// repeat reads data from its start again and again.
type repeat struct {
	data []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.at:])
	r.at += n
	return n, nil
}
