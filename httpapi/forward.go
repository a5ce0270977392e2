package httpapi

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// forwardedHeader marks a request that a replica sent on, with the replica's id: a
// node that is no master either does not send it on again.
const forwardedHeader = "X-Vectorizer-Forwarded"

// newForwarder makes the client that replicas send writes on with.
func newForwarder(l *Limits) *fasthttp.Client {
	return &fasthttp.Client{
		Name: "vectorizer-replica", NoDefaultUserAgentHeader: true,
		ReadTimeout: l.RequestTimeout, WriteTimeout: l.WriteTimeout,
		MaxIdleConnDuration: 30 * time.Second, MaxResponseBodySize: int(min(l.ReplyBytes+l.BodyBytes, 1<<31-1)),
		DisableHeaderNamesNormalizing: false, DisablePathNormalizing: true,
	}
}

// forward sends the request to the master and its answer back. The body is
// streamed; the master has the last word on its size.
func (c *call) forward() error {
	st := c.s.opts.Replication.Status()
	if st.Master == nil || st.Master.API == "" || len(c.ctx.Request.Header.Peek(forwardedHeader)) > 0 {
		return errs.New(errs.NotMaster, "This node takes no writes and does not know who does").
			With("role", st.Role)
	}
	req, resp := fasthttp.AcquireRequest(), &c.ctx.Response
	defer fasthttp.ReleaseRequest(req)
	c.ctx.Request.Header.CopyTo(&req.Header)
	req.SetRequestURI(st.Master.API + string(c.ctx.Request.Header.RequestURI()))
	req.Header.Set(forwardedHeader, st.NodeID)
	req.Header.SetBytesV("X-Request-Id", c.requestID)
	if hasBody(&c.ctx.Request) {
		r, err := c.newBodyReader(max(c.s.limits.BodyBytes, c.s.limits.BulkBytes))
		if err != nil {
			return err
		}
		req.SetBodyStream(r, c.ctx.Request.Header.ContentLength())
	}
	own := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(own)
	if err := c.s.forwarder.DoDeadline(req, own, c.deadline()); err != nil {
		return errs.New(errs.Timeout,
			"Master at %s did not answer; the outcome of the write is unknown", st.Master.API).
			With("outcome", "unknown").With("master", st.Master.API).Wrap(err)
	}
	resp.SetStatusCode(own.StatusCode())
	for _, name := range []string{fasthttp.HeaderContentType, fasthttp.HeaderRetryAfter, positionHeader} {
		if v := own.Header.Peek(name); len(v) > 0 {
			resp.Header.SetBytesV(name, v)
		}
	}
	resp.SetBody(own.Body())
	return nil
}

// deadline is when the request must be answered.
func (c *call) deadline() time.Time {
	if at, ok := c.req.Deadline(); ok {
		return at
	}
	return time.Now().Add(c.s.limits.RequestTimeout)
}
