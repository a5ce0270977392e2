package httpapi

import "github.com/vectorizer-go/vectorizer/httpapi/openapi"

// document describes the routes of the table in OpenAPI 3.1.
func (s *Server) document() ([]byte, error) {
	ops := make([]openapi.Operation, len(s.table))
	for i := range s.table {
		ops[i] = s.table[i].Operation
	}
	return openapi.Build(openapi.Info{
		Title: "Vectorizer", Version: s.opts.Version,
		Description: "Collections of vectors with JSON payloads: exact and approximate search, " +
			"filters, durable writes.",
	}, ops)
}

// openAPI answers GET /openapi.json.
func (c *call) openAPI() error {
	e := c.begin()
	e.Raw(c.s.openapi)
	return c.finish()
}
