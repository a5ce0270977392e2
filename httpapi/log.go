package httpapi

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// logCall writes the line of a request. Values from clients go in as JSON
// strings, so none can forge a line.
func (s *Server) logCall(c *call, took time.Duration) {
	status := c.ctx.Response.StatusCode()
	level := s.accessLevel(status)
	if s.log.GetLevel() > level || zerolog.GlobalLevel() > level {
		return
	}
	e := s.log.WithLevel(level)
	if e == nil {
		return
	}
	e.Bytes("request_id", c.requestID)
	if string(c.correlationID) != string(c.requestID) {
		e.Bytes("correlation_id", c.correlationID)
	} else {
		e.Bytes("correlation_id", c.requestID)
	}
	e.Bytes("method", c.ctx.Method()).Str("route", c.route.Path).Int("status", status).
		Int("request_bytes", max(c.ctx.Request.Header.ContentLength(), 0)).
		Int("reply_bytes", len(c.ctx.Response.Body())).
		Dur("took_ms", took).Stringer("client", c.ctx.RemoteAddr())
	if c.collection != nil {
		e.Str("collection", c.collection.name)
	}
	if c.err != nil {
		e.Str("error_type", string(c.kind)).AnErr("error", c.err)
	}
	if c.stack != nil {
		e.Bytes("stack", c.stack)
	}
	e.Msg("request")
}

// accessLevel is the level of a request's line.
func (s *Server) accessLevel(status int) zerolog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return zerolog.ErrorLevel
	case status >= http.StatusBadRequest:
		return zerolog.WarnLevel
	case s.opts.AccessLog:
		return zerolog.InfoLevel
	}
	return zerolog.DebugLevel
}
