package codec

import (
	"encoding/json"
	"strconv"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Item is one vector of a write, or one change of an update.
type Item struct {
	ID         string
	HasID      bool
	HasVector  bool
	HasPayload bool            // named, even if null
	Payload    json.RawMessage // nil for null; aliases the body
	Mode       engine.PayloadMode
	from, to   int // of the vector, in Items.floats
}

// Items is the body of a bulk write: POST /insert_vectors and its relatives. Its
// buffers are kept between uses.
type Items struct {
	Collection string
	InsertOnly bool // present ids fail instead of being replaced
	List       []Item
	floats     []float32
	max        int
}

// itemFields are the members of one vector. public_key and publicKey are sent by
// published clients for payload encryption, which this server does not do; they
// are accepted when null or empty and refused otherwise.
var itemFields = fieldSet{
	"id", "embedding", "vector", "data", "payload", "metadata", "payload_mode",
	"public_key", "publicKey",
}

var itemsFields = fieldSet{
	"collection", "vectors", "updates", "mode", "payload_mode", "wait", "public_key", "publicKey",
}

// Reset empties b for a body of at most max items.
func (b *Items) Reset(max int) {
	*b = Items{List: b.List[:0], floats: b.floats[:0], max: max}
}

// Vector returns the vector of item i; nil if it has none. It is valid until
// the next Reset.
func (b *Items) Vector(i int) []float32 {
	it := &b.List[i]
	if !it.HasVector {
		return nil
	}
	return b.floats[it.from:it.to:it.to]
}

// Decode reads {"collection", list: [items]}; list is "vectors" or "updates".
func (b *Items) Decode(d *Decoder, list string, max int) error {
	b.Reset(max)
	seen, mode := false, engine.PayloadKeep
	err := d.object(itemsFields, func(key []byte) (_ bool, err error) {
		switch string(key) {
		case "collection":
			b.Collection, err = d.String()
		case "vectors", "updates":
			if string(key) != list {
				return false, nil
			}
			seen = true
			err = b.decodeList(d)
		case "mode":
			b.InsertOnly, err = d.insertMode()
		case "payload_mode":
			mode, err = d.payloadMode()
		case "wait":
			_, err = d.optBool(true)
		case "public_key", "publicKey":
			err = d.noKey()
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if !seen || len(b.List) == 0 {
		return errs.Invalid(list, "at least one item", "none")
	}
	b.defaultMode(mode)
	return d.End()
}

// defaultMode gives the items that do not say how to write their payload the
// mode of the body.
func (b *Items) defaultMode(mode engine.PayloadMode) {
	for i := range b.List {
		if b.List[i].Mode == engine.PayloadKeep {
			b.List[i].Mode = mode
		}
	}
}

func (b *Items) decodeList(d *Decoder) error {
	if err := d.Array(); err != nil {
		return err
	}
	for {
		more, err := d.Next()
		if err != nil || !more {
			return err
		}
		if len(b.List) == b.max {
			return TooMany(d.levels[1].key, b.max)
		}
		b.List = append(b.List, Item{})
		if err := b.decodeItem(d, len(b.List)-1); err != nil {
			return err
		}
	}
}

// TooMany is the error of a batch of more than max items.
func TooMany(field string, max int) error {
	return errs.Invalid(field, "at most "+strconv.Itoa(max)+" items", "more").
		With("limit", max)
}

// DecodeOne reads a body that is one item, and the members extra accepts.
func (b *Items) DecodeOne(d *Decoder, extra func(key []byte) (bool, error)) error {
	b.Reset(1)
	b.List = append(b.List, Item{})
	if err := b.itemMembers(d, 0, extra); err != nil {
		return err
	}
	return d.End()
}

func (b *Items) decodeItem(d *Decoder, i int) error {
	return b.itemMembers(d, i, nil)
}

func (b *Items) itemMembers(d *Decoder, i int, extra func([]byte) (bool, error)) error {
	return d.object(itemFields, func(key []byte) (_ bool, err error) {
		it := &b.List[i]
		switch string(key) {
		case "id":
			it.HasID = true
			it.ID, err = d.id()
		case "embedding", "vector", "data":
			err = b.vector(d, it)
		case "payload", "metadata":
			err = it.payload(d)
		case "payload_mode":
			it.Mode, err = d.payloadMode()
		case "public_key", "publicKey":
			err = d.noKey()
		default:
			if extra != nil {
				return extra(key)
			}
			return false, nil
		}
		return true, err
	})
}

// vector reads a vector. One that was read from a reply carries it twice, as
// vector and data; both must then be equal.
func (b *Items) vector(d *Decoder, it *Item) (err error) {
	if d.Null() {
		return nil
	}
	from := len(b.floats)
	if b.floats, err = d.Floats(b.floats); err != nil {
		return err
	}
	if !it.HasVector {
		it.HasVector, it.from, it.to = true, from, len(b.floats)
		return nil
	}
	first, second := b.floats[it.from:it.to], b.floats[from:]
	if len(first) != len(second) {
		return d.Invalid("the same vector as before under another name", "another")
	}
	for i := range first {
		if first[i] != second[i] {
			return d.Invalid("the same vector as before under another name", "another")
		}
	}
	b.floats = b.floats[:from]
	return nil
}

// payload reads a JSON object or null.
func (it *Item) payload(d *Decoder) error {
	if it.HasPayload && string(it.Payload) != "" {
		raw, err := d.Raw()
		if err == nil && string(raw) != string(it.Payload) {
			err = d.Invalid("the same payload as before under another name", "another")
		}
		return err
	}
	it.HasPayload = true
	if d.Null() {
		return nil
	}
	if d.Kind() != KindObject {
		return d.mismatch("an object or null")
	}
	raw, err := d.Raw()
	it.Payload = raw
	return err
}

// id reads a string, or an integer as its decimal text.
func (d *Decoder) id() (string, error) {
	if d.Kind() == KindNumber {
		v, ok, err := d.integer()
		if err != nil {
			return "", err
		}
		if !ok {
			return "", d.Invalid("a string or an integer", "another number")
		}
		return strconv.FormatInt(v, 10), nil
	}
	return d.String()
}

func (d *Decoder) insertMode() (bool, error) {
	s, err := d.Text()
	if err != nil {
		return false, err
	}
	switch string(s) {
	case "upsert":
		return false, nil
	case "insert":
		return true, nil
	}
	return false, d.Invalid(`"upsert" or "insert"`, clip(string(s)))
}

func (d *Decoder) payloadMode() (engine.PayloadMode, error) {
	s, err := d.Text()
	if err != nil {
		return 0, err
	}
	switch string(s) {
	case "replace":
		return engine.PayloadReplace, nil
	case "merge":
		return engine.PayloadMerge, nil
	}
	return 0, d.Invalid(`"replace" or "merge"`, clip(string(s)))
}

// noKey reads a public key, which must be absent in effect: payloads are not
// encrypted here, and a client that asked for it must hear so.
func (d *Decoder) noKey() error {
	if d.Null() {
		return nil
	}
	s, err := d.Text()
	if err != nil {
		return err
	}
	if len(s) > 0 {
		return d.Invalid("no key (this server does not encrypt payloads)", "a key")
	}
	return nil
}
