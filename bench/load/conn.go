// Package load sends HTTP requests at a server and measures it from outside:
// closed loop (each connection sends when its last answer came) and open loop
// (requests are due at a fixed rate, and an answer's latency counts from when
// its request was due).
//
// The client is small on purpose. It shares the machine with the server that it
// measures, so what it spends is missing there: requests are built once, and an
// answer is read into a buffer that is used again.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// maxAnswerBytes bounds one answer.
const maxAnswerBytes = 256 << 20

// Conn is one connection to a server. It is for one goroutine.
type Conn struct {
	addr    string
	timeout time.Duration
	conn    net.Conn
	in      *bufio.Reader
	body    []byte
	answer  Answer
}

// Answer is what the server said. It is valid until the next request.
type Answer struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // of a 429 or 503; 0 when not said
	close      bool
}

// NewConn returns a connection that dials addr (host:port) when first used.
// timeout bounds one request.
func NewConn(addr string, timeout time.Duration) *Conn {
	return &Conn{addr: addr, timeout: timeout}
}

// Do sends request, made by Request, and returns the answer. A connection that
// the server has closed while idle is dialled again once. Errors: what the
// network gave; the connection is then dialled anew by the next call.
func (c *Conn) Do(ctx context.Context, request []byte) (*Answer, error) {
	reused := c.conn != nil
	a, err := c.try(ctx, request)
	if err != nil && reused && errors.Is(err, errStale) {
		a, err = c.try(ctx, request)
	}
	return a, err
}

// errStale says that the server closed the connection before it answered a byte.
var errStale = errors.New("the server closed the connection")

func (c *Conn) try(ctx context.Context, request []byte) (*Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.conn == nil {
		d := net.Dialer{Timeout: c.timeout}
		conn, err := d.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			return nil, err
		}
		c.conn = conn
		if c.in == nil {
			c.in = bufio.NewReaderSize(conn, 16<<10)
		} else {
			c.in.Reset(conn)
		}
	}
	err := c.exchange(request)
	if err != nil || c.answer.close {
		_ = c.Close()
	}
	if err != nil {
		return nil, err
	}
	return &c.answer, nil
}

func (c *Conn) exchange(request []byte) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	if _, err := c.conn.Write(request); err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	if _, err := c.in.Peek(1); err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return err
		}
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return c.readAnswer()
}

func (c *Conn) readAnswer() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return fmt.Errorf("the answer does not start like HTTP: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return fmt.Errorf("the answer has no status: %q", line)
	}
	c.answer = Answer{Status: status}
	length := -1
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		if err := c.header(line, &length); err != nil {
			return err
		}
	}
	if length < 0 {
		return errors.New("the answer has no Content-Length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.answer.Body = c.body[:length]
	_, err = io.ReadFull(c.in, c.answer.Body)
	return err
}

// readLine returns the next line of the head without its end.
func (c *Conn) readLine() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

func (c *Conn) header(line []byte, length *int) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("the answer has a header without a colon: %q", line)
	}
	value = bytes.TrimSpace(value)
	switch {
	case equalFold(name, "content-length"):
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 0 || n > maxAnswerBytes {
			return fmt.Errorf("the answer has a Content-Length of %q", value)
		}
		*length = n
	case equalFold(name, "retry-after"):
		if s, err := strconv.Atoi(string(value)); err == nil && s >= 0 {
			c.answer.RetryAfter = time.Duration(s) * time.Second
		}
	case equalFold(name, "connection"):
		c.answer.close = equalFold(value, "close")
	case equalFold(name, "transfer-encoding"):
		return fmt.Errorf("the answer has the transfer encoding %q", value)
	}
	return nil
}

// equalFold compares ASCII text with a lower-case word.
func equalFold(b []byte, word string) bool {
	return len(b) == len(word) && bytes.EqualFold(b, []byte(word))
}

// Close closes the connection. Do opens it again.
func (c *Conn) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// Request is one HTTP request to be built.
type Request struct {
	Method      string
	Host        string
	Path        string // with its query, escaped
	ContentType string // "" without a body
	Accept      string // "" = application/json
	Body        []byte
}

// Bytes builds the request as it goes over the wire.
func (r *Request) Bytes() []byte {
	accept := r.Accept
	if accept == "" {
		accept = "application/json"
	}
	out := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n", r.Method, r.Path, r.Host,
		accept)
	if r.Body != nil || r.Method != "GET" {
		if r.ContentType != "" {
			out = fmt.Appendf(out, "Content-Type: %s\r\n", r.ContentType)
		}
		out = fmt.Appendf(out, "Content-Length: %d\r\n", len(r.Body))
	}
	out = append(out, "\r\n"...)
	return append(out, r.Body...)
}
