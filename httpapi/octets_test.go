package httpapi

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

const octetType = "application/octet-stream"

// bulkBody writes a bulk upsert of rows; ids and payloads may be nil.
func bulkBody(flags uint16, dim int, first uint64, rows [][]float32, ids, payloads []string) []byte {
	u := binary.LittleEndian
	b := append([]byte("VZB1"), 1, 0)
	b = u.AppendUint16(b, flags)
	b = u.AppendUint32(b, uint32(dim))
	b = u.AppendUint32(b, 0)
	b = u.AppendUint64(b, uint64(len(rows)))
	b = u.AppendUint64(b, first)
	for i, row := range rows {
		if flags&codec.BulkIDs != 0 {
			b = u.AppendUint16(b, uint16(len(ids[i])))
			b = append(b, ids[i]...)
		}
		for _, f := range row {
			b = u.AppendUint32(b, math.Float32bits(f))
		}
		if flags&codec.BulkPayloads != 0 {
			b = u.AppendUint32(b, uint32(len(payloads[i])))
			b = append(b, payloads[i]...)
		}
	}
	return b
}

func TestBulk(t *testing.T) {
	e := start(t, nil)
	fill(e)
	const path = "/collections/docs/vectors/bulk"
	rows := [][]float32{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}}
	m := e.send("PUT", path, bulkBody(0, 4, 100, rows, nil, nil), "Content-Type", octetType).ok()
	if m["inserted"] != 2.0 || m["created"] != 2.0 || m["failed"] != 1.0 || m["count"] != 3.0 {
		t.Error(m)
	}
	bad := m["errors"].([]any)[0].(map[string]any)
	if bad["index"] != 2.0 || bad["id"] != "102" || bad["error_type"] != "validation_error" {
		t.Error(bad)
	}
	e.send("GET", "/collections/docs/vectors/101", nil).ok()
	m = e.send("POST", path, bulkBody(7, 4, 0, rows[:2], []string{"a", "é"},
		[]string{"", `{"n":1}`}), "Content-Type", octetType).ok()
	if m["inserted"] != 1.0 || m["failed"] != 1.0 { // "a" is present, and the flag says insert
		t.Error(m)
	}
	v := e.send("GET", "/collections/docs/vectors/%C3%A9", nil).ok()
	if fmt.Sprint(v["payload"]) != "map[n:1]" {
		t.Error(v)
	}
}

// TestBulkStreams sends more rows than one group, byte by byte in part, and more
// than the limit for other bodies.
func TestBulkStreams(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.BodyBytes = 64 << 10 })
	e.collection("c", 8, "euclidean")
	const n = 2100
	r := rand.New(rand.NewPCG(5, 6))
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = []float32{float32(i), 0, 0, 0, 0, 0, 0, r.Float32()}
	}
	body := bulkBody(0, 8, 0, rows, nil, nil)
	src := io.MultiReader(iotest.OneByteReader(strings.NewReader(string(body[:500]))),
		strings.NewReader(string(body[500:])))
	m := e.send("PUT", "/collections/c/vectors/bulk", src, "Content-Type", octetType).ok()
	if m["inserted"] != float64(n) {
		t.Error(m)
	}
	v := e.send("GET", "/collections/c/vectors/2099", nil).ok()
	if v["vector"].([]any)[0] != 2099.0 {
		t.Error(v)
	}
	// A body that breaks off says how much is there.
	got := e.send("PUT", "/collections/c/vectors/bulk", body[:len(body)-5], "Content-Type", octetType)
	if says := got.fails(400, "bad_request"); !strings.Contains(says, "row 2099") ||
		got.json()["details"].(map[string]any)["committed_rows"] != 2099.0 {
		t.Errorf("%s", got.body)
	}
	if m := e.send("GET", "/collections/c/count", nil).ok(); m["count"] != float64(n) {
		t.Error(m)
	}
}

func TestBulkRefused(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.BulkBytes = 4096 })
	fill(e)
	good := bulkBody(3, 4, 0, [][]float32{{1, 0, 0, 0}}, []string{"n"}, []string{`{}`})
	f := func(body []byte, status int, kind, says string) {
		t.Helper()
		got := e.send("PUT", "/collections/docs/vectors/bulk", body, "Content-Type", octetType).
			fails(status, kind)
		if !strings.Contains(got, says) {
			t.Errorf("%q does not say %q", got, says)
		}
	}
	edit := func(at int, b ...byte) []byte {
		c := append([]byte(nil), good...)
		copy(c[at:], b)
		return c
	}
	f(good[:10], 400, "bad_request", "ends early")
	f(edit(0, 'X'), 400, "validation_error", "magic")
	f(edit(4, 9), 400, "validation_error", "version")
	f(edit(6, 0xff), 400, "validation_error", "flags")
	f(edit(8, 3), 400, "dimension_mismatch", "expected 4, got 3")
	f(edit(8, 0, 0, 0, 0), 400, "validation_error", "dimension")
	f(edit(12, 1), 400, "validation_error", "reserved")
	f(edit(16, 0), 400, "validation_error", "count")
	f(edit(16, 2), 400, "bad_request", "row 1")
	f(append(append([]byte(nil), good...), 0), 400, "bad_request", "behind")
	f(edit(len(good)-2, '{', '{'), 400, "validation_error", "payload")
	f(edit(len(good)-6, 0xff, 0xff, 0xff, 0xff), 400, "validation_error", "payload")
	f(make([]byte, 5000), 413, "payload_too_large", "4096")
	f(nil, 400, "bad_request", "ends early")
	e.send("PUT", "/collections/docs/vectors/bulk", `{"vectors":[]}`).fails(415,
		"unsupported_media_type")
	m := e.send("PUT", "/collections/docs/vectors/bulk", bulkBody(1, 4, 0, [][]float32{{1, 0, 0, 0}},
		[]string{"\xff"}, nil), "Content-Type", octetType).ok()
	if m["failed"] != 1.0 {
		t.Error(m)
	}
}

