package httpapi

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// replayConn is a connection on which one request arrives again and again, and
// whose replies are dropped. It makes no system calls, so what is measured is the
// server's own work; a real connection adds one read and one write.
type replayConn struct {
	request []byte
	left    int // requests
	at      int // bytes of the current one that were read
	written int
}

func (c *replayConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.request[c.at:])
	if c.at += n; c.at == len(c.request) {
		c.at = 0
		c.left--
	}
	return n, nil
}

func (c *replayConn) Write(p []byte) (int, error)      { c.written += len(p); return len(p), nil }
func (c *replayConn) Close() error                     { return nil }
func (c *replayConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *replayConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *replayConn) SetDeadline(time.Time) error      { return nil }
func (c *replayConn) SetReadDeadline(time.Time) error  { return nil }
func (c *replayConn) SetWriteDeadline(time.Time) error { return nil }

// httpRequest is the text of a request.
func httpRequest(method, path, kind string, body []byte) []byte {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"+
		"Content-Length: %d\r\n\r\n", method, path, kind, len(body))
	return append([]byte(head), body...)
}

// benchRows fills the collection "b" with n random rows of 256 components and
// returns a query.
func benchRows(e *env, n int) []float32 {
	e.t.Helper()
	e.collection("b", 256, "cosine")
	r := rand.New(rand.NewPCG(1, 1))
	row := func() []float32 {
		v := make([]float32, 256)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	ops := make([]engine.Op, n)
	for i := range ops {
		ops[i] = engine.Op{Kind: engine.OpUpsert, ID: strconv.Itoa(i), Vector: row()}
	}
	res, err := e.engine.Write(context.Background(), engine.Mutation{Collection: "b", Ops: ops})
	if err != nil || countFailed(res.Items) > 0 {
		e.t.Fatal(err)
	}
	return row()
}

// searchForms are the bodies of one search of 10 ids and scores.
func searchForms(q []float32) map[string][]byte {
	text := []byte(`{"vector":[`)
	for i, f := range q {
		if i > 0 {
			text = append(text, ',')
		}
		text = codec.AppendFloat32(text, f)
	}
	text = append(text, `],"limit":10,"with_payload":false}`...)
	octets := []byte("VZQ1\x01\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00\x00\x0a\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	return map[string][]byte{
		codec.JSON.ContentType():    text,
		codec.MsgPack.ContentType(): packSearch(q),
		codec.Octets.ContentType():  appendFloatBytes(octets, q),
	}
}

func packSearch(q []float32) []byte {
	var e codec.Encoder
	e.Reset(nil, codec.MsgPack)
	e.Object(3)
	e.Key("vector")
	e.Floats(q)
	e.Key("limit")
	e.Int(10)
	e.Key("with_payload")
	e.Bool(false)
	return e.Bytes()
}

// replay sends a request n times over one connection.
func replay(b testing.TB, e *env, request []byte, n int) {
	b.Helper()
	c := &replayConn{request: request, left: n}
	if err := e.server.http.ServeConn(c); err != nil || c.written == 0 {
		b.Fatal(err, c.written)
	}
}

func searchDirect(b testing.TB, e *env, q []float32, n int) {
	b.Helper()
	ctx := &reqContext{base: context.Background(), deadline: time.Now().Add(time.Hour)}
	defer ctx.end()
	for range n {
		r := engine.SearchRequest{Vector: q, K: 10}
		res, err := e.engine.Search(ctx, "b", &r)
		if err != nil || len(res.Hits) != 10 {
			b.Fatal(err, len(res.Hits))
		}
	}
}
