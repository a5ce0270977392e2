package codec

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// pack encodes a value with the reference library.
func pack(t testing.TB, v any) []byte {
	t.Helper()
	b, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSearchMsgPack(t *testing.T) {
	f := func(vector any) {
		t.Helper()
		var d Decoder
		d.Reset(pack(t, map[string]any{"vector": vector, "limit": 300, "ef": uint8(40),
			"threshold": 0.5, "exact": true, "filter": nil, "public_key": map[string]any{"x": []int{1}},
		}), MsgPack)
		var s Search
		if err := s.Decode(&d); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Vector, []float32{1, -2, 0.5}) || s.Limit != 300 || s.Ef != 40 ||
			s.Threshold != .5 || !s.Exact {
			t.Fatalf("%+v", s)
		}
	}
	f([]float32{1, -2, 0.5})
	f([]float64{1, -2, 0.5})
	f([]any{1, int64(-2), float32(0.5)})
	f([]byte{0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 0, 63})
	f("AACAPwAAAMAAAAA/")
}

func TestMsgPackRefused(t *testing.T) {
	f := func(body []byte, kind errs.Kind, says string) {
		t.Helper()
		var d Decoder
		d.Reset(body, MsgPack)
		var s Search
		err := s.Decode(&d)
		if errs.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
			t.Errorf("%x: %v, want %s saying %q", body, err, kind, says)
		}
	}
	nan := float32(math.NaN())
	f(pack(t, map[string]any{"vector": []float32{1, nan}}), errs.Validation, "vector[1]")
	f(pack(t, map[string]any{"vector": []float64{1e300}}), errs.Validation, "vector[0]")
	f(pack(t, map[string]any{"vector": []any{1, "x"}}), errs.Validation, "vector[1]")
	f(pack(t, map[string]any{"vector": []byte{1, 2, 3}}), errs.Validation, "4-byte")
	f(pack(t, map[string]any{"vector": []float32{1}, "limit": 1 << 40}), errs.Validation, "limit")
	f(pack(t, map[string]any{"vector": []float32{1}, "limit": uint64(math.MaxUint64)}),
		errs.Validation, "limit")
	f(pack(t, map[string]any{"vektor": []float32{1}}), errs.Validation, `"vector"`)
	f(pack(t, map[int]any{1: 2}), errs.BadRequest, "key")
	f(pack(t, 5), errs.Validation, "object")
	f([]byte{}, errs.BadRequest, "early")
	f([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, errs.BadRequest, "early")
	f([]byte{0x81, 0xa6, 'v', 'e', 'c', 't', 'o', 'r', 0xdd, 0xff, 0xff, 0xff, 0xff},
		errs.BadRequest, "early")
	f([]byte{0x81, 0xc7, 0, 0}, errs.BadRequest, "key")
	f(append(pack(t, map[string]any{"vector": []float32{1}}), 0), errs.BadRequest, "behind")
	f([]byte{0x81, 0xa1, 0xff, 1}, errs.Validation, "UTF-8")
	deep := append([]byte{0x81, 0xaa}, "public_key"...)
	f(append(deep, bytes.Repeat([]byte{0x91}, 200)...), errs.BadRequest, "nested")
}

func TestMsgPackAllocs(t *testing.T) {
	body := pack(t, map[string]any{"vector": make([]float32, 256), "limit": 10})
	var d Decoder
	var s Search
	run := func() {
		d.Reset(body, MsgPack)
		if err := s.Decode(&d); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// generic decodes JSON into values whose numbers are float64.
func generic(t testing.TB, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

// TestTranscode checks both directions against the reference library.
func TestTranscode(t *testing.T) {
	text := []byte(`{"a":[1,-1,0.5,1e100,true,false,null,"x\u0000\"é😀"],"b":{},"c":[],"d":{"e":[{}]},` +
		`"big":18446744073709551615,"neg":-9007199254740993,"s":"` + strings.Repeat("y", 70000) + `"}`)
	packed := AppendMsgPack(nil, text)
	var viaLibrary any
	if err := msgpack.Unmarshal(packed, &viaLibrary); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(viaLibrary)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(generic(t, back), generic(t, text)) {
		t.Errorf("library reads %.200s", back)
	}
	var d Decoder
	d.Reset(packed, MsgPack)
	raw, err := d.Raw()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(generic(t, raw), generic(t, text)) {
		t.Errorf("we read %.200s", raw)
	}
}

func FuzzMsgPack(f *testing.F) {
	f.Add(pack(f, map[string]any{"vector": []float32{1, 2}, "limit": 3}))
	f.Add(pack(f, map[string]any{"a": []any{1, -5, "x", nil, true, 1.5, float32(2)}}))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		d.Reset(body, MsgPack)
		var s Search
		_ = s.Decode(&d)
		d.Reset(body, MsgPack)
		raw, err := d.Raw()
		if err != nil || d.End() != nil {
			return
		}
		// What we accept is JSON, is what the library reads, and survives the way back.
		got := generic(t, raw)
		var ref any
		if err := msgpack.Unmarshal(body, &ref); err != nil {
			t.Fatalf("library refuses %x: %v", body, err)
		}
		again := AppendMsgPack(nil, raw)
		d.Reset(again, MsgPack)
		raw2, err := d.Raw()
		if err != nil || !reflect.DeepEqual(generic(t, raw2), got) {
			t.Fatalf("%s became %s, %v", raw, raw2, err)
		}
	})
}
