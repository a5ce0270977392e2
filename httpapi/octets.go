package httpapi

import (
	"bufio"
	"io"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

const (
	// bulkRows and bulkBytes bound one commit of a bulk upsert; whichever is
	// reached first ends it.
	bulkRows  = 1024
	bulkBytes = 4 << 20
	// bulkErrors is how many failed rows a bulk upsert reports in detail.
	bulkErrors = 100
)

// searchOctets answers a batch search in octet form.
func (c *call) searchOctets(cs *collState) error {
	body, err := c.readBody()
	if err != nil {
		return err
	}
	if err := c.batch.DecodeOctets(body, c.s.limits.BatchItems); err != nil {
		return err
	}
	items, err := c.doBatch(cs)
	if err != nil {
		return err
	}
	if f, ok := acceptFormat(c.ctx.Request.Header.Peek("Accept")); ok && f != codec.Octets {
		return errs.New(kindNotAcceptable, "Octet searches are answered as %s only",
			codec.Octets.ContentType())
	}
	// A fault of the whole batch, such as a wrong dimension, is the first query's:
	// then there is nothing to report in octets.
	if failed := allFailed(items); failed != nil {
		return failed
	}
	return c.octets(func(dst []byte) []byte {
		return codec.AppendResults(dst, items, func(err error) string {
			return publicMessage(asError(err))
		})
	})
}

// allFailed returns the first error if no item succeeded.
func allFailed(items []engine.BatchItem) error {
	for i := range items {
		if items[i].Err == nil {
			return nil
		}
	}
	return items[0].Err
}

type bulkReply struct {
	Collection string      `json:"collection"`
	Inserted   int         `json:"inserted"`
	Created    int         `json:"created"`
	Failed     int         `json:"failed"`
	Count      int         `json:"count"`
	TookMS     float64     `json:"took_ms"`
	Errors     []bulkError `json:"errors"`
}

type bulkError struct {
	Index     int       `json:"index"`
	ID        string    `json:"id"`
	Error     string    `json:"error"`
	ErrorType errs.Kind `json:"error_type"`
}

// bulk answers PUT and POST /collections/{collection}/vectors/bulk: rows are
// committed in groups as they arrive, so the body needs no memory of its size.
// A body that breaks off leaves the groups before the fault committed; the error
// says how many rows those are.
func (c *call) bulk() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	f, err := c.bodyFormat()
	if err != nil || f != codec.Octets {
		return errs.New(errs.UnsupportedMedia, "Bulk upserts are %s",
			codec.Octets.ContentType()).With("field", "Content-Type")
	}
	src, err := c.bulkSource()
	if err != nil {
		return err
	}
	rows, err := codec.NewBulkReader(src)
	if err != nil {
		return err
	}
	info, err := c.engine.Collection(cs.name)
	if err != nil {
		return err
	}
	if rows.Head.Dimension != info.Dimension {
		return errs.WrongDim(info.Dimension, rows.Head.Dimension)
	}
	reply := bulkReply{Collection: cs.name, Errors: []bulkError{}}
	if err := c.bulkGroups(cs, rows, &reply); err != nil {
		return asError(err).With("committed_rows", reply.Count)
	}
	reply.TookMS = millis(time.Since(c.start))
	return c.json(reply)
}

// bulkSource is the body as a stream, decompressed.
func (c *call) bulkSource() (io.Reader, error) {
	raw, err := c.newBodyReader(c.s.limits.BulkBytes)
	if err != nil {
		return nil, err
	}
	if raw.src == nil {
		return nil, errs.New(errs.BadRequest, "Bulk upsert has no body")
	}
	if e := c.ctx.Request.Header.ContentEncoding(); len(e) > 0 {
		return nil, errs.New(errs.UnsupportedMedia, "Bulk upserts are not compressed").
			With("field", "Content-Encoding")
	}
	return bufio.NewReaderSize(raw, 64<<10), nil
}

// bulkGroups commits the rows group by group.
func (c *call) bulkGroups(cs *collState, rows *codec.BulkReader, reply *bulkReply) error {
	var floats []float32
	for {
		c.ops, floats = c.ops[:0], floats[:0]
		bytes := 0
		var end error
		for len(c.ops) < bulkRows && bytes < bulkBytes && end == nil {
			// A group's floats must not move while its ops point at them.
			if n := rows.Head.Dimension; cap(floats)-len(floats) < n {
				floats = make([]float32, 0, max(n, min(bulkRows*n, bulkBytes/4)))
			}
			var op engine.Op
			if floats, end = rows.Next(&op, floats); end == nil {
				c.ops = append(c.ops, op)
				bytes += 4*len(op.Vector) + len(op.Payload) + len(op.ID)
			}
		}
		if len(c.ops) > 0 {
			if err := c.bulkCommit(cs, reply); err != nil {
				return err
			}
		}
		if end == io.EOF {
			return nil
		}
		if end != nil {
			return end
		}
		c.renewReadDeadline()
	}
}

// bulkCommit commits one group and adds it to the reply.
func (c *call) bulkCommit(cs *collState, reply *bulkReply) error {
	c.renewDeadline()
	res, err := c.write(cs)
	if err != nil {
		return err
	}
	for i := range res.Items {
		switch err := res.Items[i].Err; {
		case err == nil:
			reply.Inserted++
			if res.Items[i].Created {
				reply.Created++
			}
		default:
			reply.Failed++
			if len(reply.Errors) < bulkErrors {
				typed := asError(err)
				reply.Errors = append(reply.Errors, bulkError{reply.Count + i, c.ops[i].ID,
					publicMessage(typed), typed.Kind})
			}
		}
	}
	reply.Count += len(res.Items)
	return nil
}
