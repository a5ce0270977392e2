package crashtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rawConn opens a plain connection.
func rawConn(t *testing.T, s *server) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", hostOf(t, s.url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(minuteOrTwo)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// TestTruncatedBodies sends requests whose body never arrives whole.
func TestTruncatedBodies(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"))
	s.ready()
	c := newCaller(s.url)
	defer c.close()
	model := fill(t, c, "c", 10)
	body, err := json.Marshal(batch(100, 140, 1))
	if err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf("POST /api/v1/collections/c/vectors HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	for _, cut := range []int{0, 1, len(body) / 2, len(body) - 1} {
		for _, end := range []func(*net.TCPConn) error{(*net.TCPConn).CloseWrite, (*net.TCPConn).Close, reset} {
			conn := rawConn(t, s)
			if _, err := conn.Write(append([]byte(head), body[:cut]...)); err != nil {
				t.Fatal(err)
			}
			if err := end(conn); err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(conn) // the server may have closed
			if strings.HasPrefix(string(answer), "HTTP/1.1 2") {
				t.Errorf("half a body was accepted: %.200s", answer)
			}
		}
	}
	chunked := rawConn(t, s)
	if _, err := fmt.Fprintf(chunked, "POST /api/v1/collections/c/vectors HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(body)/2,
		body[:len(body)/2]); err != nil {
		t.Fatal(err)
	}
	if err := chunked.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, c, "c", model)
	// The same body whole is accepted: the cut ones failed for being cut.
	upsert(t, c, "c", model, 100, 140, 1)
	same(t, c, "c", model)
}

// reset ends a connection without a farewell.
func reset(c *net.TCPConn) error {
	if err := c.SetLinger(0); err != nil {
		return err
	}
	return c.Close()
}

// TestSlowClients opens connections that send next to nothing: they are cut, and
// others are served meanwhile.
func TestSlowClients(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"),
		"VECTORIZER_LIMITS_READ_TIMEOUT=700ms", "VECTORIZER_LIMITS_IDLE_TIMEOUT=700ms")
	s.ready()
	c := newCaller(s.url)
	defer c.close()
	model := fill(t, c, "c", 50)
	var slow []*net.TCPConn
	for i := range 40 {
		conn := rawConn(t, s)
		text := []string{"", "P", "POST /api/v1/collections/c/vectors HTTP/1.1\r\nHost: x\r\n",
			"POST /api/v1/collections/c/vectors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
				"Content-Length: 100000\r\n\r\n{"}[i%4]
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	for i := range 20 {
		upsert(t, c, "c", model, i, i+30, 2+i)
	}
	same(t, c, "c", model)
	// Some keep sending a byte at a time: that must not buy them more time.
	drip := slow[2]
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := drip.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	for i, conn := range slow {
		answer, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("slow connection %d is still open", i)
		}
		if len(answer) == 0 {
			continue
		}
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(answer))), nil)
		if err != nil || res.StatusCode != http.StatusRequestTimeout && res.StatusCode != http.StatusBadRequest {
			t.Errorf("slow connection %d was answered %.200s", i, answer)
		}
	}
	same(t, c, "c", model)
}
