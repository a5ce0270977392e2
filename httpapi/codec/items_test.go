package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// decodeItems reads a JSON bulk write.
func decodeItems(body, list string) (*Items, error) {
	var d Decoder
	d.Reset([]byte(body), JSON)
	b := new(Items)
	return b, b.Decode(&d, list, 100)
}

func TestItems(t *testing.T) {
	b, err := decodeItems(`{"vectors":[
		{"id":"a","vector":[1,2],"payload":{"x":[1,"é",{"y":null}]}},
		{"id":-5,"data":[3,4],"vector":[3,4],"payload":{"a":1},"metadata":{"a":1}},
		{"embedding":"AACAPwAAAEA=","metadata":null}],
		"collection":"c","mode":"insert","wait":true,"public_key":""}`, "vectors")
	if err != nil {
		t.Fatal(err)
	}
	if b.Collection != "c" || !b.InsertOnly || len(b.List) != 3 {
		t.Fatalf("%+v", b)
	}
	for i, want := range [][]float32{{1, 2}, {3, 4}, {1, 2}} {
		if !slices.Equal(b.Vector(i), want) {
			t.Errorf("vector %d is %v", i, b.Vector(i))
		}
	}
	if b.List[1].ID != "-5" || b.List[2].HasID || !b.List[2].HasPayload ||
		b.List[2].Payload != nil || string(b.List[0].Payload) != `{"x":[1,"é",{"y":null}]}` {
		t.Errorf("%+v", b.List)
	}
}

func TestUpdates(t *testing.T) {
	b, err := decodeItems(`{"updates":[{"id":"a","payload":{},"payload_mode":"replace"},{"id":"b"},
		{"id":"c","vector":null}],"payload_mode":"merge"}`, "updates")
	if err != nil {
		t.Fatal(err)
	}
	if b.List[0].Mode != engine.PayloadReplace || b.List[1].Mode != engine.PayloadMerge ||
		b.Vector(2) != nil {
		t.Errorf("%+v", b.List)
	}
}

func TestItemsRefused(t *testing.T) {
	f := func(body string, kind errs.Kind, says string) {
		t.Helper()
		_, err := decodeItems(body, "vectors")
		if errs.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s saying %q", body, err, kind, says)
		}
	}
	one := func(item string) string { return `{"vectors":[{},` + item + `]}` }
	f(one(`{"vector":[1],"data":[2]}`), errs.Validation, "vectors[1].data")
	f(one(`{"vector":[1],"data":[1,1]}`), errs.Validation, "vectors[1].data")
	f(one(`{"payload":{"a":1},"metadata":{"a":2}}`), errs.Validation, "vectors[1].metadata")
	f(one(`{"payload":[]}`), errs.Validation, "vectors[1].payload")
	f(one(`{"payload":{"a":1e999}}`), errs.Validation, "vectors[1].payload.a")
	f(one(`{"id":1.5}`), errs.Validation, "vectors[1].id")
	f(one(`{"id":null}`), errs.Validation, "vectors[1].id")
	f(one(`{"id":"\udc00"}`), errs.BadRequest, "escape")
	f(one(`{"payload_mode":"x"}`), errs.Validation, "payload_mode")
	f(one(`5`), errs.Validation, "vectors[1]")
	f(one(`{"publicKey":"k"}`), errs.Validation, "publicKey")
	f(`{"vectors":[{}],"mode":"x"}`, errs.Validation, "mode")
	f(`{"vectors":{}}`, errs.Validation, "vectors")
	f(`{"updates":[{}]}`, errs.Validation, "updates")
	f(`{"vectors":[`+strings.Repeat(`{},`, 100)+`{}]}`, errs.Validation, "at most 100")
}

func TestBatch(t *testing.T) {
	var d Decoder
	var b Batch
	for range 2 { // the second time the buffers are reused
		d.Reset([]byte(`{"queries":[{"vector":[1]},{"vector":[2],"limit":3,"filter":null}],
			"limit":7,"collection":"c","with_payload":false}`), JSON)
		if err := b.Decode(&d, 2); err != nil {
			t.Fatal(err)
		}
		if len(b.Queries) != 2 || b.Queries[0].Limit != 7 || b.Queries[1].Limit != 3 ||
			b.Queries[1].Vector[0] != 2 || b.Queries[0].WithPayload ||
			string(b.Defaults.Collection) != "c" {
			t.Fatalf("%+v", b)
		}
	}
	f := func(body, says string) {
		t.Helper()
		d.Reset([]byte(body), JSON)
		if err := b.Decode(&d, 2); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", body, err, says)
		}
	}
	f(`{"queries":[{"vector":[1]},{"vector":[1]},{"vector":[1]}]}`, "at most 2")
	f(`{"queries":[]}`, "at least one")
	f(`{}`, "queries")
	f(`{"queries":[{"vector":[1]},{"vector":[NaN]}]}`, "NaN")
	f(`{"queries":[{"vector":[1]},{"vector":[1,1e99]}]}`, "queries[1].vector[1]")
	f(`{"queries":[{"vector":[1]}],"vector":[1]}`, "vector")
	f(`{"queries":[{"vector":[1]}]`, "early")
}

