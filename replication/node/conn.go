package node

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/wire"
)

const (
	dialTimeout = 5 * time.Second // also of the handshake
	outboxSize  = 256             // messages; a peer that takes none of them is hung up
	streamBytes = 1 << 20         // of one Entries message, about
	maxAdmit    = 64              // peers that have not proved themselves yet
)

// conn is an authenticated connection.
type conn struct {
	id     replication.ConnID
	nc     net.Conn
	r      *wire.Reader
	outbox chan outgoing
	closed chan struct{}
	once   sync.Once
	node   string // id of the peer, once it said Hello; loop only

	mu sync.Mutex // guards: w, buf
	w  *wire.Writer
	bw *bufio.Writer

	meter *meter
}

// outgoing is a message, what to do once the messages before are sent, or neither:
// then the connection is closed.
type outgoing struct {
	m    replication.Message
	then func()
}

func (c *conn) close() {
	c.once.Do(func() {
		close(c.closed)
		_ = c.nc.Close() // nothing depends on how it ends
	})
}

// write sends one message within the time-out.
func (c *conn) write(m replication.Message, limit time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.nc.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	err := c.w.Write(m)
	if err == nil {
		err = c.bw.Flush()
	}
	return err
}

// connTable holds the open connections.
type connTable struct {
	mu   sync.Mutex // guards: all, last, done
	all  map[replication.ConnID]*conn
	last replication.ConnID
	done bool
}

func (t *connTable) add(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return false
	}
	t.last++
	c.id = t.last
	t.all[c.id] = c
	return true
}

func (t *connTable) get(id replication.ConnID) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[id]
}

func (t *connTable) remove(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, c.id)
}

// hangup closes a connection once what was sent before is on its way.
func (t *connTable) hangup(id replication.ConnID) {
	if c := t.get(id); c != nil {
		select {
		case c.outbox <- outgoing{}: // the writer closes it when it gets there
		default:
			c.close()
		}
	}
}

func (t *connTable) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = true
	for _, c := range t.all {
		c.close()
	}
}

// errTLS says that a peer speaks no TLS, or has no certificate that is valid here.
var errTLS = errors.New("replication peer is not authenticated by TLS")

// shake authenticates over nc. in says that the peer dialled.
func (n *Node) shake(nc net.Conn, in bool) (*conn, error) {
	if err := nc.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, err
	}
	if t, ok := nc.(*tls.Conn); ok {
		if err := t.HandshakeContext(n.ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errTLS, err)
		}
	}
	bw := bufio.NewWriterSize(nc, 64<<10)
	w, err := wire.NewWriter(flusher{bw}, false)
	if err != nil {
		return nil, err
	}
	r := wire.NewReader(bufio.NewReaderSize(nc, 256<<10))
	if in {
		err = wire.Admit(r, w, n.opts.Secret)
	} else {
		err = wire.Enter(r, w, n.opts.Secret)
	}
	if err != nil {
		return nil, err
	}
	c := &conn{nc: nc, r: r, bw: bw, outbox: make(chan outgoing, outboxSize),
		closed: make(chan struct{})}
	c.w, err = wire.NewWriter(bw, n.opts.Compress)
	return c, err
}

// flusher sends every frame at once.
type flusher struct{ *bufio.Writer }

func (f flusher) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.Flush()
	}
	return n, err
}

// open dials a peer and authenticates. The name is resolved anew each time.
func (n *Node) open(ctx context.Context, addr string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	socket, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	m := &meter{Conn: socket, total: &n.stats.traffic}
	var nc net.Conn = m
	if n.opts.TLSClient != nil {
		cfg := n.opts.TLSClient.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName, _, _ = net.SplitHostPort(addr)
		}
		nc = tls.Client(nc, cfg)
	}
	stop := context.AfterFunc(n.ctx, func() { _ = nc.Close() })
	defer stop()
	c, err := n.shake(nc, false)
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	c.meter = m
	return c, nil
}

// dial connects to the master.
func (n *Node) dial(addr string) {
	c, err := n.open(n.ctx, addr)
	if err != nil {
		n.log.Debug().Err(err).Str("master", addr).Msg("master cannot be reached")
		n.post(&replication.Closed{})
		return
	}
	if !n.conns.add(c) {
		c.close()
		return
	}
	n.post(&replication.Connected{Conn: c.id, Out: true})
	n.serve(c)
}

// accept admits peers until the listener is closed.
func (n *Node) accept(ln net.Listener) {
	slots := make(chan struct{}, maxAdmit)
	for {
		nc, err := ln.Accept()
		if err != nil {
			if n.ctx.Err() == nil {
				n.log.Error().Err(err).Msg("replication does not listen any more")
			}
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			n.stats.rejected("too_many")
			_ = nc.Close()
			continue
		}
		n.bg.Go(func() { n.admit(nc, func() { <-slots }) })
	}
}

// admit authenticates one peer and does what it asks for.
func (n *Node) admit(socket net.Conn, admitted func()) {
	m := &meter{Conn: socket, total: &n.stats.traffic}
	var nc net.Conn = m
	stop := context.AfterFunc(n.ctx, func() { _ = nc.Close() })
	defer stop()
	if n.opts.TLSServer != nil {
		nc = tls.Server(nc, n.opts.TLSServer)
	}
	c, err := n.shake(nc, true)
	var first replication.Message
	var request *wire.CopyRequest
	if err == nil {
		first, request, err = c.r.First()
	}
	admitted()
	if err != nil {
		n.stats.rejected(rejection(err))
		n.log.Debug().Err(err).Str("peer", nc.RemoteAddr().String()).Msg("replication peer refused")
		_ = nc.Close()
		return
	}
	c.meter = m
	if request != nil {
		defer c.close()
		if err := nc.SetDeadline(time.Time{}); err == nil {
			n.copies.serve(c, request)
		}
		return
	}
	if !n.conns.add(c) {
		c.close()
		return
	}
	n.post(&replication.Received{Conn: c.id, Msg: first})
	n.serve(c)
}

