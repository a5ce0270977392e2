// Package netfault is a TCP proxy that can be told to misbehave. It stands between
// two nodes in tests; no program uses it.
package netfault

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy forwards connections to a target. Its switches may be turned at any time.
type Proxy struct {
	Refuse  atomic.Bool  // new connections are closed at once
	Stall   atomic.Bool  // bytes are swallowed: half-open
	Rate    atomic.Int64 // bytes per second and direction, 0 = unlimited
	ResetAt atomic.Int64 // reset every connection after so many more bytes from the target; 0 = never
	Carried atomic.Int64 // bytes from the target that were passed on, or swallowed
	Sent    atomic.Int64 // bytes to the target, the same

	ln     net.Listener
	target string
	wg     sync.WaitGroup
	done   chan struct{}

	mu    sync.Mutex // guards: conns
	conns map[net.Conn]bool
}

// New listens on a free port of the loopback interface.
func New(target string) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{ln: ln, target: target, conns: make(map[net.Conn]bool), done: make(chan struct{})}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where to connect.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Close ends everything and waits for it.
func (p *Proxy) Close() error {
	close(p.done)
	err := p.ln.Close()
	p.Cut()
	p.wg.Wait()
	return err
}

// Cut resets every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it is about to be closed in any case
		}
		_ = c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		if p.Refuse.Load() {
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
		p.wg.Go(func() { p.copy(out, in, &p.Sent, false) })
		p.wg.Go(func() { p.copy(in, out, &p.Carried, true) })
	}
}

// copy moves bytes one way.
func (p *Proxy) copy(to, from net.Conn, count *atomic.Int64, mayReset bool) {
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
		n, err := from.Read(buf[:p.portion(len(buf))])
		if err != nil {
			return
		}
		count.Add(int64(n))
		if p.Stall.Load() {
			continue
		}
		if at := p.ResetAt.Load(); mayReset && at > 0 && p.ResetAt.Add(-int64(n)) <= 0 {
			p.ResetAt.Store(0)
			p.Cut()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

// portion is how much may be read now; it waits for the rate.
func (p *Proxy) portion(most int) int {
	rate := p.Rate.Load()
	if rate <= 0 {
		return most
	}
	n := int(max(1, min(int64(most), rate/20)))
	select {
	case <-time.After(time.Duration(float64(n) / float64(rate) * float64(time.Second))):
	case <-p.done:
	}
	return n
}
