package httpapi

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// batchSearchBody answers POST /batch_search.
func (c *call) batchSearchBody() error {
	if err := c.decodeBatch(); err != nil {
		return err
	}
	if len(c.batch.Defaults.Collection) == 0 {
		return errs.Invalid("collection", "the name of a collection", "none")
	}
	cs, err := c.enter(c.batch.Defaults.Collection)
	if err != nil {
		return err
	}
	return c.runBatch(cs)
}

// batchSearchPath answers POST /collections/{collection}/search/batch.
func (c *call) batchSearchPath() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	if f, err := c.bodyFormat(); err == nil && f == codec.Octets {
		return c.searchOctets(cs)
	}
	if err := c.decodeBatch(); err != nil {
		return err
	}
	if err := sameCollection(cs, c.batch.Defaults.Collection); err != nil {
		return err
	}
	return c.runBatch(cs)
}

func (c *call) decodeBatch() error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	return c.batch.Decode(d, c.s.limits.BatchItems)
}

// runBatch answers the decoded batch, one result or error per query.
func (c *call) runBatch(cs *collState) error {
	items, err := c.doBatch(cs)
	if err != nil {
		return err
	}
	failed := 0
	for i := range items {
		if items[i].Err != nil {
			failed++
		}
	}
	e := c.begin()
	e.Object(5)
	e.Key("collection")
	e.Text(cs.name)
	e.Key("count")
	e.Int(int64(len(items)))
	e.Key("succeeded")
	e.Int(int64(len(items) - failed))
	e.Key("failed")
	e.Int(int64(failed))
	e.Key("results")
	e.Array(len(items))
	for i := range items {
		c.encodeBatchItem(e, i, &items[i])
	}
	e.EndArray()
	e.EndObject()
	return c.finish()
}

// doBatch runs the decoded batch and measures it.
func (c *call) doBatch(cs *collState) ([]engine.BatchItem, error) {
	queries := c.batch.Queries
	limit := 0
	for i := range queries {
		if err := c.s.checkReply(&queries[i], len(queries)); err != nil {
			return nil, err
		}
		c.limitTime(queries[i].TimeoutMillis)
		limit = max(limit, queries[i].Limit)
	}
	if cap(c.many) < len(queries) {
		c.many = make([]engine.SearchRequest, len(queries))
	}
	c.many = c.many[:len(queries)]
	for i := range queries {
		queries[i].Request(&c.many[i])
	}
	c.searches = len(queries)
	items := c.engine.SearchBatch(c.req, cs.name, c.many)
	c.measureBatch(cs, items, limit)
	return items, nil
}

func (c *call) measureBatch(cs *collState, items []engine.BatchItem, limit int) {
	took := time.Since(c.start)
	hits := make([]int, 0, len(items))
	for i := range items {
		if items[i].Err == nil {
			hits = append(hits, len(items[i].Result.Hits))
		}
	}
	cs.metrics.SearchedBatch(hits, len(items)-len(hits), took)
	c.s.slow.note(c, limit, took)
}

func (c *call) encodeBatchItem(e *codec.Encoder, i int, item *engine.BatchItem) {
	if item.Err != nil {
		e.Object(4)
		e.Key("index")
		e.Int(int64(i))
		e.Key("status")
		e.Text("error")
		encodeItemError(e, item.Err)
		e.EndObject()
		return
	}
	q := &c.batch.Queries[i]
	n := 8
	if item.Result.Explain != nil {
		n++
	}
	e.Object(n)
	e.Key("index")
	e.Int(int64(i))
	e.Key("status")
	e.Text("ok")
	c.encodeResults(e, q, item.Result.Hits)
	if item.Result.Explain != nil {
		e.Key("explain")
		encodeExplain(e, item.Result.Explain)
	}
	c.encodeTail(e, q, len(item.Result.Hits))
	e.EndObject()
}

// encodeItemError writes the members error and error_type of a failed item.
func encodeItemError(e *codec.Encoder, err error) {
	typed := asError(err)
	e.Key("error")
	e.Text(publicMessage(typed))
	e.Key("error_type")
	e.Text(string(typed.Kind))
}
