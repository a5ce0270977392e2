package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// The octet forms are little-endian; package httpapi/codec documents them.
const (
	bulkIDs      = 1
	bulkPayloads = 2
	queryExact   = 1
	octetsHead   = 32
	failedResult = math.MaxUint32
)

// Bulk builds the octet body of a bulk upsert: at least one row, all of one
// dimension, each with its id and its payload if any.
func Bulk(out []byte, rows []rowio.Row) []byte {
	flags := uint16(bulkIDs)
	for i := range rows {
		if rows[i].Payload != nil {
			flags |= bulkPayloads
		}
	}
	u := binary.LittleEndian
	out = append(out, "VZB1"...)
	out = u.AppendUint16(u.AppendUint16(out, 1), flags)
	out = u.AppendUint32(u.AppendUint32(out, uint32(len(rows[0].Vector))), 0)
	out = u.AppendUint64(u.AppendUint64(out, uint64(len(rows))), 0)
	for i := range rows {
		out = append(u.AppendUint16(out, uint16(len(rows[i].ID))), rows[i].ID...)
		out = appendOctets(out, rows[i].Vector)
		if flags&bulkPayloads != 0 {
			out = u.AppendUint32(out, uint32(len(rows[i].Payload)))
			out = append(out, rows[i].Payload...)
		}
	}
	return out
}

// MaxIDBytes is the longest id that Bulk can carry.
const MaxIDBytes = math.MaxUint16

func (s *Search) octets() []byte {
	flags := uint16(0)
	if s.Exact {
		flags = queryExact
	}
	u := binary.LittleEndian
	out := append(make([]byte, 0, octetsHead+4*len(s.Vector)), "VZQ1"...)
	out = u.AppendUint16(u.AppendUint16(out, 1), flags)
	for _, n := range []int{len(s.Vector), 1, s.K, s.Ef, 0, 0} {
		out = u.AppendUint32(out, uint32(n))
	}
	return appendOctets(out, s.Vector)
}

// Batch is several searches with one body, in octets.
type Batch struct {
	Vectors []float32 // one after the other
	Dim     int
	K       int
	Exact   bool
}

// Request builds the request to search a collection.
func (b *Batch) Request(host, collection string) []byte {
	flags := uint16(0)
	if b.Exact {
		flags = queryExact
	}
	u := binary.LittleEndian
	out := append(make([]byte, 0, octetsHead+4*len(b.Vectors)), "VZQ1"...)
	out = u.AppendUint16(u.AppendUint16(out, 1), flags)
	for _, n := range []int{b.Dim, len(b.Vectors) / b.Dim, b.K, 0, 0, 0} {
		out = u.AppendUint32(out, uint32(n))
	}
	r := load.Request{
		Method: "POST", Host: host, Path: CollectionPath(collection, "/search/batch"),
		ContentType: Octets.ContentType(), Accept: Octets.ContentType(), Body: appendOctets(out, b.Vectors),
	}
	return r.Bytes()
}

func appendOctets(out []byte, v []float32) []byte {
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// octetRows reads the first result of an octet answer.
func octetRows(answer []byte, dst []int32) ([]int32, error) {
	if len(answer) < 16 || string(answer[:4]) != "VZR1" {
		return dst, fmt.Errorf("no octet answer: %.20q", answer)
	}
	u := binary.LittleEndian
	n := u.Uint32(answer[12:])
	if n == failedResult {
		return dst, fmt.Errorf("the search failed: %.200q", answer[16:])
	}
	answer = answer[16:]
	for range n {
		if len(answer) < 2 {
			return dst, errShortOctets
		}
		size := int(u.Uint16(answer))
		if len(answer) < 2+size+4 {
			return dst, errShortOctets
		}
		row, ok := parseRow(answer[2 : 2+size])
		if !ok {
			return dst, badID(len(dst), answer[2:2+size])
		}
		dst = append(dst, row)
		answer = answer[2+size+4:]
	}
	return dst, nil
}
