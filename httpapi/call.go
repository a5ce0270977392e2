package httpapi

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// call is one request on its way through the server. Calls are pooled: what a
// handler keeps beyond its return it must copy.
type call struct {
	request
	// Buffers that survive reuse follow.

	bodyBuf []byte
	dec     codec.Decoder
	enc     codec.Encoder
	search  codec.Search
	batch   codec.Batch
	items   codec.Items
	query   engine.SearchRequest
	many    []engine.SearchRequest
	ops     []engine.Op
}

// request is the part of a call that is new for each request.
type request struct {
	s      *Server
	lease  *engine.Lease
	engine *engine.Engine // that of lease: a full copy from a master does not close it under us
	ctx    *fasthttp.RequestCtx
	route  *route
	params params
	start  time.Time
	req    *reqContext

	requestID     []byte // aliases minted, or the request
	correlationID []byte
	minted        uuid

	collection *collState      // of the collection the request concerns, if it exists
	searches   int             // queries run
	position   engine.Position // of the last write
	concern    concern         // what the write waits for
	kind       errs.Kind       // of the error answered, "" for success
	err        error           // behind it
	stack      []byte          // of a panic
	held       int64           // bytes accounted in Server.held
}

// reset makes c ready for the pool: it keeps buffers of moderate size and no
// reference into a request.
func (c *call) reset() {
	c.req.end()
	c.lease.Release()
	if c.held > 0 {
		c.s.held.Add(-c.held)
	}
	c.request = request{}
	if cap(c.bodyBuf) > bodyKeep {
		*c = call{}
		return
	}
	c.dec.Reset(nil, codec.JSON)
	c.enc.Reset(nil, codec.JSON)
	c.search.Reset()
	c.items.Reset(0)
	c.query = engine.SearchRequest{}
	clear(c.ops[:cap(c.ops)])
	clear(c.many[:cap(c.many)])
}

// limitTime shortens the time the request may take.
func (c *call) limitTime(millis int) {
	if millis <= 0 {
		return
	}
	at := c.start.Add(time.Duration(millis) * time.Millisecond)
	if c.req.deadline.IsZero() || at.Before(c.req.deadline) {
		c.req.deadline = at
	}
}

// renewDeadline gives the request another RequestTimeout, for the next part of
// its work.
func (c *call) renewDeadline() {
	c.req.end()
	c.req = &reqContext{base: c.s.base, deadline: time.Now().Add(c.s.limits.RequestTimeout), trace: c.req.trace}
}

// param returns a path parameter as a string of its own.
func (c *call) param(i int) string { return string(c.params[i]) }

// bodyFormat returns the format of the request's body. A body without a type is
// taken as JSON.
func (c *call) bodyFormat() (codec.Format, error) {
	ct := c.ctx.Request.Header.ContentType()
	f, ok := mediaFormat(ct)
	switch {
	case len(ct) == 0:
		return codec.JSON, nil
	case !ok, f == codec.Octets && !c.route.octets():
		return 0, errs.New(errs.UnsupportedMedia,
			"Content-Type %q is not supported here: use %s", clip(ct), c.route.bodyTypes()).
			With("field", "Content-Type").With("given", clip(ct)).
			With("expected", c.route.bodyTypes())
	}
	return f, nil
}

// decoder reads the body and returns a decoder of it.
func (c *call) decoder() (*codec.Decoder, error) {
	f, err := c.bodyFormat()
	if err != nil && hasBody(&c.ctx.Request) {
		return nil, err
	}
	if f == codec.Octets {
		return nil, errs.New(errs.UnsupportedMedia, "Octets are not read here")
	}
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	c.dec.Reset(body, f)
	return &c.dec, nil
}

// replyFormat is the format of the reply: what Accept names first among those
// the server has, or else that of the body.
func (c *call) replyFormat() codec.Format {
	if f, ok := acceptFormat(c.ctx.Request.Header.Peek("Accept")); ok {
		return f
	}
	f, ok := mediaFormat(c.ctx.Request.Header.ContentType())
	if !ok || (f == codec.Octets && c.route.Reply.Octets == "") {
		return codec.JSON
	}
	return f
}

// begin returns the encoder of a successful reply, which appends to the
// response's own buffer; finish then sends it.
func (c *call) begin() *codec.Encoder {
	f := c.replyFormat()
	if f == codec.Octets {
		f = codec.JSON
	}
	buf := c.ctx.Response.SwapBody(nil)
	c.enc.Reset(buf[:0], f)
	c.ctx.Response.Header.SetContentType(f.ContentType())
	return &c.enc
}

// finish sends what was encoded.
func (c *call) finish() error {
	c.ctx.Response.SwapBody(c.enc.Bytes())
	return nil
}

// json sends v, a value of our own types, in the form the client accepts.
func (c *call) json(v any) error {
	e := c.begin()
	e.Raw(mustJSON(v))
	return c.finish()
}

// octets sends raw bytes made by fill, which appends.
func (c *call) octets(fill func([]byte) []byte) error {
	buf := c.ctx.Response.SwapBody(nil)
	c.ctx.Response.Header.SetContentType(codec.Octets.ContentType())
	c.ctx.Response.SwapBody(fill(buf[:0]))
	return nil
}

// queryInt reads an integer of the query string.
func (c *call) queryInt(name string, low, high, def int) (int, error) {
	v := c.ctx.QueryArgs().Peek(name)
	if len(v) == 0 {
		return def, nil
	}
	n, err := strconv.Atoi(string(v))
	if err != nil || n < low || n > high {
		return 0, errs.Invalid(name, "an integer from "+strconv.Itoa(low)+" to "+
			strconv.Itoa(high), clip(v))
	}
	return n, nil
}

// queryBool reads a boolean of the query string.
func (c *call) queryBool(name string, def bool) (bool, error) {
	v := c.ctx.QueryArgs().Peek(name)
	switch string(v) {
	case "":
		return def, nil
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errs.Invalid(name, "true or false", clip(v))
}

// clip shortens what a client sent for a message.
func clip(b []byte) string {
	if len(b) > 80 {
		return string(b[:77]) + "..."
	}
	return string(b)
}
