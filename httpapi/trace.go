package httpapi

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
)

// Tracer follows writes through the nodes of a replicated set.
type Tracer interface {
	// Begin starts the span of a write that came at a time with this traceparent
	// header, "" without one.
	Begin(traceparent, operation string, at time.Time) Span
}

// Span is the part of a trace that one write is.
type Span interface {
	// Context is what travels with the write's log entry; zero if nobody wants to see
	// the trace.
	Context() engine.TraceContext
	// End ends the span; err is what was answered, nil for success.
	End(err error)
}

// traced runs a write inside its span, if there is one.
func (c *call) traced(r *route) (err error) {
	t := c.s.opts.Tracer
	if t == nil {
		return c.runWrite(r)
	}
	span := t.Begin(string(c.ctx.Request.Header.Peek("traceparent")), r.ID, c.start)
	c.req.trace = span.Context()
	defer func() { span.End(err) }()
	return c.runWrite(r)
}
