package httpapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// env is a server on a loopback port, with an engine in memory.
type env struct {
	t      testing.TB
	server *Server
	engine *engine.Engine
	url    string
	client *http.Client
}

// start runs a server; change may adjust its options.
func start(t testing.TB, change func(*Options)) *env {
	t.Helper()
	backend := cpu.New(cpu.Options{})
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	return startOn(t, []compute.Backend{backend}, change)
}

// startOn is start on backends of the caller's.
func startOn(t testing.TB, backends []compute.Backend, change func(*Options)) *env {
	t.Helper()
	eng, err := engine.Open(context.Background(), engine.Options{
		Dir: "data", FS: vfs.NewMem(), Backends: backends,
		Fsync: engine.FsyncOff, Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Engine: eng, Version: "test", Logger: zerolog.Nop()}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	e := &env{t: t, server: s, engine: eng, url: "http://" + ln.Addr().String(),
		client: &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}}
	t.Cleanup(func() {
		e.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// reply is an answer of the server.
type reply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
}

// send makes a request. body is a string or bytes as they are, nil for none, or a
// value to send as JSON; headers are name and value in turn.
func (e *env) send(method, path string, body any, headers ...string) *reply {
	e.t.Helper()
	var src io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		src, kind = strings.NewReader(b), "application/json"
	case []byte:
		src = bytes.NewReader(b)
	case io.Reader:
		src = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			e.t.Fatal(err)
		}
		src, kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequest(method, e.url+path, src)
	if err != nil {
		e.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := e.client.Do(req)
	if err != nil {
		e.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatalf("%s %s: %v", method, path, err)
	}
	return &reply{e.t, method + " " + path, resp.StatusCode, resp.Header, text}
}

// ok fails unless the request succeeded, and returns the decoded reply.
func (r *reply) ok() map[string]any {
	r.t.Helper()
	if r.status != 200 {
		r.t.Fatalf("%s: status %d: %s", r.what, r.status, r.body)
	}
	return r.json()
}

func (r *reply) json() map[string]any {
	r.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(r.body, &m); err != nil {
		r.t.Fatalf("%s: %v in %s", r.what, err, r.body)
	}
	return m
}

// fails checks the status, the error_type and, in both forms, the error body.
// It returns the message.
func (r *reply) fails(status int, kind string) string {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: status %d, want %d %s: %s", r.what, r.status, status, kind, r.body)
	}
	m := r.json()
	nested, _ := m["error"].(map[string]any)
	if m["error_type"] != kind || m["status_code"] != float64(status) || nested == nil ||
		nested["type"] == "" || nested["details"] == nil || m["request_id"] == "" {
		r.t.Fatalf("%s: want %s: %s", r.what, kind, r.body)
	}
	if got := r.header.Get("Content-Type"); got != "application/json" {
		r.t.Fatalf("%s: content type %q", r.what, got)
	}
	message, _ := m["message"].(string)
	return message
}

// collection makes a collection of a dimension and metric.
func (e *env) collection(name string, dim int, metric string) {
	e.t.Helper()
	e.send("POST", "/collections", map[string]any{"name": name, "dimension": dim,
		"metric": metric}).ok()
}

// vectors upserts vectors with ids 0, 1, 2, … and payload {"n": id}.
func (e *env) vectors(name string, rows [][]float32) {
	e.t.Helper()
	list := make([]map[string]any, len(rows))
	for i, v := range rows {
		list[i] = map[string]any{"id": fmt.Sprint(i), "vector": v, "payload": map[string]any{"n": i}}
	}
	m := e.send("POST", "/collections/"+name+"/vectors", map[string]any{"vectors": list}).ok()
	if m["inserted"] != float64(len(rows)) {
		e.t.Fatalf("inserted %v of %d", m["inserted"], len(rows))
	}
}

func appendFloatBytes(b []byte, v []float32) []byte {
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}
