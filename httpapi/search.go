package httpapi

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
	"github.com/vectorizer-go/vectorizer/httpapi/metrics"
)

// searchBody answers POST /search, which names the collection in the body.
func (c *call) searchBody() error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	if err := c.search.Decode(d); err != nil {
		return err
	}
	if len(c.search.Collection) == 0 {
		return errs.Invalid("collection", "the name of a collection", "none")
	}
	cs, err := c.enter(c.search.Collection)
	if err != nil {
		return err
	}
	return c.runSearch(cs)
}

// searchPath answers POST /collections/{collection}/search.
func (c *call) searchPath() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	if f, err := c.bodyFormat(); err == nil && f == codec.Octets {
		return c.searchOctets(cs)
	}
	d, err := c.decoder()
	if err != nil {
		return err
	}
	if err := c.search.Decode(d); err != nil {
		return err
	}
	if err := sameCollection(cs, c.search.Collection); err != nil {
		return err
	}
	return c.runSearch(cs)
}

// sameCollection refuses a body that names another collection than the path.
func sameCollection(cs *collState, name []byte) error {
	if len(name) > 0 && string(name) != cs.name {
		return errs.Invalid("collection", "the collection of the path or none", clip(name))
	}
	return nil
}

// runSearch answers the decoded search.
func (c *call) runSearch(cs *collState) error {
	res, err := c.doSearch(cs)
	if err != nil {
		return err
	}
	e := c.begin()
	n := 6
	if res.Explain != nil {
		n++
	}
	e.Object(n)
	c.encodeResults(e, &c.search, res.Hits)
	if res.Explain != nil {
		e.Key("explain")
		encodeExplain(e, res.Explain)
	}
	c.encodeTail(e, &c.search, len(res.Hits))
	e.EndObject()
	return c.finish()
}

// doSearch runs the decoded search and measures it.
func (c *call) doSearch(cs *collState) (engine.SearchResult, error) {
	if err := c.s.checkReply(&c.search, 1); err != nil {
		return engine.SearchResult{}, err
	}
	c.limitTime(c.search.TimeoutMillis)
	c.search.Request(&c.query)
	c.searches = 1
	res, err := c.engine.Search(c.req, cs.name, &c.query)
	if !c.s.bare {
		c.measureSearch(cs, len(res.Hits), err)
	}
	return res, err
}

func (c *call) measureSearch(cs *collState, hits int, err error) {
	kind := metrics.SearchVector
	if c.search.Exact {
		kind = metrics.SearchExact
	}
	took := time.Since(c.start)
	cs.metrics.Searched(kind, hits, err != nil, took)
	c.s.slow.note(c, c.search.Limit, took)
}

// checkReply refuses a search whose reply could not be held: vectors of limit
// hits of each of n queries.
func (s *Server) checkReply(q *codec.Search, n int) error {
	if !q.WithVector {
		return nil
	}
	bytes := int64(n) * int64(q.Limit) * int64(len(q.Vector)) * 4
	if bytes <= s.limits.ReplyBytes {
		return nil
	}
	return errs.New(errs.Validation,
		"Invalid limit: %d hits with vectors of %d components are more than %d bytes",
		q.Limit, len(q.Vector), s.limits.ReplyBytes).
		With("field", "limit").With("limit_bytes", s.limits.ReplyBytes).With("given_bytes", bytes)
}

// encodeResults writes the member "results".
func (c *call) encodeResults(e *codec.Encoder, q *codec.Search, hits []engine.Hit) {
	e.Key("results")
	e.Array(len(hits))
	for i := range hits {
		c.encodeHit(e, q, &hits[i])
	}
	e.EndArray()
}

// encodeTail writes the five members of a search's reply behind its results.
func (c *call) encodeTail(e *codec.Encoder, q *codec.Search, n int) {
	e.Key("query_type")
	e.Text("vector")
	e.Key("limit")
	e.Int(int64(q.Limit))
	e.Key("collection")
	e.Text(c.collection.name)
	e.Key("total")
	e.Int(int64(n))
	e.Key("total_results")
	e.Int(int64(n))
}

