package codec

import (
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine"
)

// quantSettings is what a body says of the codes of a collection; what it does not name
// is empty or nil.
type quantSettings struct {
	kind         engine.Quantization
	storage      engine.Storage
	rescore      *bool
	oversampling *float32
}

// create sets up a new collection.
func (q *quantSettings) create(c *engine.CollectionConfig) {
	c.Quantization, c.Storage, c.Rescore = q.kind, q.storage, q.rescore
	if q.oversampling != nil {
		c.Oversampling = *q.oversampling
	}
}

// patch changes a collection.
func (q *quantSettings) patch(p *engine.CollectionPatch) {
	if q.kind != "" {
		p.Quantization = &q.kind
	}
	if q.storage != "" {
		p.Storage = &q.storage
	}
	p.Rescore, p.Oversampling = q.rescore, q.oversampling
}

// quantization reads "sq8", or {"type": "sq8", "storage": "ram", "rescore": true,
// "oversampling": 2}.
func (d *Decoder) quantization() (q quantSettings, err error) {
	if d.Kind() != KindObject {
		q.kind, err = d.quantizationType()
		return q, err
	}
	known := fieldSet{"type", "storage", "rescore", "oversampling"}
	err = d.object(known, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "type":
			q.kind, err = d.quantizationType()
		case "storage":
			q.storage, err = d.storage()
		case "rescore":
			var on bool
			on, err = d.optBool(true)
			q.rescore = &on
		case "oversampling":
			var f float32
			f, err = d.oversampling()
			q.oversampling = &f
		default:
			return false, nil
		}
		return true, err
	})
	return q, err
}

func (d *Decoder) quantizationType() (engine.Quantization, error) {
	s, err := d.Text()
	if err != nil {
		return "", err
	}
	switch q := engine.Quantization(s); q {
	case engine.QuantizeAuto, engine.QuantizeSQ8, engine.QuantizeSQ4, engine.QuantizeBinary, engine.QuantizeNone:
		return q, nil
	}
	return "", d.Invalid(`"auto", "sq8", "sq4", "binary" or "none"`, clip(string(s)))
}

func (d *Decoder) storage() (engine.Storage, error) {
	s, err := d.Text()
	if err != nil {
		return "", err
	}
	switch m := engine.Storage(s); m {
	case engine.StorageMapped, engine.StorageRAM:
		return m, nil
	}
	return "", d.Invalid(`"mapped" or "ram"`, clip(string(s)))
}

// oversampling reads a factor; null is 0, as many as it takes.
func (d *Decoder) oversampling() (float32, error) {
	if d.Null() {
		return 0, nil
	}
	f, err := d.Float32()
	if err == nil && !(f >= 1 && f <= engine.MaxOversampling) {
		return 0, d.Invalid(fmt.Sprintf("1 to %d", engine.MaxOversampling), fmt.Sprint(f))
	}
	return f, err
}

// params reads the members of a search where Qdrant's clients put them.
func (s *Search) params(d *Decoder) error {
	if d.Null() {
		return nil
	}
	known := fieldSet{"hnsw_ef", "exact", "quantization"}
	return d.object(known, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "hnsw_ef":
			s.Ef, err = d.optInt(1, engine.MaxLimit)
		case "exact":
			s.Exact, err = d.optBool(false)
		case "quantization":
			err = s.quantized(d)
		default:
			return false, nil
		}
		return true, err
	})
}

// quantized reads how a search uses codes.
func (s *Search) quantized(d *Decoder) error {
	if d.Null() {
		return nil
	}
	known := fieldSet{"ignore", "rescore", "oversampling"}
	return d.object(known, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "ignore":
			s.IgnoreCodes, err = d.optBool(false)
		case "rescore":
			if s.HasRescore = !d.Null(); s.HasRescore {
				s.Rescore, err = d.Bool()
			}
		case "oversampling":
			s.Oversampling, err = d.oversampling()
		default:
			return false, nil
		}
		return true, err
	})
}
