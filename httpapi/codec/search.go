package codec

import (
	"math"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// DefaultLimit is the number of hits a search returns if it does not say.
const DefaultLimit = 10

// MaxTimeoutMillis is the longest time a request may ask for.
const MaxTimeoutMillis = 600_000

// Search is the body of a search. Vector is kept between uses, so a pooled
// Search decodes without allocating.
type Search struct {
	Collection    []byte // aliases the body; empty if absent
	Vector        []float32
	Limit         int
	Offset        int
	Ef            int
	Threshold     float32
	HasThreshold  bool
	Filter        *filter.Filter
	WithVector    bool
	WithPayload   bool
	PayloadFields []string // top-level payload members to return; nil = all
	Exact         bool
	Explain       bool
	TimeoutMillis int // 0 = the server's
	// How the codes of the collection are used, see engine.CodeUse.
	IgnoreCodes  bool
	Rescore      bool
	HasRescore   bool
	Oversampling float32
}

// searchFields are the members of a search body. public_key is sent by
// published clients for payload encryption and has no effect on a search.
var searchFields = fieldSet{
	"collection", "vector", "embedding", "data", "query", "limit", "k", "top_k", "offset",
	"ef", "ef_search", "threshold", "score_threshold", "filter", "with_vector",
	"with_vectors", "include_vector", "include_vectors", "with_payload", "include_payload",
	"include_metadata", "payload", "exact", "explain", "timeout_ms", "params", "public_key",
}

// Reset makes s the search with every default.
func (s *Search) Reset() {
	*s = Search{Vector: s.Vector[:0], Limit: DefaultLimit, WithPayload: true}
}

// Request fills r, whose slices then alias s.
func (s *Search) Request(r *engine.SearchRequest) {
	*r = engine.SearchRequest{
		Vector: s.Vector, K: s.Limit, Offset: s.Offset, Ef: s.Ef, Filter: s.Filter,
		Fields: engine.Fields{Vector: s.WithVector, Payload: s.WithPayload},
		Codes:  engine.CodeUse{Ignore: s.IgnoreCodes, Oversampling: s.Oversampling},
		Exact:  s.Exact, Explain: s.Explain,
	}
	if s.HasRescore {
		r.Codes.Rescore = &s.Rescore
	}
	if s.HasThreshold {
		r.Threshold = &s.Threshold
	}
}

// Decode reads the whole body.
func (s *Search) Decode(d *Decoder) error {
	s.Reset()
	if err := s.decodeObject(d); err != nil {
		return err
	}
	return d.End()
}

// decodeObject reads one search object, alone or inside a batch.
func (s *Search) decodeObject(d *Decoder) error {
	if err := d.Object(); err != nil {
		return err
	}
	hasVector := false
	for {
		key, more, err := d.Key()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := s.member(d, key, &hasVector); err != nil {
			return err
		}
	}
	if !hasVector {
		return errs.Invalid("vector", "a vector", "none")
	}
	return nil
}

func (s *Search) member(d *Decoder, key []byte, hasVector *bool) (err error) {
	switch string(key) {
	case "vector", "embedding", "data", "query":
		if *hasVector {
			return d.Invalid("one vector", "two")
		}
		*hasVector = true
		return s.vector(d, key)
	case "limit", "k", "top_k":
		s.Limit, err = d.Int(1, engine.MaxLimit)
	case "offset":
		s.Offset, err = d.optInt(0, engine.MaxOffset)
	case "ef", "ef_search":
		s.Ef, err = d.optInt(1, engine.MaxLimit)
	case "collection":
		s.Collection, err = d.Text()
	case "threshold", "score_threshold":
		if !d.Null() {
			s.Threshold, err = d.Float32()
			s.HasThreshold = true
		}
	case "filter":
		s.Filter, err = d.filter()
	default:
		return s.option(d, key)
	}
	return err
}

func (s *Search) option(d *Decoder, key []byte) (err error) {
	switch string(key) {
	case "with_vector", "with_vectors", "include_vector", "include_vectors":
		s.WithVector, err = d.optBool(false)
	case "with_payload", "include_payload", "include_metadata":
		s.WithPayload, err = d.optBool(true)
	case "payload":
		s.PayloadFields, err = d.strings(engine.MaxIndexedPaths)
	case "exact":
		s.Exact, err = d.optBool(false)
	case "explain":
		s.Explain, err = d.optBool(false)
	case "timeout_ms":
		s.TimeoutMillis, err = d.optInt(1, MaxTimeoutMillis)
	case "params":
		err = s.params(d)
	case "public_key":
		err = d.Skip()
	default:
		return searchFields.unknown(key)
	}
	return err
}

func (s *Search) vector(d *Decoder, key []byte) (err error) {
	if string(key) == "query" && d.Kind() == KindString {
		return d.Invalid("a vector (this server embeds no text)", "a text")
	}
	s.Vector, err = d.Floats(s.Vector[:0])
	if err == nil && len(s.Vector) == 0 {
		return d.Invalid("at least one component", "an empty vector")
	}
	return err
}

// optInt is Int; null is 0.
func (d *Decoder) optInt(low, high int) (int, error) {
	if d.Null() {
		return 0, nil
	}
	return d.Int(low, high)
}

// optBool is Bool with a value for null.
func (d *Decoder) optBool(null bool) (bool, error) {
	if d.Null() {
		return null, nil
	}
	return d.Bool()
}

// filter reads a filter in either dialect; null is none.
func (d *Decoder) filter() (*filter.Filter, error) {
	if d.Null() {
		return nil, nil
	}
	raw, err := d.Raw()
	if err != nil {
		return nil, err
	}
	return filter.Parse(raw)
}

// strings reads an array of at most n strings; null is none.
func (d *Decoder) strings(n int) ([]string, error) {
	if d.Null() {
		return nil, nil
	}
	if err := d.Array(); err != nil {
		return nil, err
	}
	var list []string
	for {
		more, err := d.Next()
		if err != nil || !more {
			return list, err
		}
		if len(list) == n {
			return nil, errs.New(errs.Validation, "Invalid %s: expected at most %d items", d.Path(), n).
				With("field", d.Path()).With("limit", n)
		}
		s, err := d.String()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
}

// Finite reports whether every component of v is a number.
func Finite(v []float32) bool {
	for _, f := range v {
		if math.Float32bits(f)&0x7f800000 == 0x7f800000 {
			return false
		}
	}
	return true
}