func TestSearchOctets(t *testing.T) {
	e := start(t, nil)
	fill(e)
	u := binary.LittleEndian
	query := func(dim, count, k uint32, values ...float32) []byte {
		b := append([]byte("VZQ1"), 1, 0, 0, 0)
		for _, n := range []uint32{dim, count, k, 0, 0, 0} {
			b = u.AppendUint32(b, n)
		}
		return appendFloatBytes(b, values)
	}
	const path = "/collections/docs/search/batch"
	r := e.send("POST", path, query(4, 2, 2, 1, .5, 0, 0, 0, 0, 1, .5), "Content-Type", octetType)
	hits, fails, err := codec.ParseResults(r.body)
	if r.status != 200 || err != nil || r.header.Get("Content-Type") != octetType {
		t.Fatalf("%d %v %s", r.status, err, r.body)
	}
	if len(hits) != 2 || fails[0] != nil || hits[0][0].ID != "a" || hits[0][1].ID != "b" ||
		hits[1][0].ID != "c" || hits[0][0].Score < .89 {
		t.Error(hits, fails)
	}
	// One bad query of two: its result is an error, the other's is not.
	nan := float32(math.NaN())
	r = e.send("POST", path, query(4, 2, 2, nan, 0, 0, 0, 1, 0, 0, 0), "Content-Type", octetType)
	hits, fails, err = codec.ParseResults(r.body)
	if err != nil || fails[0] == nil || fails[1] != nil || hits[1][0].ID != "a" {
		t.Error(hits, fails, err)
	}
	f := func(body []byte, kind string) {
		t.Helper()
		e.send("POST", path, body, "Content-Type", octetType).fails(400, kind)
	}
	f(query(3, 1, 2, 1, 0, 0), "dimension_mismatch")
	f(query(4, 1, 0, 1, 0, 0, 0), "validation_error")
	f(query(4, 1, 10001, 1, 0, 0, 0), "validation_error")
	f(query(4, 0, 1), "validation_error")
	f(query(4, 2, 1, 1, 0, 0, 0), "bad_request")
	f(query(4, 1, 1, 1, 0, 0, 0, 0), "bad_request")
	f([]byte("VZQ1"), "bad_request")
	f(append([]byte("XXXX"), query(4, 1, 1, 1, 0, 0, 0)[4:]...), "validation_error")
	e.send("POST", path, query(4, 1, 1, 1, 0, 0, 0), "Content-Type", octetType, "Accept",
		"application/json").fails(406, "not_acceptable")
}

// TestMessagePack uses the forms of MessagePack that packers differ in.
func TestMessagePack(t *testing.T) {
	e := start(t, nil)
	fill(e)
	pack := func(v any) []byte {
		b, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const kind = "application/x-msgpack"
	send := func(path string, v any) map[string]any {
		t.Helper()
		r := e.send("POST", path, pack(v), "Content-Type", kind)
		var m map[string]any
		if err := msgpack.Unmarshal(r.body, &m); err != nil || r.status != 200 ||
			r.header.Get("Content-Type") != "application/msgpack" {
			t.Fatalf("%d %v %q", r.status, err, r.body)
		}
		return m
	}
	m := send("/insert_vectors", map[string]any{"collection": "docs", "vectors": []any{
		map[string]any{"id": "m", "vector": []float32{1, 1, 0, 0}, "payload": map[string]any{
			"a": 1, "b": []any{1.5, nil, true, "x"}}}}})
	if fmt.Sprint(m["inserted"]) != "1" {
		t.Error(m)
	}
	m = send("/collections/docs/search", map[string]any{"vector": []float64{1, 1, 0, 0}, "k": 1})
	hit := m["results"].([]any)[0].(map[string]any)
	if hit["id"] != "m" || fmt.Sprint(hit["payload"]) != "map[a:1 b:[1.5 <nil> true x]]" ||
		hit["metadata"] != nil {
		t.Error(hit)
	}
	// The reply's form follows Accept.
	r := e.send("POST", "/collections/docs/search", pack(map[string]any{"vector": []float32{1, 0, 0, 0}}),
		"Content-Type", kind, "Accept", "application/json")
	r.ok()
	r = e.send("GET", "/collections/docs", nil, "Accept", "text/html, application/msgpack;q=0.9")
	var info map[string]any
	if err := msgpack.Unmarshal(r.body, &info); err != nil || info["name"] != "docs" {
		t.Errorf("%v %q", err, r.body)
	}
	// Errors are JSON whatever was asked for.
	e.send("POST", "/search", []byte{0xc1}, "Content-Type", kind).fails(400, "bad_request")
	e.send("POST", "/search", pack(map[string]any{"collection": "docs",
		"vector": []float32{1, float32(math.Inf(1)), 0, 0}}), "Content-Type", kind).
		fails(400, "validation_error")
}
