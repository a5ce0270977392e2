package store

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func genOp(t *rapid.T) EntryOp {
	op := EntryOp{
		ID:  []byte(rapid.StringN(1, 80, 256).Draw(t, "id")),
		Row: rapid.Uint32().Draw(t, "row"), Prev: rapid.Uint32().Draw(t, "prev"),
		Deleted: rapid.Bool().Draw(t, "deleted"), HasVector: rapid.Bool().Draw(t, "hasv"),
		HasPayload: rapid.Bool().Draw(t, "hasp"), Vector: []byte{},
	}
	if op.HasVector {
		op.Vector = AppendFloats(op.Vector, rapid.SliceOfN(rapid.Float32(), 1, 9).Draw(t, "vec"))
	}
	if op.HasPayload && rapid.Bool().Draw(t, "p") {
		op.Payload = append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "payload")...)
	}
	return op
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Entry{
			Kind:    EntryKind(rapid.IntRange(1, 4).Draw(t, "kind")),
			Chained: rapid.Bool().Draw(t, "chained"), Coll: rapid.Uint32().Draw(t, "coll"),
			Offset: rapid.Uint64().Draw(t, "offset"), Epoch: rapid.Uint64().Draw(t, "epoch"),
			TimeUs: rapid.Int64().Draw(t, "time"),
		}
		ops := rapid.SliceOfN(rapid.Custom(genOp), 0, 6).Draw(t, "ops")
		body := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "body")
		prev := rapid.Uint64().Draw(t, "rolling")
		var b EntryBuilder
		b.Reset(&want)
		for i := range ops {
			b.Add(&ops[i])
		}
		enc, rolling := b.Finish(body, prev)
		got, err := DecodeEntry(enc)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rolling != rolling || !EntryRolls(enc, prev) || EntryRolls(enc, prev+1) {
			t.Fatal("rolling checksum")
		}
		var back []EntryOp
		got.Ops(func(op *EntryOp) bool {
			back = append(back, *op)
			return true
		})
		if len(back) != len(ops) || (len(ops) > 0 && !reflect.DeepEqual(back, ops)) {
			t.Fatalf("%+v\n%+v", ops, back)
		}
		if !bytes.Equal(got.Body, body) || got.Kind != want.Kind || got.Chained != want.Chained ||
			got.Offset != want.Offset || got.Epoch != want.Epoch || got.TimeUs != want.TimeUs {
			t.Fatalf("%+v\n%+v", want, got)
		}
	})
}

func sampleEntry() []byte {
	var b EntryBuilder
	b.Reset(&Entry{Kind: EntryOps, Coll: 3, Offset: 5, Epoch: 1, TimeUs: 9})
	b.Add(&EntryOp{ID: []byte("a"), Row: 1, Prev: NoRow, HasVector: true, HasPayload: true,
		Vector: AppendFloats(nil, []float32{1}), Payload: []byte(`{}`)})
	b.Add(&EntryOp{ID: []byte("b"), Row: 2, Prev: 2, Deleted: true})
	enc, _ := b.Finish([]byte("body"), 4)
	return bytes.Clone(enc)
}

// TestEntryDamage flips every bit and cuts at every length.
func TestEntryDamage(t *testing.T) {
	enc := sampleEntry()
	if _, err := DecodeEntry(enc); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(enc) {
		b := bytes.Clone(enc)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := DecodeEntry(b); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for n := range enc {
		if _, err := DecodeEntry(enc[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("length %d: %v", n, err)
		}
	}
}

// FuzzDecodeEntry also gives the decoder bytes with a valid checksum, so that it
// reaches the bounds checks behind it.
func FuzzDecodeEntry(f *testing.F) {
	f.Add(sampleEntry(), true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, fix bool) {
		if fix && len(b) >= entryTrailer {
			b = bytes.Clone(b)
			putCRC(b)
		}
		e, err := DecodeEntry(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		n := 0
		e.Ops(func(op *EntryOp) bool {
			if len(op.ID) == 0 {
				t.Fatal("op without id")
			}
			n++
			return true
		})
		if n != e.OpCount {
			t.Fatal(n, e.OpCount)
		}
	})
}