// rejection names the reason for the metrics.
func rejection(err error) string {
	for reason, target := range map[string]error{
		"tls": errTLS, "unauth": wire.ErrAuth, "bad_crc": wire.ErrChecksum, "too_big": wire.ErrTooBig,
		"bad_magic": wire.ErrMagic, "bad_version": wire.ErrVersion, "malformed": wire.ErrBody,
	} {
		if errors.Is(err, target) {
			return reason
		}
	}
	return "io"
}

// serve reads a connection until it ends. Its writer ends with it.
func (n *Node) serve(c *conn) {
	n.bg.Go(func() { n.writeOut(c) })
	err := n.readAll(c)
	c.close()
	c.r.Close()
	n.stats.gone(c)
	n.conns.remove(c)
	if errors.Is(err, wire.ErrChecksum) || errors.Is(err, wire.ErrTooBig) || errors.Is(err, wire.ErrBody) {
		n.stats.rejected(rejection(err))
	}
	n.post(&replication.Closed{Conn: c.id})
}

// readAll posts every message. Entries are copied out of the reader's buffer, and
// wait for room: a replica that applies slowly slows its master's stream down.
func (n *Node) readAll(c *conn) error {
	for {
		if err := c.nc.SetReadDeadline(time.Now().Add(n.opts.PeerTimeout + dialTimeout)); err != nil {
			return err
		}
		m, err := c.r.Read()
		if err != nil {
			return err
		}
		if e, ok := m.(*replication.Entries); ok {
			if !n.apply.reserve(len(e.Data)) {
				return net.ErrClosed
			}
			e.Data = append([]byte(nil), e.Data...)
		}
		n.post(&replication.Received{Conn: c.id, Msg: m})
	}
}

// writeOut sends what the protocol says.
func (n *Node) writeOut(c *conn) {
	for {
		select {
		case <-c.closed:
			return
		case o := <-c.outbox:
			if o.then != nil {
				o.then()
				continue
			}
			if o.m == nil || c.write(o.m, n.opts.PeerTimeout) != nil {
				c.close()
				return
			}
		}
	}
}

// send queues a message of the protocol.
func (n *Node) send(a *replication.Send) {
	c := n.conns.get(a.Conn)
	if c == nil {
		return
	}
	switch m := a.Msg.(type) {
	case *replication.Welcome:
		for _, b := range n.slot.Engine().Lineage() {
			m.Lineage = append(m.Lineage, replication.Branch(b))
		}
	case *replication.Ping:
		m.TimeUs = time.Now().UnixMicro()
	}
	n.queueOut(c, outgoing{m: a.Msg})
}

// queueOut queues what the writer of c does next.
func (n *Node) queueOut(c *conn, o outgoing) {
	select {
	case c.outbox <- o:
	default:
		n.log.Warn().Str("peer", c.nc.RemoteAddr().String()).Msg("a peer takes no messages: connection closed")
		c.close()
	}
}

// stream starts to feed a replica.
func (n *Node) stream(a *replication.Stream) {
	if c := n.conns.get(a.Conn); c != nil {
		feed, epoch := n.stats.feedOf(c), n.core.Epoch()
		pump := func() {
			if err := n.pump(c, a.From, epoch, feed); err != nil {
				n.log.Debug().Err(err).Msg("stream to a replica ended")
			}
			c.close()
		}
		// After the welcome, which the writer may not have sent yet.
		n.queueOut(c, outgoing{then: func() { n.bg.Go(pump) }})
	}
}

// pump sends the log from an offset on, for as long as the connection lives. A
// slow replica is held up here, by TCP: it costs no memory but this buffer.
func (n *Node) pump(c *conn, from, epoch uint64, feed *feedStats) error {
	ctx, cancel := context.WithCancel(n.ctx)
	defer cancel()
	n.bg.Go(func() {
		select {
		case <-c.closed:
			cancel()
		case <-ctx.Done():
		}
	})
	l := n.slot.Acquire()
	defer l.Release()
	var buf []byte
	for {
		if err := l.Engine.WaitLog(ctx, from-1); err != nil {
			return err
		}
		var span engine.LogSpan
		var err error
		if buf, span, err = l.Engine.AppendLog(buf[:0], from, streamBytes); err != nil {
			return err // trimmed: the replica comes back and gets a full copy
		}
		before := c.meter.sent.Load()
		err = c.write(&replication.Entries{Epoch: epoch, First: span.First, Last: span.Last,
			TimeUs: span.TimeUs, Data: buf}, n.opts.PeerTimeout)
		if err != nil {
			return err
		}
		feed.sent(span, c.meter.sent.Load()-before)
		from = span.Last + 1
		if cap(buf) > 4*streamBytes {
			buf = nil
		}
	}
}

// tell sends one message and waits for the answer.
func (n *Node) tell(a *replication.Tell) {
	told := &replication.Told{Peer: a.Addr}
	defer func() { n.post(told) }()
	c, err := n.open(n.ctx, a.Addr)
	if err != nil {
		return
	}
	defer c.close()
	stop := context.AfterFunc(n.ctx, c.close)
	defer stop()
	if c.nc.SetDeadline(time.Now().Add(dialTimeout)) != nil || c.write(a.Msg, dialTimeout) != nil {
		return
	}
	if m, err := c.r.Read(); err == nil {
		told.Reply = m
	}
}

func logPosition(p replication.Position) engine.LogPosition {
	return engine.LogPosition{Epoch: p.Epoch, Offset: p.Offset, Rolling: p.Rolling}
}
