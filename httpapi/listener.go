package httpapi

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

const (
	// lingerTime is how long a connection that is closed before its request was
	// read takes in what the client still sends, so that the client gets to read
	// the reply before the network resets the connection.
	lingerTime = 500 * time.Millisecond
	// lingerBytes bounds what is taken in meanwhile.
	lingerBytes = 8 << 20
	// rejectTime is how long writing a refusal may take.
	rejectTime = 50 * time.Millisecond
)

// listener counts connections, over all and by address, and refuses those beyond
// the limits with a JSON reply.
type listener struct {
	net.Listener
	max, perIP int
	rejected   func(kind errs.Kind)
	format     ErrorFormat

	open   atomic.Int64
	closed sync.Once
	err    error // of closing

	mu   sync.Mutex // guards: byIP
	byIP map[netip.Addr]int
}

// conn is a counted connection.
type conn struct {
	net.Conn
	owner  *listener
	addr   netip.Addr
	linger atomic.Bool
	once   sync.Once
	err    error
}

func newListener(ln net.Listener, l *Limits, f ErrorFormat, rejected func(errs.Kind)) *listener {
	return &listener{Listener: ln, max: l.Concurrency, perIP: l.ConnsPerIP, format: f,
		rejected: rejected, byIP: make(map[netip.Addr]int)}
}

// Close implements net.Listener. It is idempotent.
func (l *listener) Close() error {
	l.closed.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := addrOf(c)
		if refusal := l.admit(addr); refusal != nil {
			l.refuse(c, refusal)
			continue
		}
		return &conn{Conn: c, owner: l, addr: addr}, nil
	}
}

// admit counts a connection, or says why it may not be.
func (l *listener) admit(addr netip.Addr) *errs.Error {
	if l.open.Add(1) > int64(l.max) {
		l.open.Add(-1)
		return errs.New(kindOverloaded, "Server has as many connections as it may (%d)", l.max).
			With("limit", l.max)
	}
	if l.perIP == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byIP[addr] >= l.perIP {
		l.open.Add(-1)
		return errs.New(errs.RateLimited, "Too many connections from one address (%d)", l.perIP).
			With("limit_type", "connections_per_address").With("limit", l.perIP)
	}
	l.byIP[addr]++
	return nil
}

func (l *listener) release(addr netip.Addr) {
	l.open.Add(-1)
	if l.perIP == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byIP[addr]--; l.byIP[addr] <= 0 {
		delete(l.byIP, addr)
	}
}

// refuse answers without reading a request, and closes.
func (l *listener) refuse(c net.Conn, e *errs.Error) {
	l.rejected(e.Kind)
	id := newUUID()
	body := encodeError(e, l.format, string(id[:]))
	_ = c.SetWriteDeadline(time.Now().Add(rejectTime))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\n"+
		"Retry-After: 1\r\nX-Request-ID: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		statusOf(e.Kind), id[:], len(body), body)
	_ = c.Close()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() {
		defer c.owner.release(c.addr)
		if c.linger.Load() {
			c.drain()
		}
		c.err = c.Conn.Close()
	})
	return c.err
}

// drain sends the end of our half and takes in a little of the client's.
func (c *conn) drain() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, lingerBytes))
	}
}

func addrOf(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
