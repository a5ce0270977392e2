package httpapi

import (
	"slices"

	"github.com/valyala/fasthttp"
)

// securityHeaders go with every reply.
func (s *Server) securityHeaders(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("X-Xss-Protection", "1; mode=block")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Permissions-Policy", "geolocation=(), microphone=(), camera=(), payment=()")
}

// cors answers preflight requests, and marks replies for browsers of allowed
// origins. It reports whether the request is answered.
func (s *Server) cors(c *call) bool {
	if len(s.opts.CORSOrigins) == 0 {
		return false
	}
	origin := c.ctx.Request.Header.Peek("Origin")
	if len(origin) == 0 {
		return false
	}
	h := &c.ctx.Response.Header
	h.Add("Vary", "Origin")
	switch {
	case slices.Contains(s.opts.CORSOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.Contains(s.opts.CORSOrigins, string(origin)):
		h.SetBytesV("Access-Control-Allow-Origin", origin)
	default:
		return false
	}
	h.Set("Access-Control-Expose-Headers", "X-Request-ID, X-Correlation-ID, Retry-After")
	if !c.ctx.IsOptions() || len(c.ctx.Request.Header.Peek("Access-Control-Request-Method")) == 0 {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, PATCH, HEAD")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, X-API-Key, "+
		"X-Request-ID, X-Correlation-ID, X-Error-Format")
	h.Set("Access-Control-Max-Age", "600")
	return true
}
