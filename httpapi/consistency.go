package httpapi

import (
	"context"
	"strconv"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
	"github.com/vectorizer-go/vectorizer/replication"
)

// routeKind says how a route takes part in replication.
type routeKind uint8

const (
	other  routeKind = iota
	reads            // of collections: may ask for min_offset
	writes           // of collections: replicated, may ask for write_concern
)

// positionHeader carries the position of a write: "epoch:offset". A read with
// min_offset of at least the offset, at any node, sees the write.
const positionHeader = "X-Vectorizer-Position"

// notWrites are the operations that change nothing, although their methods do
// not say so.
var notWrites = map[string]bool{
	"search": true, "searchCollection": true, "batchSearch": true, "searchCollectionBatch": true,
	"explainSearch": true, "countMatchingVectors": true, "getVectorByBody": true, "scrollVectors": true,
	"saveCollection": true,
}

// classify settles the route's kind, and describes the parameters it brings.
func (r *route) classify() {
	zero := 0
	switch {
	case r.Tag != "collections" && r.Tag != "vectors" && r.Tag != "search":
	case r.Method == "GET" || notWrites[r.ID]:
		r.kind = reads
		r.Query = append(r.Query, openapi.Param{Name: "min_offset", Type: "integer", Minimum: &zero,
			Help: "wait until this node shows the write with this offset, or answer 504"})
	default:
		r.kind = writes
		r.Query = append(r.Query, openapi.Param{Name: "write_concern", Type: "string",
			Help: "replicas that must have the write on disk before the answer: a number, or all"},
			openapi.Param{Name: "write_timeout_ms", Type: "integer", Minimum: &zero,
				Help: "time that they have; then the answer is 504 with outcome unknown"})
		r.Errors = append(r.Errors, 421, 504)
	}
}

// run runs the handler of a route, with what it asks of other nodes.
func (c *call) run(r *route) error {
	switch r.kind {
	case reads:
		if err := c.awaitOffset(); err != nil {
			return err
		}
		return r.handler(c)
	case writes:
		return c.runWrite(r)
	}
	return r.handler(c)
}

// runWrite runs a write and waits for the replicas that it names.
func (c *call) runWrite(r *route) error {
	if c.s.opts.ForwardWrites && !c.engine.Writable() {
		return c.forward()
	}
	replicas, err := c.concern()
	if err != nil {
		return err
	}
	if err := r.handler(c); err != nil {
		return err
	}
	if c.position.Offset == 0 {
		c.position = c.engine.Position()
	}
	c.ctx.Response.Header.Set(positionHeader, strconv.FormatUint(c.position.Epoch, 10)+":"+
		strconv.FormatUint(c.position.Offset, 10))
	if replicas == 0 {
		return nil
	}
	limit, err := c.queryInt("write_timeout_ms", 1, 3_600_000, 0)
	if err != nil {
		return err
	}
	at := c.deadline()
	if limit > 0 {
		at = time.Now().Add(time.Duration(limit) * time.Millisecond)
	}
	ctx, cancel := context.WithDeadline(c.s.base, at)
	defer cancel()
	return c.s.opts.Replication.Confirm(ctx, c.position.Offset, replicas)
}

// concern reads how many replicas a write is to wait for.
func (c *call) concern() (int, error) {
	text := c.ctx.QueryArgs().Peek("write_concern")
	if len(text) == 0 {
		text = c.ctx.Request.Header.Peek("X-Write-Concern")
	}
	var n int
	switch string(text) {
	case "", "0":
		return 0, nil
	case "all":
		n = replication.ConcernAll
	default:
		var err error
		if n, err = strconv.Atoi(string(text)); err != nil || n < 1 || n > 1000 {
			return 0, errs.Invalid("write_concern", "all, or a number of replicas from 0 to 1000", clip(text))
		}
	}
	if _, err := c.queryInt("write_timeout_ms", 1, 3_600_000, 0); err != nil {
		return 0, err
	}
	if c.s.opts.Replication == nil || !c.s.opts.Replication.Status().Enabled {
		return 0, errNotReplicated()
	}
	return n, nil
}

// awaitOffset waits until this node shows what the read asks for.
func (c *call) awaitOffset() error {
	text := c.ctx.QueryArgs().Peek("min_offset")
	if len(text) == 0 {
		text = c.ctx.Request.Header.Peek("X-Min-Offset")
	}
	if len(text) == 0 {
		return nil
	}
	offset, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return errs.Invalid("min_offset", "the offset of a write", clip(text))
	}
	if err := c.engine.WaitApplied(c.req, offset); err != nil {
		return errs.New(errs.Timeout, "This node does not have the write at offset %d yet; it is at %d",
			offset, c.engine.Position().Offset).With("min_offset", offset).
			With("offset", c.engine.Position().Offset)
	}
	return nil
}

func errNotReplicated() error {
	return errs.New(errs.BadRequest, "Replication not enabled").With("role", "standalone")
}
