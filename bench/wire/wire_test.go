package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

type searchBody struct {
	Vector      any  `json:"vector" msgpack:"vector"`
	Limit       int  `json:"limit" msgpack:"limit"`
	WithPayload bool `json:"with_payload" msgpack:"with_payload"`
	Ef          int  `json:"ef" msgpack:"ef"`
	Exact       bool `json:"exact" msgpack:"exact"`
}

func TestSearchRequest(t *testing.T) {
	s := Search{Vector: []float32{1, -0.1, 3e-12}, K: 10, Ef: 300, Exact: true}
	for _, f := range Formats() {
		req := string(s.Request(f, "h:1", "a b/c"))
		head, body, ok := strings.Cut(req, "\r\n\r\n")
		if !ok || !strings.HasPrefix(head, "POST /api/v1/collections/a%20b%2Fc/search HTTP/1.1\r\n") ||
			!strings.Contains(head, "Content-Type: "+f.ContentType()) {
			t.Fatalf("%s: %q", f, head)
		}
		if f == Octets {
			checkOctets(t, &s, []byte(body))
			continue
		}
		var got searchBody
		decode := json.Unmarshal
		if f == MsgPack {
			decode = msgpack.Unmarshal
		}
		if err := decode([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if got.Limit != 10 || got.Ef != 300 || !got.Exact || got.WithPayload {
			t.Errorf("%s: %+v", f, got)
		}
		if v := floats(t, got.Vector); !slices.Equal(v, s.Vector) {
			t.Errorf("%s: vector %v", f, v)
		}
	}
}

// checkOctets decodes a body as the server does.
func checkOctets(t *testing.T, s *Search, body []byte) {
	t.Helper()
	var b codec.Batch
	if err := b.DecodeOctets(body, 1); err != nil {
		t.Fatal(err)
	}
	q := b.Queries[0]
	if q.Limit != s.K || q.Ef != s.Ef || q.Exact != s.Exact || !slices.Equal(q.Vector, s.Vector) {
		t.Errorf("%+v", q)
	}
}

func TestBatchRequest(t *testing.T) {
	b := Batch{Vectors: []float32{1, 2, 3, 4}, Dim: 2, K: 7, Exact: true}
	head, body, _ := strings.Cut(string(b.Request("h:1", "c")), "\r\n\r\n")
	if !strings.HasPrefix(head, "POST /api/v1/collections/c/search/batch HTTP/1.1\r\n") {
		t.Fatalf("%q", head)
	}
	var got codec.Batch
	if err := got.DecodeOctets([]byte(body), 2); err != nil {
		t.Fatal(err)
	}
	for i, q := range got.Queries {
		if q.Limit != 7 || !q.Exact || !slices.Equal(q.Vector, b.Vectors[2*i:2*i+2]) {
			t.Errorf("%+v", q)
		}
	}
	if len(got.Queries) != 2 {
		t.Errorf("%d queries", len(got.Queries))
	}
}

func TestBulk(t *testing.T) {
	rows := []rowio.Row{{ID: "ü", Vector: []float32{1, 2}}, {ID: "b", Vector: []float32{3, 4},
		Payload: json.RawMessage(`{"x":1}`)}}
	for n := range rows {
		r, err := codec.NewBulkReader(bytes.NewReader(Bulk(nil, rows[:n+1])))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n + 1 {
			var op engine.Op
			if _, err := r.Next(&op, nil); err != nil {
				t.Fatal(err)
			}
			if op.ID != rows[i].ID || !slices.Equal(op.Vector, rows[i].Vector) ||
				string(op.Payload) != string(rows[i].Payload) || op.Kind != engine.OpUpsert {
				t.Errorf("row %d is %+v", i, op)
			}
		}
		if _, err := r.Next(new(engine.Op), nil); err != io.EOF {
			t.Errorf("after the rows: %v", err)
		}
	}
}

func TestOctetRows(t *testing.T) {
	hits := []engine.Hit{{Record: engine.Record{ID: "7"}, Score: 1}, {Record: engine.Record{ID: "12"}}}
	items := []engine.BatchItem{{Result: engine.SearchResult{Hits: hits}}}
	answer := codec.AppendResults(nil, items, nil)
	got, err := Rows(Octets, answer, nil)
	if err != nil || !slices.Equal(got, []int32{7, 12}) {
		t.Errorf("%v %v", got, err)
	}
	for n := range answer {
		if rows, err := Rows(Octets, answer[:n], nil); err == nil {
			t.Errorf("%d of %d bytes give %v", n, len(answer), rows)
		}
	}
	items[0] = engine.BatchItem{Err: io.EOF}
	answer = codec.AppendResults(nil, items, func(err error) string { return "no luck" })
	if _, err := Rows(Octets, answer, nil); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("%v", err)
	}
	hits[0].ID = "x"
	answer = codec.AppendResults(nil, []engine.BatchItem{{Result: engine.SearchResult{Hits: hits}}}, nil)
	if _, err := Rows(Octets, answer, nil); err == nil {
		t.Error("an id that is no row is taken")
	}
}

// floats reads a vector in any of its forms.
func floats(t *testing.T, v any) []float32 {
	t.Helper()
	var out []float32
	switch v := v.(type) {
	case string:
		raw, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(raw); i += 4 {
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
		}
	case []any:
		for _, x := range v {
			switch x := x.(type) {
			case float64:
				out = append(out, float32(x))
			case float32:
				out = append(out, x)
			}
		}
	}
	return out
}

func TestUpsert(t *testing.T) {
	rows := []rowio.Row{{ID: `a"`, Vector: []float32{1, 2}}, {ID: "b", Vector: []float32{3, 4},
		Payload: json.RawMessage(`{"x":1}`)}}
	for _, f := range []Format{JSON, Base64} {
		body, err := Upsert(nil, f, "c\n", rows)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Collection string
			Vectors    []struct {
				ID      string
				Vector  any
				Payload json.RawMessage
			}
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v in %s", f, err, body)
		}
		if got.Collection != "c\n" || len(got.Vectors) != 2 {
			t.Fatalf("%s: %s", f, body)
		}
		for i, v := range got.Vectors {
			if v.ID != rows[i].ID || !slices.Equal(floats(t, v.Vector), rows[i].Vector) ||
				string(v.Payload) != string(rows[i].Payload) {
				t.Errorf("%s: row %d is %+v", f, i, v)
			}
		}
	}
}