func TestNamedBodies(t *testing.T) {
	decode := func(body string, known ...string) (Named, error) {
		var d Decoder
		d.Reset([]byte(body), JSON)
		n := Named{Limit: 5}
		return n, n.Decode(&d, 3, known...)
	}
	n, err := decode(` `, "limit")
	if err != nil || n.Limit != 5 {
		t.Error(n, err)
	}
	var d Decoder
	d.Reset([]byte(`{"vector_ids":["a",1],"limit":9,"cursor":null,"include_metadata":false}`), JSON)
	n = Named{WithPayload: true}
	if err := n.Decode(&d, 3, "ids", "limit", "cursor", "with_payload"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(n.IDs, []string{"a", "1"}) || n.Limit != 9 || n.WithPayload || !n.Has["ids"] {
		t.Errorf("%+v", n)
	}
	for _, body := range []string{`{"limit":1}`, `{"ids":["a","b","c","d"]}`, `{"ids":"a"}`, `5`} {
		if _, err := decode(body, "ids"); err == nil {
			t.Errorf("%s is accepted", body)
		}
	}
}

func TestSelect(t *testing.T) {
	f := func(object, want string, fields ...string) {
		t.Helper()
		if got := string(Select([]byte(object), fields)); got != want {
			t.Errorf("%s %v: %s, want %s", object, fields, got, want)
		}
	}
	f(`{"a":1,"b":{"c":[2]},"d":"x"}`, `{"a":1,"b":{"c":[2]}}`, "b", "a")
	f(`{"a":1}`, `{}`, "z")
	f(`{}`, `{}`)
	f(``, ``, "a")
	f(`{ "a\u0062" : "\n" }`, `{"ab":"\n"}`, "ab")
}

func TestNearest(t *testing.T) {
	f := func(given, want string) {
		t.Helper()
		if got := searchFields.nearest(given); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
	f("vectr", "vector")
	f("VECTOR", "vector")
	f("tresholds", "threshold")
	f("limt", "limit")
	f("x", "")
	f("completely_else", "")
}

// FuzzItems compares the decoder of bulk writes with the standard library.
func FuzzItems(f *testing.F) {
	f.Add([]byte(`{"vectors":[{"id":"a","vector":[1,2.5],"payload":{"k":[1,{"z":null}]}}]}`))
	f.Add([]byte(`{"vectors":[{"id":"\u00e9\n","vector":[-0.1e-3]},{"payload":null}]}`))
	f.Add([]byte(`{"vectors":[{"id":"a"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		d.Reset(body, JSON)
		var b Items
		if b.Decode(&d, "vectors", 100) != nil {
			return
		}
		var want struct {
			Vectors []struct {
				ID      any             `json:"id"`
				Vector  any             `json:"vector"`
				Payload json.RawMessage `json:"payload"`
			} `json:"vectors"`
		}
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		if bytes.Count(body, []byte(`"vectors"`)) != 1 {
			return // given twice, the lists are one here and the second there
		}
		if len(want.Vectors) != len(b.List) {
			t.Fatalf("%q: %d items, want %d", body, len(b.List), len(want.Vectors))
		}
		for i, it := range b.List {
			if s, ok := want.Vectors[i].ID.(string); ok && it.HasID && s != it.ID &&
				bytes.Count(body, []byte(`"id"`)) == len(b.List) {
				t.Fatalf("%q: id %q, want %q", body, it.ID, s)
			}
			if it.Payload != nil && !json.Valid(it.Payload) {
				t.Fatalf("%q: payload %q", body, it.Payload)
			}
		}
	})
}

// FuzzBulk reads octets as a bulk upsert; what it accepts, it accepts again when
// it is written anew.
func FuzzBulk(f *testing.F) {
	row := append([]byte("VZB1\x01\x00\x03\x00\x01\x00\x00\x00\x00\x00\x00\x00"),
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	row = append(row, "\x01\x00a\x00\x00\x80\x3f\x02\x00\x00\x00{}"...)
	f.Add(row)
	f.Add(row[:40])
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := NewBulkReader(bytes.NewReader(body))
		if err != nil {
			return
		}
		var op engine.Op
		var floats []float32
		rows := uint64(0)
		for {
			floats, err = r.Next(&op, floats[:0])
			if err != nil {
				break
			}
			rows++
			if len(op.Vector) != r.Head.Dimension || (op.Payload != nil && !json.Valid(op.Payload)) {
				t.Fatalf("row %d: %+v", rows, op)
			}
			if rows > uint64(len(body)) {
				t.Fatal("more rows than bytes")
			}
		}
		if errors.Is(err, io.EOF) && rows != r.Head.Count {
			t.Fatalf("%d of %d rows: %v", rows, r.Head.Count, err)
		}
	})
}

// FuzzQueryOctets reads octets as a batch search and as a reply.
func FuzzQueryOctets(f *testing.F) {
	f.Add([]byte("VZQ1\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f"))
	f.Add([]byte("VZR1\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00a\x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var b Batch
		if b.DecodeOctets(body, 10) == nil {
			if len(b.Queries) == 0 || len(b.Queries) > 10 {
				t.Fatalf("%d queries", len(b.Queries))
			}
			for i := range b.Queries {
				if q := &b.Queries[i]; q.Limit < 1 || q.Limit > engine.MaxLimit || len(q.Vector) == 0 {
					t.Fatalf("%+v", q)
				}
			}
		}
		hits, fails, err := ParseResults(body)
		if err != nil {
			return
		}
		items := make([]engine.BatchItem, len(hits))
		for i := range items {
			items[i].Err = fails[i]
			for _, h := range hits[i] {
				items[i].Result.Hits = append(items[i].Result.Hits,
					engine.Hit{Record: engine.Record{ID: h.ID}, Score: h.Score})
			}
		}
		again := AppendResults(nil, items, func(err error) string { return err.Error() })
		// Two bytes of the head are not read.
		if !bytes.Equal(again[8:], body[8:]) {
			t.Fatalf("%x became %x", body, again)
		}
	})
}

func TestEncoder(t *testing.T) {
	write := func(e *Encoder) {
		e.Object(7)
		e.Key("a")
		e.Array(3)
		e.Int(-1)
		e.Int(1 << 40)
		e.Float32(0.1)
		e.EndArray()
		e.Key("b")
		e.Text("q\"\\\n\x01\xffé\u2028")
		e.Key("c")
		e.Object(0)
		e.EndObject()
		e.Key("d")
		e.Raw([]byte(`{"x":[1,null]}`))
		e.Key("e")
		e.Raw(nil)
		e.Key("f")
		e.Floats([]float32{1, -2.5e-9, math.MaxFloat32})
		e.Key("g")
		e.Array(2)
		e.Bool(true)
		e.Float64(1e300)
		e.EndArray()
		e.EndObject()
	}
	var e Encoder
	e.Reset(nil, JSON)
	write(&e)
	want := `{"a":[-1,1099511627776,0.1],"b":"q\"\\\n\u0001�é` + "\u2028" +
		`","c":{},"d":{"x":[1,null]},"e":null,"f":[1,-2.5e-09,3.4028235e+38],"g":[true,1e+300]}`
	if string(e.Bytes()) != want {
		t.Errorf("got  %s\nwant %s", e.Bytes(), want)
	}
	e.Reset(nil, MsgPack)
	write(&e)
	var d Decoder
	d.Reset(e.Bytes(), MsgPack)
	raw, err := d.Raw()
	if err != nil || d.End() != nil || !json.Valid(raw) {
		t.Errorf("%v %s", err, raw)
	}
}

func TestEncodeAllocs(t *testing.T) {
	var e Encoder
	buf := make([]byte, 0, 4096)
	for _, f := range []Format{JSON, MsgPack} {
		if n := testing.AllocsPerRun(100, func() {
			e.Reset(buf, f)
			e.Object(3)
			e.Key("id")
			e.Text("some-é-id")
			e.Key("score")
			e.Float32(0.87654)
			e.Key("n")
			e.Int(12345)
			e.EndObject()
		}); n != 0 {
			t.Errorf("%s: %v allocations", f, n)
		}
	}
}