// encodeHit writes one hit. Published clients read the vector as vector or data
// and the payload as payload or metadata; MessagePack replies, which none of them
// asks for, have each once.
func (c *call) encodeHit(e *codec.Encoder, q *codec.Search, h *engine.Hit) {
	n := 3
	names := 2
	if e.Packed() {
		names = 1
	}
	if q.WithVector {
		n += names
	}
	if q.WithPayload {
		n += names
	}
	e.Object(n)
	e.Key("id")
	e.Text(h.ID)
	e.Key("score")
	e.Float32(h.Score)
	e.Key("distance")
	e.Float32(h.Distance)
	if q.WithVector {
		encodeVector(e, h.Vector)
	}
	if q.WithPayload {
		payload := []byte(h.Payload)
		if q.PayloadFields != nil {
			payload = codec.Select(payload, q.PayloadFields)
		}
		encodePayload(e, payload)
	}
	e.EndObject()
}

func encodeVector(e *codec.Encoder, v []float32) {
	e.Key("vector")
	e.Floats(v)
	if !e.Packed() {
		e.Key("data")
		e.Floats(v)
	}
}

func encodePayload(e *codec.Encoder, payload []byte) {
	e.Key("payload")
	e.Raw(payload)
	if !e.Packed() {
		e.Key("metadata")
		e.Raw(payload)
	}
}

// encodeExplain writes how a search was answered.
func encodeExplain(e *codec.Encoder, x *engine.Explain) {
	fields := 13
	if x.Choice != "" {
		fields++
	}
	e.Object(fields)
	e.Key("plan")
	e.Text(x.Plan)
	e.Key("reason")
	e.Text(x.Reason)
	e.Key("backend")
	e.Text(x.Backend)
	if x.Choice != "" {
		e.Key("backend_choice")
		e.Text(x.Choice)
	}
	for _, n := range []struct {
		key string
		v   int
	}{
		{"ef", x.Ef}, {"visited", x.Visited}, {"distances", x.Distances},
		{"pending", x.Pending}, {"matching", x.Matching}, {"filter_evals", x.FilterEvals},
	} {
		e.Key(n.key)
		e.Int(int64(n.v))
	}
	e.Key("quantization")
	e.Text(codeName(x.CodeBits))
	e.Key("rescored")
	e.Int(int64(x.Rescored))
	e.Key("exhaustive")
	e.Bool(x.Exhaustive)
	e.Key("stages")
	e.Array(len(x.Stages))
	for _, s := range x.Stages {
		e.Object(2)
		e.Key("name")
		e.Text(s.Name)
		e.Key("took_us")
		e.Float64(float64(s.Took.Nanoseconds()) / 1000)
		e.EndObject()
	}
	e.EndArray()
	e.EndObject()
}

// explainSearch answers POST /collections/{collection}/explain.
func (c *call) explainSearch() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	d, err := c.decoder()
	if err != nil {
		return err
	}
	if err := c.search.Decode(d); err != nil {
		return err
	}
	if err := sameCollection(cs, c.search.Collection); err != nil {
		return err
	}
	c.search.Explain = true
	began := time.Now()
	res, err := c.doSearch(cs)
	if err != nil {
		return err
	}
	took := time.Since(began)
	e := c.begin()
	e.Object(5)
	e.Key("collection")
	e.Text(cs.name)
	e.Key("k")
	e.Int(int64(c.search.Limit))
	c.encodeResults(e, &c.search, res.Hits)
	e.Key("explain")
	encodeExplain(e, res.Explain)
	e.Key("trace")
	encodeTrace(e, res.Explain, took)
	e.EndObject()
	return c.finish()
}

// encodeTrace writes the form of an explanation that published clients know.
func encodeTrace(e *codec.Encoder, x *engine.Explain, took time.Duration) {
	search := time.Duration(0) // without the filter, and without reading records
	for _, s := range x.Stages {
		switch s.Name {
		case "graph", "scan", "verify":
			search += s.Took
		}
	}
	e.Object(5)
	e.Key("visited_nodes")
	e.Int(int64(x.Visited))
	e.Key("ef_search")
	e.Int(int64(x.Ef))
	e.Key("hnsw_search_ms")
	e.Float64(search.Seconds() * 1000)
	e.Key("payload_filter_evals")
	e.Int(int64(x.FilterEvals))
	e.Key("total_ms")
	e.Float64(took.Seconds() * 1000)
	e.EndObject()
}
