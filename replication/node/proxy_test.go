package node

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy is a TCP proxy that can be told to misbehave. It stands between nodes of
// one test.
type proxy struct {
	ln     net.Listener
	target string

	mu    sync.Mutex // guards: conns
	conns map[net.Conn]bool

	refuse  atomic.Bool  // new connections are closed at once
	stall   atomic.Bool  // bytes are swallowed: half-open
	rate    atomic.Int64 // bytes per second, 0 = unlimited
	resetAt atomic.Int64 // cut every connection after so many more bytes; 0 = never
	carried atomic.Int64 // bytes from the target
	wg      sync.WaitGroup
	done    chan struct{}
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, target: target, conns: make(map[net.Conn]bool), done: make(chan struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		close(p.done)
		_ = ln.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.ln.Addr().String() }

// cut resets every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		if p.refuse.Load() {
			_ = in.Close()
			continue
		}
		out, err := net.DialTimeout("tcp", p.target, time.Second)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns[in], p.conns[out] = true, true
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(out, in, false) })
		p.wg.Go(func() { p.copy(in, out, true) })
	}
}

// copy moves bytes one way.
func (p *proxy) copy(to, from net.Conn, count bool) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = to.Close()
		_ = from.Close()
		delete(p.conns, to)
		delete(p.conns, from)
	}()
	buf := make([]byte, 16<<10)
	for {
		n := len(buf)
		if rate := p.rate.Load(); rate > 0 {
			n = int(max(1, min(int64(n), rate/20)))
			select {
			case <-time.After(time.Duration(float64(n) / float64(rate) * float64(time.Second))):
			case <-p.done:
				return
			}
		}
		n, err := from.Read(buf[:n])
		if err != nil {
			return
		}
		if p.stall.Load() {
			continue
		}
		if count {
			p.carried.Add(int64(n))
			if at := p.resetAt.Load(); at > 0 && p.resetAt.Add(-int64(n)) <= 0 {
				p.resetAt.Store(0)
				p.cut()
				return
			}
		}
		if _, err := to.Write(buf[:n]); err != nil && err != io.EOF {
			return
		}
	}
}
