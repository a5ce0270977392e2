package codec

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// ParseMetric reads a metric in any of its spellings, in any case.
func ParseMetric(s string) (compute.Metric, bool) {
	switch strings.ToLower(s) {
	case "cosine":
		return compute.Cosine, true
	case "euclidean", "euclid", "l2":
		return compute.L2, true
	case "dot", "dot_product", "dotproduct":
		return compute.Dot, true
	}
	return 0, false
}

// metric reads a metric.
func (d *Decoder) metric() (compute.Metric, error) {
	s, err := d.Text()
	if err != nil {
		return 0, err
	}
	m, ok := ParseMetric(string(s))
	if !ok {
		return 0, d.Invalid("cosine, euclidean or dot", clip(string(s)))
	}
	return m, nil
}

// Shape says in which form a client wants a new collection described; see
// "Creating collections" in the package httpapi.
type Shape uint8

// The shapes, by what the request had.
const (
	ShapePlain  Shape = iota // top-level metric
	ShapeInfo                // similarity_metric
	ShapeConfig              // config
)

// Create is the body of POST /collections.
type Create struct {
	Config engine.CollectionConfig
	Shape  Shape
}

var createFields = fieldSet{
	"name", "dimension", "metric", "similarity_metric", "config", "hnsw", "hnsw_config",
	"update_mode", "payload_index", "description", "embedding_provider", "graph", "quantization",
	"write_concern",
}

// Decode reads the whole body. Dimension and limits are the engine's to check.
func (c *Create) Decode(d *Decoder) error {
	*c = Create{}
	err := d.object(createFields, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "name":
			c.Config.Name, err = d.String()
		case "config":
			c.Shape = ShapeConfig
			err = c.config(d)
		case "similarity_metric":
			c.Shape = ShapeInfo
			c.Config.Metric, err = d.metric()
		case "embedding_provider", "graph":
			err = d.unavailable(string(key))
		default:
			return c.setting(d, key)
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if c.Config.Name == "" {
		return errs.Invalid("name", "a collection name", "none")
	}
	if c.Config.Metric == 0 {
		c.Config.Metric = compute.Cosine
	}
	return d.End()
}

// config reads the settings where one published client nests them.
func (c *Create) config(d *Decoder) error {
	return d.object(createFields, func(key []byte) (bool, error) { return c.setting(d, key) })
}

func (c *Create) setting(d *Decoder, key []byte) (_ bool, err error) {
	switch string(key) {
	case "dimension":
		// The engine knows the range and has an error kind of its own for it.
		c.Config.Dimension, err = d.Int(math.MinInt32, math.MaxInt32)
	case "metric":
		c.Config.Metric, err = d.metric()
	case "hnsw", "hnsw_config":
		err = decodeHNSW(d, &c.Config.HNSW)
	case "update_mode":
		c.Config.UpdateMode, err = d.updateMode()
	case "quantization":
		var q quantSettings
		q, err = d.quantization()
		q.create(&c.Config)
	case "write_concern":
		c.Config.WriteConcern, err = d.concern()
	case "payload_index":
		if c.Config.PayloadIndex, err = d.strings(engine.MaxIndexedPaths); err == nil &&
			c.Config.PayloadIndex == nil {
			c.Config.PayloadIndex = []string{}
		}
	case "description":
		if !d.Null() {
			c.Config.Description, err = d.String()
		}
	default:
		return false, nil
	}
	return true, err
}

// unavailable reads the setting of a feature this server does not have: null,
// and {"enabled": false}, ask for nothing.
func (d *Decoder) unavailable(name string) error {
	raw, err := d.Raw()
	if err != nil {
		return err
	}
	var off struct {
		Enabled *bool `json:"enabled"`
	}
	if string(raw) == "null" ||
		(json.Unmarshal(raw, &off) == nil && off.Enabled != nil && !*off.Enabled) {
		return nil
	}
	return errs.Invalid(name, "nothing (this server does not have it)", clip(string(raw)))
}

var hnswFields = fieldSet{"m", "ef_construction", "ef_construct", "ef_search", "ef"}

// decodeHNSW reads {m, ef_construction, ef_search}; absent ones stay.
func decodeHNSW(d *Decoder, h *engine.HNSWConfig) error {
	if d.Null() {
		return nil
	}
	return d.object(hnswFields, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "m":
			h.M, err = d.Int(2, 128)
		case "ef_construction", "ef_construct":
			h.EfConstruction, err = d.Int(8, 4096)
		case "ef_search", "ef":
			h.EfSearch, err = d.Int(1, engine.MaxLimit)
		default:
			return false, nil
		}
		return true, err
	})
}

func (d *Decoder) updateMode() (engine.UpdateMode, error) {
	s, err := d.Text()
	if err != nil {
		return "", err
	}
	switch m := engine.UpdateMode(s); m {
	case engine.UpdateInPlace, engine.UpdateReinsert:
		return m, nil
	}
	return "", d.Invalid(`"in_place" or "reinsert"`, clip(string(s)))
}

