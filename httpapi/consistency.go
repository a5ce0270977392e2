package httpapi

import (
	"context"
	"strconv"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
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
			Help: "replicas that must have the write on disk before the answer, a number or all; without it, " +
				"what the collection says"},
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
		return c.traced(r)
	}
	return r.handler(c)
}

// runWrite runs a write and waits for the replicas that it, or its collection,
// names.
func (c *call) runWrite(r *route) error {
	if c.s.opts.ForwardWrites && !c.engine.Writable() {
		return c.forward()
	}
	if err := c.readConcern(); err != nil {
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
	if c.concern.replicas == 0 {
		return nil
	}
	at := c.deadline()
	if limit := c.concern.timeout; limit > 0 {
		at = time.Now().Add(limit)
	}
	ctx, cancel := context.WithDeadline(c.s.base, at)
	defer cancel()
	replicas := int(c.concern.replicas)
	if c.concern.replicas == engine.ConcernAll {
		replicas = replication.ConcernAll
	}
	return c.s.opts.Replication.Confirm(ctx, c.position.Offset, replicas)
}

// concern is what a write waits for.
type concern struct {
	replicas engine.WriteConcern
	said     bool // by the request: what its collection says does not count
	timeout  time.Duration
}

// readConcern reads what the request says.
func (c *call) readConcern() error {
	millis, err := c.queryInt("write_timeout_ms", 1, 3_600_000, 0)
	if err != nil {
		return err
	}
	c.concern.timeout = time.Duration(millis) * time.Millisecond
	text := c.ctx.QueryArgs().Peek("write_concern")
	if len(text) == 0 {
		text = c.ctx.Request.Header.Peek("X-Write-Concern")
	}
	if len(text) == 0 {
		return nil
	}
	w, ok := codec.ParseConcern(text)
	if !ok {
		return errs.Invalid("write_concern", "all, or a number of replicas from 0 to 1000", clip(text))
	}
	err = c.require(w)
	c.concern.said = true
	return err
}

// require makes the write wait for w, unless the request said what for: the
// strongest of what is required counts. It is called before anything is written,
// so that a write that cannot be confirmed is not made.
func (c *call) require(w engine.WriteConcern) error {
	if w == 0 || c.concern.said {
		return nil
	}
	if w == engine.ConcernAll || c.concern.replicas != engine.ConcernAll && w > c.concern.replicas {
		c.concern.replicas = w
	}
	if c.s.opts.Replication != nil && c.s.opts.Replication.Status().Enabled {
		return nil
	}
	err := errNotReplicated()
	if c.collection != nil {
		err = errs.New(errs.BadRequest, "Replication not enabled, and collection %s waits for replicas on every "+
			"write: send write_concern=0 to write all the same", c.collection.name).With("role", "standalone")
	}
	return err.With("write_concern", concernWord(w))
}

// concernWord is the form of a concern in answers.
func concernWord(w engine.WriteConcern) any {
	if w == engine.ConcernAll {
		return "all"
	}
	return int(w)
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
	if err := c.waitApplied(offset); err != nil {
		return errs.New(errs.Timeout, "This node does not have the write at offset %d yet; it is at %d",
			offset, c.engine.Position().Offset).With("min_offset", offset).
			With("offset", c.engine.Position().Offset)
	}
	return nil
}

// waitApplied waits until reads show offset. When a full copy takes the engine's
// place meanwhile, it goes on with the one that has the copy.
func (c *call) waitApplied(offset uint64) error {
	for c.engine.Position().Offset < offset {
		ctx, cancel := context.WithCancel(c.req)
		done := make(chan struct{})
		go func() {
			defer close(done)
			select {
			case <-c.lease.Replaced():
				cancel()
			case <-ctx.Done():
			}
		}()
		err := c.engine.WaitLog(ctx, offset-1)
		cancel()
		<-done
		select {
		case <-c.lease.Replaced():
			c.lease.Release()
			c.lease = c.s.slot.Acquire()
			c.engine = c.lease.Engine
		default:
			if err != nil {
				return err
			}
		}
	}
	return c.engine.WaitApplied(c.req, offset)
}

func errNotReplicated() *errs.Error {
	return errs.New(errs.BadRequest, "Replication not enabled").With("role", "standalone")
}
