package engine

import (
	"context"
	"errors"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// matches evaluates f on a stored record. A stored payload was checked when it
// was written, so broken JSON means damage.
func matches(f *filter.Filter, id string, payload []byte) (bool, error) {
	ok, err := f.Match(id, payload)
	if err != nil {
		return false, errs.New(errs.StorageError, "Stored payload of '%s' is damaged", id).Wrap(err)
	}
	return ok, nil
}

// errNoLongerMatches is the result of an op of a filter operation whose record
// changed after the filter selected it.
var errNoLongerMatches = errs.New(errs.VectorNotFound, "Vector no longer matches the filter")

// selector evaluates one filter on one collection.
type selector struct {
	e     *Engine
	c     *collection
	v     *view
	f     *filter.Filter
	evals int // payloads evaluated one by one
	err   error
}

// selectRows asks the payload index. alive is the bitmap of rows alive; the
// selection may share its memory.
func (s *selector) selectRows(ctx context.Context, alive []uint64) (payload.Selection, error) {
	live := roaring.New()
	live.FromDense(alive, false)
	sel := s.v.index.Select(s.f, live, func(id string) (uint32, bool) {
		if s.err != nil || checkID(id) != nil {
			return 0, false
		}
		_, row, ok, err := s.e.read(ctx, s.c, id, Fields{})
		s.err = err
		return row, ok && err == nil
	})
	return sel, s.err
}

// A payload that is read for its row costs about verifyCost of one that a scan
// over all records meets: a point read against a step of an iterator.
const verifyCost = 4

// settleRows turns a selection into the exact set of rows that match.
func (s *selector) settleRows(ctx context.Context, sel payload.Selection) (*roaring.Bitmap, error) {
	if sel.Exact {
		return sel.Bitmap, nil
	}
	var good *roaring.Bitmap
	var err error
	if int(sel.Verify.GetCardinality())*verifyCost < s.v.ids.Len() {
		good, err = s.verifyByRow(ctx, sel.Verify)
	} else {
		good, err = s.verifyByScan(ctx, sel.Verify)
	}
	if err != nil {
		return nil, err
	}
	out := roaring.AndNot(sel.Bitmap, sel.Verify)
	out.Or(good)
	return out, nil
}

// verifyByRow returns the rows of doubt that match, reading each one's payload.
func (s *selector) verifyByRow(ctx context.Context, doubt *roaring.Bitmap) (*roaring.Bitmap, error) {
	good := roaring.New()
	for it := doubt.Iterator(); it.HasNext(); {
		row := it.Next()
		if s.evals%256 == 255 && ctx.Err() != nil {
			return nil, errContext(ctx)
		}
		ok, err := s.verify(ctx, row)
		if err != nil {
			return nil, err
		}
		if ok {
			good.Add(row)
		}
	}
	return good, nil
}

// verify reads row's payload and evaluates the filter on it.
func (s *selector) verify(ctx context.Context, row uint32) (bool, error) {
	id := s.v.ids.Get(row)
	if id == nil {
		return false, nil // deleted meanwhile
	}
	s.evals++
	r, at, ok, err := s.e.read(ctx, s.c, string(id), Fields{Payload: true})
	if err != nil || !ok || at != row {
		return false, err
	}
	return matches(s.f, r.ID, r.Payload)
}

// verifyByScan returns the rows of doubt that match, in one pass over all records.
func (s *selector) verifyByScan(ctx context.Context, doubt *roaring.Bitmap) (*roaring.Bitmap, error) {
	good := roaring.New()
	err := s.e.scanRecords(ctx, s.c, "", func(id string, rec *store.Record) (bool, error) {
		if !doubt.Contains(rec.Row) {
			return true, nil
		}
		s.evals++
		ok, err := matches(s.f, id, rec.Payload)
		if ok {
			good.Add(rec.Row)
		}
		return err == nil, err
	})
	return good, err
}

// matching returns the exact set of rows that match.
func (s *selector) matching(ctx context.Context) (*roaring.Bitmap, error) {
	sel, err := s.selectRows(ctx, s.v.graph.AliveWords(nil))
	if err != nil {
		return nil, err
	}
	return s.settleRows(ctx, sel)
}

// scanRecords calls fn for every durable record of c from id on, in ascending
// order of id, until it returns false. id and rec are valid only inside fn.
func (e *Engine) scanRecords(
	ctx context.Context, c *collection, from string,
	fn func(id string, rec *store.Record) (bool, error),
) (err error) {
	_, hi := store.RecordBounds(c.id)
	it, err := e.store.Iter(store.AppendRecordKey(nil, c.id, from), hi)
	if err != nil {
		return errStorage(err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	// The iterator shows the store at one moment; what was on its way then becomes
	// durable before anything of it is returned.
	if err := e.settle(ctx, c); err != nil {
		return err
	}
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%256 == 0 && ctx.Err() != nil {
			return errContext(ctx)
		}
		rec, err := store.DecodeRecord(it.Key(), it.Value())
		if err != nil {
			return c.damage(err)
		}
		if more, err := fn(stringOf(store.RecordID(it.Key())), &rec); err != nil || !more {
			return err
		}
	}
	if err := store.IterError(it); err != nil {
		return c.damage(err)
	}
	return nil
}

// settle waits for the commits on c that are under way.
func (e *Engine) settle(ctx context.Context, c *collection) error {
	under := c.flights.all()
	for _, p := range under {
		select {
		case <-p.done:
		case <-ctx.Done():
			return errContext(ctx)
		}
	}
	if err := e.store.Failed(); err != nil && len(under) > 0 {
		return errStorage(err)
	}
	return nil
}