// concern reads "all" or a number of replicas; null is 0.
func (d *Decoder) concern() (engine.WriteConcern, error) {
	switch d.Kind() {
	case KindNull:
		d.Null()
		return 0, nil
	case KindNumber:
		n, err := d.Int(0, int(engine.MaxConcern))
		return engine.WriteConcern(n), err
	}
	s, err := d.Text()
	if err != nil {
		return 0, err
	}
	w, ok := ParseConcern(s)
	if !ok {
		return 0, d.Invalid(`"all", or a number of replicas from 0 to 1000`, clip(string(s)))
	}
	return w, nil
}

// ParseConcern reads "all" or a number of replicas.
func ParseConcern(s []byte) (engine.WriteConcern, bool) {
	if string(s) == "all" {
		return engine.ConcernAll, true
	}
	n, err := strconv.Atoi(string(s))
	return engine.WriteConcern(n), err == nil && n >= 0 && n <= int(engine.MaxConcern)
}

// DecodeHNSW reads a whole body of graph parameters, which may be empty.
func DecodeHNSW(d *Decoder, h *engine.HNSWConfig) error {
	if d.empty() {
		return nil
	}
	if err := decodeHNSW(d, h); err != nil {
		return err
	}
	return d.End()
}

// Patch is the body of PUT /collections/{collection}.
type Patch struct {
	engine.CollectionPatch
	Metric compute.Metric // 0 = not named; otherwise it must be the collection's
}

// Decode reads the whole body.
func (p *Patch) Decode(d *Decoder) error {
	*p = Patch{}
	known := fieldSet{"description", "ef_search", "quantization", "similarity_metric", "metric", "write_concern"}
	err := d.object(known, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "description":
			var s string
			if !d.Null() {
				s, err = d.String()
			}
			p.Description = &s
		case "ef_search":
			var n int
			n, err = d.Int(1, engine.MaxLimit)
			p.EfSearch = &n
		case "quantization":
			var q quantSettings
			q, err = d.quantization()
			q.patch(&p.CollectionPatch)
		case "write_concern":
			var w engine.WriteConcern
			w, err = d.concern()
			p.WriteConcern = &w
		case "similarity_metric", "metric":
			p.Metric, err = d.metric()
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	return d.End()
}

// Named is a body of named parts, as the smaller routes take. Which of them a
// route knows is given to Decode.
type Named struct {
	Collection  string
	ID          string
	NewName     string
	Destination string
	IDs         []string
	Filter      *filter.Filter
	Patch       json.RawMessage // an object; aliases the body
	Cursor      string
	Limit       int
	Offset      int
	WithVector  bool
	WithPayload bool
	ThresholdMS int
	Capacity    int
	Has         map[string]bool // canonical names of the members that were there
}

// canonical maps a synonym to the name that Named's routes use.
func canonical(key string) string {
	switch key {
	case "vector_ids":
		return "ids"
	case "with_vectors", "include_vector", "include_vectors":
		return "with_vector"
	case "include_payload", "include_metadata":
		return "with_payload"
	}
	return key
}

// Decode reads the whole body, whose members are among known (canonical names).
// Lists hold at most max items. An absent body is an empty object.
func (n *Named) Decode(d *Decoder, max int, known ...string) error {
	n.Has = make(map[string]bool, len(known))
	if d.empty() {
		return nil
	}
	set := fieldSet(known)
	err := d.object(set, func(key []byte) (bool, error) {
		name := canonical(string(key))
		for _, k := range known {
			if k == name {
				n.Has[name] = true
				return n.member(d, name, max)
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	return d.End()
}

func (n *Named) member(d *Decoder, name string, max int) (_ bool, err error) {
	switch name {
	case "collection":
		n.Collection, err = d.String()
	case "id":
		n.ID, err = d.id()
	case "new_name":
		n.NewName, err = d.String()
	case "destination":
		n.Destination, err = d.String()
	case "ids":
		n.IDs, err = d.ids(max)
	case "filter":
		n.Filter, err = d.filter()
	case "patch":
		if d.Kind() != KindObject {
			return true, d.mismatch("an object (JSON merge patch)")
		}
		n.Patch, err = d.Raw()
	default:
		return n.option(d, name)
	}
	return true, err
}

func (n *Named) option(d *Decoder, name string) (_ bool, err error) {
	switch name {
	case "cursor":
		if !d.Null() {
			n.Cursor, err = d.String()
		}
	case "limit":
		n.Limit, err = d.Int(1, engine.MaxLimit)
	case "offset":
		n.Offset, err = d.Int(0, engine.MaxOffset)
	case "with_vector":
		n.WithVector, err = d.optBool(false)
	case "with_payload":
		n.WithPayload, err = d.optBool(true)
	case "threshold_ms":
		n.ThresholdMS, err = d.Int(0, MaxTimeoutMillis)
	case "capacity":
		n.Capacity, err = d.Int(1, 100000)
	case "exact", "wait":
		_, err = d.optBool(true)
	default:
		return false, nil
	}
	return true, err
}

// ids reads an array of at most max ids.
func (d *Decoder) ids(max int) ([]string, error) {
	if err := d.Array(); err != nil {
		return nil, err
	}
	var list []string
	for {
		more, err := d.Next()
		if err != nil || !more {
			return list, err
		}
		if len(list) == max {
			return nil, TooMany("ids", max)
		}
		id, err := d.id()
		if err != nil {
			return nil, err
		}
		list = append(list, id)
	}
}
