package httpapi

import (
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// batchUpdate answers POST /batch_update.
func (c *call) batchUpdate() error {
	if err := c.decodeItems("updates"); err != nil {
		return err
	}
	cs, err := c.enterNamed(&codec.Named{Collection: c.items.Collection})
	if err != nil {
		return err
	}
	c.ops = c.ops[:0]
	for i := range c.items.List {
		c.ops = append(c.ops, c.updateOp(&c.items.List[i], engine.PayloadReplace))
	}
	res, err := c.write(cs)
	if err != nil {
		return err
	}
	return c.sendItems(cs, "updated", res.Items)
}

// batchDelete answers POST /batch_delete.
func (c *call) batchDelete() error {
	var n codec.Named
	if err := c.named(&n, "collection", "ids"); err != nil {
		return err
	}
	cs, err := c.enterNamed(&n)
	if err != nil {
		return err
	}
	if len(n.IDs) == 0 {
		return errs.Invalid("ids", "at least one id", "none")
	}
	c.ops = c.ops[:0]
	for _, id := range n.IDs {
		c.ops = append(c.ops, engine.Op{Kind: engine.OpDelete, ID: id})
	}
	res, err := c.write(cs)
	if err != nil {
		return err
	}
	return c.sendItems(cs, "deleted", res.Items)
}

// sendItems reports on each of c.ops; done names the number that succeeded.
func (c *call) sendItems(cs *collState, done string, items []engine.OpResult) error {
	failed := countFailed(items)
	e := c.begin()
	e.Object(5)
	e.Key("collection")
	e.Text(cs.name)
	e.Key("count")
	e.Int(int64(len(items)))
	e.Key(done)
	e.Int(int64(len(items) - failed))
	e.Key("failed")
	e.Int(int64(failed))
	e.Key("results")
	e.Array(len(items))
	for i := range items {
		n := 3
		if items[i].Err != nil {
			n = 5
		}
		e.Object(n)
		e.Key("index")
		e.Int(int64(i))
		e.Key("id")
		e.Text(c.ops[i].ID)
		e.Key("status")
		if items[i].Err != nil {
			e.Text("error")
			encodeItemError(e, items[i].Err)
		} else {
			e.Text("ok")
		}
		e.EndObject()
	}
	e.EndArray()
	e.EndObject()
	return c.finish()
}

type transferItem struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	Error     string    `json:"error,omitempty"`
	ErrorType errs.Kind `json:"error_type,omitempty"`
}

type transferReply struct {
	Src       string         `json:"src"`
	Dst       string         `json:"dst"`
	Requested int            `json:"requested"`
	Moved     *int           `json:"moved,omitempty"`
	Copied    *int           `json:"copied,omitempty"`
	Failed    int            `json:"failed"`
	Results   []transferItem `json:"results"`
}

// move answers POST /collections/{collection}/vectors/move.
func (c *call) move() error { return c.transfer(true) }

// copy answers POST /collections/{collection}/vectors/copy.
func (c *call) copy() error { return c.transfer(false) }

func (c *call) transfer(move bool) error {
	src, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	var n codec.Named
	if err := c.named(&n, "destination", "ids"); err != nil {
		return err
	}
	if n.Destination == "" {
		return errs.Invalid("destination", "the name of a collection", "none")
	}
	if len(n.IDs) == 0 {
		return errs.Invalid("ids", "at least one id", "none")
	}
	if err := c.beginWrite(src); err != nil {
		return err
	}
	defer c.endWrite(src)
	run := c.engine.Copy
	if move {
		run = c.engine.Move
	}
	items, err := run(c.req, src.name, n.Destination, n.IDs)
	if err != nil {
		return err
	}
	reply := transferReply{Src: src.name, Dst: n.Destination, Requested: len(n.IDs),
		Results: make([]transferItem, 0, len(items))}
	done := 0
	for _, it := range items {
		out := transferItem{ID: it.ID, Status: it.Status}
		if it.Err != nil {
			typed := asError(it.Err)
			out.Error, out.ErrorType = publicMessage(typed), typed.Kind
		}
		if it.Status == "ok" {
			done++
		}
		reply.Results = append(reply.Results, out)
	}
	reply.Failed = len(items) - done
	if move {
		reply.Moved = &done
	} else {
		reply.Copied = &done
	}
	return c.json(reply)
}

type filterOpReply struct {
	Scanned int            `json:"scanned"`
	Matched int            `json:"matched"`
	Deleted *int           `json:"deleted,omitempty"`
	Updated *int           `json:"updated,omitempty"`
	Results []transferItem `json:"results"`
}

// deleteByFilter answers POST /collections/{collection}/vectors/delete_by_filter.
func (c *call) deleteByFilter() error {
	return c.byFilter("deleted", func(cs *collState, n *codec.Named) (engine.FilterOpResult, error) {
		return c.engine.DeleteByFilter(c.req, cs.name, n.Filter)
	}, "filter")
}

// updateByFilter answers POST /collections/{collection}/vectors/bulk_update_metadata.
func (c *call) updateByFilter() error {
	return c.byFilter("updated", func(cs *collState, n *codec.Named) (engine.FilterOpResult, error) {
		if n.Patch == nil {
			return engine.FilterOpResult{}, errs.Invalid("patch", "an object (JSON merge patch)",
				"none")
		}
		return c.engine.UpdateByFilter(c.req, cs.name, n.Filter, n.Patch)
	}, "filter", "patch")
}

// byFilter runs an operation on all vectors that match a filter, which must say
// something: an empty one would match everything.
func (c *call) byFilter(done string,
	run func(*collState, *codec.Named) (engine.FilterOpResult, error), known ...string) error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	var n codec.Named
	if err := c.named(&n, known...); err != nil {
		return err
	}
	if n.Filter == nil {
		return errs.Invalid("filter", "a filter that is not empty", "none")
	}
	if err := c.beginWrite(cs); err != nil {
		return err
	}
	defer c.endWrite(cs)
	res, err := run(cs, &n)
	if err != nil {
		return err
	}
	return c.json(filterReply(done, &res))
}

func filterReply(done string, res *engine.FilterOpResult) filterOpReply {
	reply := filterOpReply{Scanned: res.Scanned, Matched: res.Matched,
		Results: make([]transferItem, 0, len(res.Items))}
	count := 0
	for _, it := range res.Items {
		out := transferItem{ID: it.ID, Status: done}
		if it.Err != nil {
			typed := asError(it.Err)
			out = transferItem{it.ID, "error", publicMessage(typed), typed.Kind}
		} else {
			count++
		}
		reply.Results = append(reply.Results, out)
	}
	if done == "deleted" {
		reply.Deleted = &count
	} else {
		reply.Updated = &count
	}
	return reply
}
