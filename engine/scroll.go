package engine

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// Count returns the number of records that pass f (nil = all).
// Errors: errs.CollectionNotFound, errs.NotReady, errs.Quarantined, errs.Timeout.
func (e *Engine) Count(ctx context.Context, coll string, f *filter.Filter) (int, error) {
	c, err := e.cat.find(coll)
	if err != nil {
		return 0, err
	}
	v, err := c.acquire()
	if err != nil {
		return 0, err
	}
	defer v.release()
	if f.Empty() {
		return v.ids.Len(), nil
	}
	sel := selector{e: e, c: c, v: v, f: f}
	rows, err := sel.matching(ctx)
	if err != nil {
		return 0, err
	}
	return int(rows.GetCardinality()), nil
}

// cursorPrefix is the version of cursors: what follows is an id in base64.
const cursorPrefix = "1."

func makeCursor(last string) string {
	return cursorPrefix + base64.RawURLEncoding.EncodeToString([]byte(last))
}

// parseCursor returns the smallest id after the cursor's.
func parseCursor(s string) (from string, err error) {
	if s == "" {
		return "", nil
	}
	b, derr := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(s, cursorPrefix))
	if derr != nil || !strings.HasPrefix(s, cursorPrefix) || len(b) == 0 ||
		len(b) > MaxIDBytes || !utf8.Valid(b) {
		return "", errs.Invalid("cursor", "one that a scroll returned", clip(s))
	}
	return string(b) + "\x00", nil
}

// Scroll returns a page of records in ascending order of id (its bytes). The
// cursor names an id, so a page is right whatever was written meanwhile.
// Errors: errs.Validation and as Get, but for errs.VectorNotFound.
func (e *Engine) Scroll(ctx context.Context, coll string, r ScrollRequest) (ScrollResult, error) {
	var out ScrollResult
	if err := checkRange("limit", r.Limit, 1, MaxLimit); err != nil {
		return out, err
	}
	if err := checkRange("offset", r.Offset, 0, MaxOffset); err != nil {
		return out, err
	}
	from, err := parseCursor(r.Cursor)
	if err != nil {
		return out, err
	}
	c, err := e.cat.find(coll)
	if err != nil {
		return out, err
	}
	v, err := c.acquire()
	if err != nil {
		return out, err
	}
	defer v.release()
	p := pager{r: &r, skip: r.Offset}
	if p.byIndex(v) {
		err = e.scrollIndexed(ctx, c, from, &p)
	} else {
		err = e.scanRecords(ctx, c, from, func(id string, rec *store.Record) (bool, error) {
			return p.add(id, func(f Fields) Record { return recordOf(strings.Clone(id), rec, f) },
				rec.Payload)
		})
	}
	if err != nil {
		return ScrollResult{}, err
	}
	return p.out, nil
}

// pager fills one page.
type pager struct {
	r    *ScrollRequest
	skip int
	out  ScrollResult
}

// byIndex reports whether asking the payload index costs less than walking the
// records: sorting the n ids that match, against reading live/n records for each
// one wanted. An id in a sort costs about a fifth of a record read.
func (p *pager) byIndex(v *view) bool {
	if p.r.Filter.Empty() {
		return false
	}
	live := v.graph.Live()
	n := float64(v.index.Estimate(p.r.Filter, live))
	return n*n < 5*float64(p.r.Limit+p.r.Offset)*float64(live)
}

// add offers the next record in order; more is false when the page is full.
func (p *pager) add(id string, record func(Fields) Record, payload []byte) (more bool, err error) {
	if !p.r.Filter.Empty() {
		if ok, err := matches(p.r.Filter, id, payload); err != nil || !ok {
			return err == nil, err
		}
	}
	if p.skip > 0 {
		p.skip--
		return true, nil
	}
	if n := len(p.out.Records); n == p.r.Limit {
		p.out.Next = makeCursor(p.out.Records[n-1].ID)
		return false, nil
	}
	p.out.Records = append(p.out.Records, record(p.r.Fields))
	return true, nil
}

// scrollIndexed fills p from the ids that the payload index names.
func (e *Engine) scrollIndexed(ctx context.Context, c *collection, from string, p *pager) error {
	ids, _, err := e.matchingIDs(ctx, c, p.r.Filter, from)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, _, ok, err := e.read(ctx, c, id, Fields{Vector: p.r.Fields.Vector, Payload: true})
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		more, err := p.add(id, func(f Fields) Record {
			out := r
			if !f.Payload {
				out.Payload = nil
			}
			return out
		}, r.Payload)
		if err != nil || !more {
			return err
		}
	}
	return nil
}
