package httpapi

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// insertBody answers POST /insert_vectors.
func (c *call) insertBody() error {
	if err := c.decodeItems("vectors"); err != nil {
		return err
	}
	if c.items.Collection == "" {
		return errs.Invalid("collection", "the name of a collection", "none")
	}
	cs, err := c.enter([]byte(c.items.Collection))
	if err != nil {
		return err
	}
	return c.insert(cs)
}

// insertPath answers POST and PUT /collections/{collection}/vectors.
func (c *call) insertPath() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	if err := c.decodeItems("vectors"); err != nil {
		return err
	}
	if err := sameCollection(cs, []byte(c.items.Collection)); err != nil {
		return err
	}
	return c.insert(cs)
}

func (c *call) decodeItems(list string) error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	return c.items.Decode(d, list, c.s.limits.BatchItems)
}

// insert writes the decoded vectors and reports on each.
func (c *call) insert(cs *collState) error {
	kind := engine.OpUpsert
	if c.items.InsertOnly {
		kind = engine.OpInsert
	}
	c.ops = c.ops[:0]
	for i := range c.items.List {
		it := &c.items.List[i]
		if !it.HasID {
			id := newUUID()
			it.ID = string(id[:])
		}
		c.ops = append(c.ops, engine.Op{Kind: kind, ID: it.ID, Vector: c.items.Vector(i),
			Payload: it.Payload, PayloadMode: engine.PayloadReplace})
	}
	res, err := c.write(cs)
	if err != nil {
		return err
	}
	c.sendInserted(cs, res.Items)
	return c.finish()
}

// write commits c.ops and measures it.
func (c *call) write(cs *collState) (engine.WriteResult, error) {
	if err := c.beginWrite(cs); err != nil {
		return engine.WriteResult{}, err
	}
	defer c.endWrite(cs)
	res, err := c.engine.Write(c.req, engine.Mutation{Collection: cs.name, Ops: c.ops})
	if res.Position.Offset > 0 {
		c.position = res.Position
	}
	written := 0
	for i := range res.Items {
		if res.Items[i].Err == nil {
			written++
		}
	}
	cs.metrics.Wrote(written, err != nil || written < len(c.ops), time.Since(c.start))
	return res, err
}

// sendInserted writes the report of a bulk insert.
func (c *call) sendInserted(cs *collState, items []engine.OpResult) {
	failed := countFailed(items)
	e := c.begin()
	e.Object(5)
	e.Key("collection")
	e.Text(cs.name)
	e.Key("inserted")
	e.Int(int64(len(items) - failed))
	e.Key("failed")
	e.Int(int64(failed))
	e.Key("count")
	e.Int(int64(len(items)))
	e.Key("results")
	e.Array(len(items))
	for i := range items {
		encodeInserted(e, i, &c.items.List[i], &items[i])
	}
	e.EndArray()
	e.EndObject()
}

func encodeInserted(e *codec.Encoder, i int, it *codec.Item, r *engine.OpResult) {
	n := 4
	if r.Err != nil {
		n = 4
	}
	if it.HasID {
		n++
	}
	e.Object(n)
	e.Key("index")
	e.Int(int64(i))
	if it.HasID {
		e.Key("client_id")
		e.Text(it.ID)
	}
	e.Key("status")
	if r.Err != nil {
		e.Text("error")
		encodeItemError(e, r.Err)
		e.EndObject()
		return
	}
	e.Text("ok")
	e.Key("vector_ids")
	e.Array(1)
	e.Text(it.ID)
	e.EndArray()
	e.Key("created")
	e.Bool(r.Created)
	e.EndObject()
}

func countFailed(items []engine.OpResult) int {
	n := 0
	for i := range items {
		if items[i].Err != nil {
			n++
		}
	}
	return n
}

