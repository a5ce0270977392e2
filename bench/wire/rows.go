package wire

import (
	"bytes"
	"errors"
	"fmt"
)

var errShortOctets = errors.New("the octet answer ends early")

func badID(n int, id []byte) error {
	return fmt.Errorf("result %d has an id that is no row number: %.20q", n, id)
}

// Rows appends the row numbers that a search's answer names to dst. It is for
// collections whose ids are row numbers in decimal, as an import of bare vectors
// makes them. It looks for the ids only, so that reading an answer costs the load
// generator about a microsecond.
func Rows(f Format, answer []byte, dst []int32) ([]int32, error) {
	mark := []byte(`"id":"`)
	switch f {
	case Octets:
		return octetRows(answer, dst)
	case MsgPack:
		mark = []byte("\xa2id") // then a text head
	}
	for {
		at := bytes.Index(answer, mark)
		if at < 0 {
			return dst, nil
		}
		answer = answer[at+len(mark):]
		id, rest, ok := cutID(f, answer)
		row, isRow := parseRow(id)
		if !ok || !isRow {
			return dst, badID(len(dst), answer[:min(20, len(answer))])
		}
		dst = append(dst, row)
		answer = rest
	}
}

// cutID splits the id off the front of the answer.
func cutID(f Format, answer []byte) (id, rest []byte, ok bool) {
	if f != MsgPack {
		return bytes.Cut(answer, []byte{'"'})
	}
	// Row numbers have at most 10 digits, which MessagePack writes with a
	// one-byte head.
	if len(answer) == 0 || answer[0]&0xe0 != 0xa0 {
		return nil, nil, false
	}
	n := int(answer[0] & 0x1f)
	if len(answer) < 1+n {
		return nil, nil, false
	}
	return answer[1 : 1+n], answer[1+n:], true
}

func parseRow(id []byte) (int32, bool) {
	if len(id) == 0 || len(id) > 10 {
		return 0, false
	}
	var n int64
	for _, c := range id {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return int32(n), n <= 1<<31-1
}
