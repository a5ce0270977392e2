package hdf5

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
)

// The filters that are read (specification, IV.A.2.l).
const (
	filterGzip    = 1
	filterShuffle = 2
)

// filters reads a filter pipeline message, in the order of writing.
func (f *File) filters(table string, body []byte) ([]int, error) {
	c := cursor{b: body}
	version, n := c.u8(), c.u8()
	if version != 1 && version != 2 {
		return nil, f.bad(table, "filter pipeline version", "1 or 2", version)
	}
	if version == 1 {
		c.skip(6)
	}
	var out []int
	for range n {
		id, named := c.u16(), 0
		if version == 1 || id >= 256 {
			named = c.u16()
		}
		c.skip(2)
		values := c.u16()
		c.skip(named)
		c.skip(4 * values)
		if version == 1 && values%2 == 1 {
			c.skip(4)
		}
		if c.short {
			return nil, f.short(table, "filter pipeline message")
		}
		if id != filterGzip && id != filterShuffle {
			return nil, f.bad(table, "filter", "gzip (1) or shuffle (2)", id)
		}
		out = append(out, id)
	}
	return out, nil
}

// undo reverses the filters of a chunk whose content is want bytes. Bits of mask
// name filters that were left out.
func (d *Table) undo(raw []byte, mask uint32, want int) ([]byte, error) {
	for i := len(d.filters) - 1; i >= 0; i-- {
		if mask&(1<<i) != 0 {
			continue
		}
		if d.filters[i] == filterShuffle {
			raw = unshuffle(raw, d.elem.size)
			continue
		}
		z, err := zlib.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, d.bad("chunk", "gzip data", "damage").Wrap(err)
		}
		// One byte more than wanted shows a chunk that is too long.
		if raw, err = io.ReadAll(io.LimitReader(z, int64(want)+1)); err != nil {
			return nil, d.bad("chunk", "gzip data", "damage").Wrap(err)
		}
	}
	if len(raw) != want {
		return nil, d.bad("chunk", fmt.Sprintf("%d bytes", want), len(raw))
	}
	return raw, nil
}

// unshuffle puts the bytes of every element together again: they lie first bytes
// first, then second bytes. What does not fill an element stays at the end.
func unshuffle(raw []byte, size int) []byte {
	n := len(raw) / size
	out := make([]byte, len(raw))
	for b := range size {
		for i := range n {
			out[i*size+b] = raw[b*n+i]
		}
	}
	copy(out[n*size:], raw[n*size:])
	return out
}
