package httpapi

import (
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// everything asks for all of a record.
var everything = engine.Fields{Vector: true, Payload: true}

// getVector answers GET /collections/{collection}/vectors/{id}.
func (c *call) getVector() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	return c.sendRecord(cs, c.param(1))
}

// getVectorBody answers POST /vector.
func (c *call) getVectorBody() error {
	var n codec.Named
	if err := c.named(&n, "collection", "id"); err != nil {
		return err
	}
	cs, err := c.enterNamed(&n)
	if err != nil {
		return err
	}
	if !n.Has["id"] {
		return errs.Invalid("id", "the id of a vector", "none")
	}
	return c.sendRecord(cs, n.ID)
}

// enterNamed enters the collection that a body names.
func (c *call) enterNamed(n *codec.Named) (*collState, error) {
	if n.Collection == "" {
		return nil, errs.Invalid("collection", "the name of a collection", "none")
	}
	return c.enter([]byte(n.Collection))
}

// sendRecord answers with a whole stored vector.
func (c *call) sendRecord(cs *collState, id string) error {
	r, err := c.engine.Get(c.req, cs.name, id, everything)
	if err != nil {
		return err
	}
	encodeRecord(c.begin(), &r, everything)
	return c.finish()
}

// encodeRecord writes a stored vector, with both names of its parts as in hits.
func encodeRecord(e *codec.Encoder, r *engine.Record, f engine.Fields) {
	n, names := 1, 2
	if e.Packed() {
		names = 1
	}
	if f.Vector {
		n += names
	}
	if f.Payload {
		n += names
	}
	e.Object(n)
	e.Key("id")
	e.Text(r.ID)
	if f.Vector {
		encodeVector(e, r.Vector)
	}
	if f.Payload {
		encodePayload(e, r.Payload)
	}
	e.EndObject()
}

// listVectors answers GET /collections/{collection}/vectors.
func (c *call) listVectors() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	limit, err := c.queryInt("limit", 1, engine.MaxLimit, codec.DefaultLimit)
	if err != nil {
		return err
	}
	offset, err := c.queryInt("offset", 0, engine.MaxOffset, 0)
	if err != nil {
		return err
	}
	f := engine.Fields{}
	if f.Vector, err = c.queryBool("with_vector", true); err != nil {
		return err
	}
	if f.Payload, err = c.queryBool("with_payload", true); err != nil {
		return err
	}
	page, err := c.page(cs, engine.ScrollRequest{Limit: limit, Offset: offset, Fields: f})
	if err != nil {
		return err
	}
	total, err := c.engine.Count(c.req, cs.name, nil)
	if err != nil {
		return err
	}
	e := c.begin()
	e.Object(5)
	encodeRecords(e, page.Records, f)
	e.Key("total")
	e.Int(int64(total))
	e.Key("limit")
	e.Int(int64(limit))
	e.Key("offset")
	e.Int(int64(offset))
	e.Key("message")
	e.Null()
	e.EndObject()
	return c.finish()
}

// page reads a page of records whose reply can be held.
func (c *call) page(cs *collState, r engine.ScrollRequest) (engine.ScrollResult, error) {
	if r.Fields.Vector {
		info, err := c.engine.Collection(cs.name)
		if err != nil {
			return engine.ScrollResult{}, err
		}
		bytes := int64(r.Limit) * int64(info.Dimension) * 4
		if bytes > c.s.limits.ReplyBytes {
			return engine.ScrollResult{}, errs.New(errs.Validation,
				"Invalid limit: %d vectors of %d components are more than %d bytes",
				r.Limit, info.Dimension, c.s.limits.ReplyBytes).
				With("field", "limit").With("limit_bytes", c.s.limits.ReplyBytes)
		}
	}
	return c.engine.Scroll(c.req, cs.name, r)
}

func encodeRecords(e *codec.Encoder, list []engine.Record, f engine.Fields) {
	e.Key("vectors")
	e.Array(len(list))
	for i := range list {
		encodeRecord(e, &list[i], f)
	}
	e.EndArray()
}

// scroll answers POST /collections/{collection}/vectors/scroll.
func (c *call) scroll() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	n := codec.Named{Limit: 100, WithPayload: true}
	if err := c.named(&n, "limit", "cursor", "offset", "filter", "with_vector",
		"with_payload"); err != nil {
		return err
	}
	f := engine.Fields{Vector: n.WithVector, Payload: n.WithPayload}
	page, err := c.page(cs, engine.ScrollRequest{Limit: n.Limit, Cursor: n.Cursor,
		Offset: n.Offset, Filter: n.Filter, Fields: f})
	if err != nil {
		return err
	}
	e := c.begin()
	e.Object(4)
	e.Key("collection")
	e.Text(cs.name)
	encodeRecords(e, page.Records, f)
	e.Key("count")
	e.Int(int64(len(page.Records)))
	e.Key("next_cursor")
	if page.Next == "" {
		e.Null()
	} else {
		e.Text(page.Next)
	}
	e.EndObject()
	return c.finish()
}

type countReply struct {
	Collection string `json:"collection"`
	Count      int    `json:"count"`
}

// count answers GET and POST /collections/{collection}/count.
func (c *call) count() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	var n codec.Named
	if c.ctx.IsPost() {
		if err := c.named(&n, "filter", "exact"); err != nil {
			return err
		}
	}
	total, err := c.engine.Count(c.req, cs.name, n.Filter)
	if err != nil {
		return err
	}
	return c.json(countReply{cs.name, total})
}
