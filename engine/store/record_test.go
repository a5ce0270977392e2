package store

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func genRecord(t *rapid.T) Record {
	r := Record{
		Row: rapid.Uint32().Draw(t, "row"), Offset: rapid.Uint64().Draw(t, "offset"),
		CreatedUs: rapid.Int64().Draw(t, "created"), UpdatedUs: rapid.Int64().Draw(t, "updated"),
		Vector: AppendFloats([]byte{}, rapid.SliceOfN(rapid.Float32(), 0, 40).Draw(t, "vec")),
	}
	if rapid.Bool().Draw(t, "has payload") {
		r.Payload = rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "payload")
		if r.Payload == nil {
			r.Payload = []byte{}
		}
	}
	return r
}

func encodeRecord(r *Record, key []byte) []byte {
	b := make([]byte, r.Size())
	r.Encode(b, key)
	return b
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRecord(t)
		key := AppendRecordKey(nil, rapid.Uint32().Draw(t, "coll"), rapid.String().Draw(t, "id"))
		got, err := DecodeRecord(key, encodeRecord(&r, key))
		if err != nil || !reflect.DeepEqual(r, got) {
			t.Fatalf("%+v\n%+v\n%v", r, got, err)
		}
	})
}

// TestRecordDamage flips every bit of a record and cuts it at every length: no
// damaged record decodes, nor a whole one under another key.
func TestRecordDamage(t *testing.T) {
	key := AppendRecordKey(nil, 7, "id")
	r := Record{Row: 3, Offset: 9, Vector: AppendFloats(nil, []float32{1, 2}), Payload: []byte(`{"a":1}`)}
	enc := encodeRecord(&r, key)
	for bit := range 8 * len(enc) {
		b := bytes.Clone(enc)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := DecodeRecord(key, b); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for n := range enc {
		if _, err := DecodeRecord(key, enc[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("length %d: %v", n, err)
		}
	}
	if _, err := DecodeRecord(AppendRecordKey(nil, 7, "ie"), enc); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	key := AppendRecordKey(nil, 7, "id")
	r := Record{Row: 3, Vector: AppendFloats(nil, []float32{1, 2}), Payload: []byte(`{}`)}
	f.Add(encodeRecord(&r, key))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := DecodeRecord(key, b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if again := encodeRecord(&got, key); !bytes.Equal(again[40:], b[40:]) && got.Payload != nil {
			t.Fatalf("decodes and encodes differently: %x %x", b, again)
		}
	})
}

func TestFloats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOf(rapid.Float32()).Draw(t, "v")
		pad := rapid.IntRange(0, 5).Draw(t, "pad")
		b := AppendFloats(make([]byte, pad), v)
		got := AppendToFloats(nil, b[pad:])
		if len(got) != len(v) {
			t.Fatal(len(got), len(v))
		}
		for i := range v {
			if v[i] != got[i] {
				t.Fatal(i, v[i], got[i])
			}
		}
	})
}
