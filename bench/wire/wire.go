// Package wire builds the requests that the importers and the load generators
// send and reads the parts of the answers that they need, in each of the body
// encodings of the HTTP API.
package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"

	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// Prefix is the canonical path prefix of the API.
const Prefix = "/api/v1"

// Format is a body encoding.
type Format string

// The encodings. JSON has vectors as arrays, Base64 is JSON with vectors as
// base64 little-endian float32, Octets is the binary form of batch searches with
// a batch of one.
const (
	JSON    Format = "json"
	Base64  Format = "base64"
	MsgPack Format = "msgpack"
	Octets  Format = "octets"
)

// Formats lists the encodings of a search.
func Formats() []Format { return []Format{JSON, Base64, MsgPack, Octets} }

// ContentType is the media type of a body in f.
func (f Format) ContentType() string {
	switch f {
	case MsgPack:
		return "application/msgpack"
	case Octets:
		return "application/octet-stream"
	}
	return "application/json"
}

// CollectionPath is the path of collection name with more behind it.
func CollectionPath(name, more string) string {
	return Prefix + "/collections/" + url.PathEscape(name) + more
}

// Search is one search: ids and scores, no payload.
type Search struct {
	Vector []float32
	K      int
	Ef     int // 0 = the collection's
	Exact  bool
}

// Request builds the whole HTTP request of s on a collection.
func (s *Search) Request(f Format, host, collection string) []byte {
	r := load.Request{
		Method: "POST", Host: host, Path: CollectionPath(collection, "/search"),
		ContentType: f.ContentType(), Accept: f.ContentType(), Body: s.body(f),
	}
	return r.Bytes()
}

func (s *Search) body(f Format) []byte {
	switch f {
	case MsgPack:
		return s.msgpack()
	case Octets:
		return s.octets()
	}
	out := append([]byte(nil), `{"vector":`...)
	out = appendVector(out, f, s.Vector)
	out = fmt.Appendf(out, `,"limit":%d,"with_payload":false`, s.K)
	if s.Ef > 0 {
		out = fmt.Appendf(out, `,"ef":%d`, s.Ef)
	}
	if s.Exact {
		out = append(out, `,"exact":true`...)
	}
	return append(out, '}')
}

func (s *Search) msgpack() []byte {
	n := byte(3)
	if s.Ef > 0 {
		n++
	}
	if s.Exact {
		n++
	}
	out := []byte{0x80 | n}
	out = packFloats(packText(out, "vector"), s.Vector)
	out = packInt(packText(out, "limit"), s.K)
	out = append(packText(out, "with_payload"), 0xc2)
	if s.Ef > 0 {
		out = packInt(packText(out, "ef"), s.Ef)
	}
	if s.Exact {
		out = append(packText(out, "exact"), 0xc3)
	}
	return out
}

// appendVector appends a vector as JSON.
func appendVector(out []byte, f Format, v []float32) []byte {
	if f == Base64 {
		raw := appendOctets(make([]byte, 0, 4*len(v)), v)
		out = append(out, '"')
		out = base64.StdEncoding.AppendEncode(out, raw)
		return append(out, '"')
	}
	out = append(out, '[')
	for i, x := range v {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, float64(x), 'g', -1, 32)
	}
	return append(out, ']')
}

// Upsert builds the JSON body of an upsert of one or more rows; f is JSON or
// Base64.
func Upsert(out []byte, f Format, collection string, rows []rowio.Row) ([]byte, error) {
	name, err := json.Marshal(collection)
	if err != nil {
		return nil, err
	}
	out = append(append(append(out, `{"collection":`...), name...), `,"vectors":[`...)
	for i := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		id, err := json.Marshal(rows[i].ID)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, `{"id":`...), id...), `,"vector":`...)
		out = appendVector(out, f, rows[i].Vector)
		if rows[i].Payload != nil {
			out = append(append(out, `,"payload":`...), rows[i].Payload...)
		}
		out = append(out, '}')
	}
	return append(out, "]}"...), nil
}

func packText(out []byte, s string) []byte {
	if len(s) < 32 {
		return append(append(out, 0xa0|byte(len(s))), s...)
	}
	out = binary.BigEndian.AppendUint32(append(out, 0xdb), uint32(len(s)))
	return append(out, s...)
}

func packInt(out []byte, v int) []byte {
	return binary.BigEndian.AppendUint32(append(out, 0xd2), uint32(int32(v)))
}

func packFloats(out []byte, v []float32) []byte {
	out = binary.BigEndian.AppendUint32(append(out, 0xdd), uint32(len(v)))
	for _, x := range v {
		out = binary.BigEndian.AppendUint32(append(out, 0xca), math.Float32bits(x))
	}
	return out
}