func TestRows(t *testing.T) {
	type hit struct {
		ID    string  `json:"id" msgpack:"id"`
		Score float32 `json:"score" msgpack:"score"`
	}
	answer := map[string]any{"results": []hit{{"7", 1}, {"2147483647", .5}, {"0", .1}},
		"collection": "x"}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := msgpack.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	want := []int32{7, 2147483647, 0}
	for f, body := range map[Format][]byte{JSON: text, MsgPack: packed} {
		got, err := Rows(f, body, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", f, got, err)
		}
	}
	for _, bad := range []string{`{"id":"x1"}`, `{"id":""}`, `{"id":"2147483648"}`, `{"id":"1`} {
		if got, err := Rows(JSON, []byte(bad), nil); err == nil {
			t.Errorf("%s gives %v", bad, got)
		}
	}
}

// FuzzRows checks that no answer makes Rows panic.
func FuzzRows(f *testing.F) {
	f.Add([]byte(`{"results":[{"id":"1"}]}`), byte(0))
	f.Add([]byte("\x81\xa2id\xa3123"), byte(2))
	f.Add([]byte("VZR1\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x007\x00\x00\x00\x00"), byte(3))
	f.Fuzz(func(t *testing.T, answer []byte, which byte) {
		format := Formats()[int(which)%len(Formats())]
		rows, err := Rows(format, answer, nil)
		for _, r := range rows {
			if r < 0 && err == nil {
				t.Errorf("row %d", r)
			}
		}
	})
}

func TestRowsAllocs(t *testing.T) {
	answer := []byte(`{"results":[{"id":"7","score":1},{"id":"8","score":1}]}`)
	dst := make([]int32, 0, 10)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Rows(JSON, answer, dst); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per answer", n)
	}
}
