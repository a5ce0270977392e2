package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// asErr is errors.As for a target of inferred type.
func asErr[T error](err error, target *T) bool { return errors.As(err, target) }

// newCall takes a call from the pool for a request.
func (s *Server) newCall(ctx *fasthttp.RequestCtx) *call {
	c := s.calls.Get().(*call)
	c.s, c.ctx, c.start = s, ctx, time.Now()
	c.lease = s.slot.Acquire()
	c.engine = c.lease.Engine
	c.req = &reqContext{base: s.base, deadline: c.start.Add(s.limits.RequestTimeout)}
	c.route = &s.unrouted
	c.identify()
	return c
}

// identify settles the request's ids and sends them back.
func (c *call) identify() {
	h := &c.ctx.Request.Header
	c.requestID, c.correlationID = h.Peek("X-Request-Id"), h.Peek("X-Correlation-Id")
	minted := false
	mint := func() []byte {
		if !minted {
			c.minted, minted = newUUID(), true
		}
		return c.minted[:]
	}
	if !goodID(c.correlationID) {
		c.correlationID = c.requestID
		if !goodID(c.requestID) {
			c.correlationID = mint()
		}
	}
	if !goodID(c.requestID) {
		c.requestID = mint()
	}
	out := &c.ctx.Response.Header
	out.SetBytesV("X-Request-Id", c.requestID)
	out.SetBytesV("X-Correlation-Id", c.correlationID)
}

// endCall accounts for the request, logs it, and returns the call to the pool.
func (s *Server) endCall(c *call) {
	if !s.bare {
		took := time.Since(c.start)
		s.observe(c, took)
		s.logCall(c, took)
	}
	c.reset()
	s.calls.Put(c)
}

// serve is the entry of every request.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	c := s.newCall(ctx)
	defer s.endCall(c)
	defer c.recoverPanic()
	s.securityHeaders(ctx)
	if s.cors(c) {
		return
	}
	if err := s.dispatch(c); err != nil {
		c.fail(err)
	}
}

// recoverPanic answers a panic with an internal error; the stack goes to the log.
func (c *call) recoverPanic() {
	if r := recover(); r != nil {
		c.stack = debug.Stack()
		c.fail(fmt.Errorf("panic: %v", r))
	}
}

// dispatch finds the request's route and runs it.
func (s *Server) dispatch(c *call) error {
	path := apiPath(c.ctx.Request.URI().PathOriginal())
	method := c.ctx.Method()
	if string(method) == fasthttp.MethodHead {
		method = []byte(fasthttp.MethodGet)
	}
	r := s.tree.match(method, path, &c.params)
	if r == nil {
		return s.noRoute(c, path)
	}
	c.route = r
	if r.untimed {
		c.req.deadline = time.Time{}
	}
	return c.run(r)
}

// apiPath drops the canonical prefix.
func apiPath(path []byte) []byte {
	rest, ok := bytes.CutPrefix(path, []byte("/api/v1"))
	if ok && (len(rest) == 0 || rest[0] == '/') {
		return rest
	}
	return path
}

// noRoute says whether it is the path or the method that is unknown.
func (s *Server) noRoute(c *call, path []byte) error {
	allowed := s.tree.methods(path)
	if len(allowed) == 0 {
		return errs.New(errs.NotFound, "No route %s %s", clip(c.ctx.Method()), clip(path)).
			With("path", clip(path))
	}
	c.ctx.Response.Header.Set("Allow", strings.Join(allowed, ", "))
	return errs.New(errs.MethodNotAllowed, "Method %s is not allowed here: use %s",
		clip(c.ctx.Method()), strings.Join(allowed, ", ")).With("allowed", allowed)
}

// fail answers with an error. What a handler had begun to reply is dropped.
func (c *call) fail(err error) {
	e := c.explain(asError(err))
	c.kind, c.err = e.Kind, err
	resp := &c.ctx.Response
	resp.ResetBody()
	format := c.s.opts.ErrorFormat
	if string(c.ctx.Request.Header.Peek("X-Error-Format")) == string(ErrorsLegacy) {
		format = ErrorsLegacy
	}
	if format == ErrorsLegacy {
		resp.Header.Set("Deprecation", legacyDeprecation)
		resp.Header.Set("Sunset", legacySunset)
	}
	status := statusOf(e.Kind)
	resp.SetStatusCode(status)
	resp.Header.SetContentType("application/json")
	if after, ok := retryAfter(e, status); ok {
		resp.Header.Set("Retry-After", strconv.Itoa(after))
	}
	resp.SwapBody(encodeError(e, format, string(c.requestID)))
	c.settleConnection()
}

// explain adds what helps a caller to an error.
func (c *call) explain(e *errs.Error) *errs.Error {
	if e.Kind != errs.CollectionNotFound {
		return e
	}
	infos := c.engine.Collections()
	names := make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Name
	}
	return withAvailable(e, names)
}

// retryAfter returns the seconds after which a refused request may succeed: every
// 429 and 503 says so.
func retryAfter(e *errs.Error, status int) (int, bool) {
	for _, key := range []string{"retry_after_seconds", "retry_after"} {
		if n, ok := e.Details[key].(int); ok {
			return max(n, 1), true
		}
	}
	return 1, status == fasthttp.StatusTooManyRequests ||
		(status == fasthttp.StatusServiceUnavailable && e.Kind != errs.Quarantined)
}

// settleConnection closes the connection behind a reply that was sent before the
// whole body was read, without cutting off a client that still sends.
func (c *call) settleConnection() {
	n := c.ctx.Request.Header.ContentLength()
	if n == 0 || !c.ctx.Request.IsBodyStream() {
		return
	}
	switch c.kind {
	case errs.PayloadTooLarge, errs.RateLimited, kindRequestTimeout:
		c.ctx.SetConnectionClose()
		if conn, ok := c.ctx.Conn().(*conn); ok {
			conn.linger.Store(true)
		}
	}
}
