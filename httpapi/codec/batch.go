package codec

import "github.com/vectorizer-go/vectorizer/engine/errs"

// Batch is the body of a batch search. Members beside queries are defaults for
// each of them. Its buffers are kept between uses.
type Batch struct {
	Defaults Search
	Queries  []Search
}

// Decode reads {"collection", "queries": [search], defaults…}.
func (b *Batch) Decode(d *Decoder, max int) error {
	b.Defaults.Reset()
	b.Queries = b.Queries[:0]
	if err := d.Object(); err != nil {
		return err
	}
	at, path := -1, d.depth
	noVector := false
	for {
		key, more, err := d.Key()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch string(key) {
		case "queries":
			at = d.pos
			err = d.Skip()
		case "vector", "embedding", "data", "query":
			return batchFields.unknown(key)
		default:
			err = b.Defaults.member(d, key, &noVector)
		}
		if err != nil {
			return err
		}
	}
	if err := d.End(); err != nil {
		return err
	}
	if at < 0 {
		return errs.Invalid("queries", "at least one query", "none")
	}
	return b.queries(d, at, path, max)
}

var batchFields = append(fieldSet{"queries"}, searchFields...)

// queries reads the array at offset at, inside the object at depth path.
func (b *Batch) queries(d *Decoder, at, path, max int) error {
	d.pos, d.depth = at, path
	d.levels[path].key = "queries"
	if err := d.Array(); err != nil {
		return err
	}
	for {
		more, err := d.Next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if len(b.Queries) == max {
			return TooMany("queries", max)
		}
		if err := b.next().decodeQuery(d, &b.Defaults); err != nil {
			return err
		}
	}
	if len(b.Queries) == 0 {
		return errs.Invalid("queries", "at least one query", "none")
	}
	return nil
}

// next appends a query that reuses the vector of the one that was in its place.
func (b *Batch) next() *Search {
	if n := len(b.Queries); n < cap(b.Queries) {
		b.Queries = b.Queries[:n+1]
	} else {
		b.Queries = append(b.Queries, Search{})
	}
	return &b.Queries[len(b.Queries)-1]
}

// decodeQuery reads one search that starts from defaults.
func (s *Search) decodeQuery(d *Decoder, defaults *Search) error {
	vector := s.Vector[:0]
	*s = *defaults
	s.Vector = vector
	if d.Kind() == KindString {
		return d.Invalid("an object with a vector (this server embeds no text)", "a text")
	}
	return s.decodeObject(d)
}