// putVector answers PUT and POST /collections/{collection}/vectors/{id}: a vector
// that is there is changed in what the body names; one that is not is made, if
// the body has a vector.
func (c *call) putVector() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	id := c.param(1)
	d, err := c.decoder()
	if err != nil {
		return err
	}
	if err := c.items.DecodeOne(d, nil); err != nil {
		return err
	}
	it := &c.items.List[0]
	if it.HasID && it.ID != id {
		return errs.Invalid("id", "the id of the path or none", it.ID)
	}
	it.ID = id
	if err := c.change(cs, it, engine.PayloadReplace); err != nil {
		return err
	}
	return c.sendRecord(cs, id)
}

// change updates one vector, or makes it if the item has a vector.
func (c *call) change(cs *collState, it *codec.Item, mode engine.PayloadMode) error {
	if !it.HasVector && !it.HasPayload {
		return errs.Invalid("vector", "a vector, a payload, or both", "neither")
	}
	// Someone else may make or delete the vector between the two attempts, so
	// there is a second round; a third would need a third such writer.
	const rounds = 3
	for range rounds {
		err := c.writeOne(cs, c.updateOp(it, mode))
		if !it.HasVector || errs.KindOf(err) != errs.VectorNotFound {
			return err
		}
		err = c.writeOne(cs, engine.Op{Kind: engine.OpInsert, ID: it.ID,
			Vector: c.items.Vector(0), Payload: it.Payload})
		if errs.KindOf(err) != errs.VectorExists {
			return err
		}
	}
	return errs.New(errs.RateLimited, "Vector %s is made and deleted by others all the time", it.ID)
}

// updateOp is the op that changes what an item names.
func (c *call) updateOp(it *codec.Item, mode engine.PayloadMode) engine.Op {
	op := engine.Op{Kind: engine.OpUpdate, ID: it.ID}
	for i := range c.items.List {
		if &c.items.List[i] == it {
			op.Vector = c.items.Vector(i)
		}
	}
	if it.HasPayload {
		op.Payload, op.PayloadMode = it.Payload, mode
		if it.Mode != engine.PayloadKeep {
			op.PayloadMode = it.Mode
		}
		if it.Payload == nil {
			op.PayloadMode = engine.PayloadReplace // null clears, in either mode
		}
	}
	return op
}

// writeOne commits one op and returns its own error.
func (c *call) writeOne(cs *collState, op engine.Op) error {
	c.ops = append(c.ops[:0], op)
	res, err := c.write(cs)
	if err != nil {
		return err
	}
	return res.Items[0].Err
}

type messageReply struct {
	Message string `json:"message"`
	Success bool   `json:"success"`
}

// deleteVector answers DELETE /collections/{collection}/vectors/{id}.
func (c *call) deleteVector() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	return c.deleteOne(cs, c.param(1))
}

// deleteBody answers POST /delete.
func (c *call) deleteBody() error {
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
	return c.deleteOne(cs, n.ID)
}

func (c *call) deleteOne(cs *collState, id string) error {
	if err := c.writeOne(cs, engine.Op{Kind: engine.OpDelete, ID: id}); err != nil {
		return err
	}
	return c.json(messageReply{"Vector deleted", true})
}

// updateBody answers POST /update: {collection, id, metadata}; by default the
// payload is merged into the stored one.
func (c *call) updateBody() error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	name := ""
	err = c.items.DecodeOne(d, func(key []byte) (ok bool, err error) {
		if string(key) != "collection" {
			return false, nil
		}
		name, err = d.String()
		return true, err
	})
	if err != nil {
		return err
	}
	cs, err := c.enterNamed(&codec.Named{Collection: name})
	if err != nil {
		return err
	}
	it := &c.items.List[0]
	if !it.HasID {
		return errs.Invalid("id", "the id of a vector", "none")
	}
	if !it.HasVector && !it.HasPayload {
		return errs.Invalid("metadata", "a payload, a vector, or both", "neither")
	}
	if err := c.writeOne(cs, c.updateOp(it, engine.PayloadMerge)); err != nil {
		return err
	}
	return c.json(messageReply{"Vector updated", true})
}
