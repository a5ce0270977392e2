package hdf5

import "encoding/binary"

// cursor takes little-endian values off a block. Reading past its end gives
// zeros and sets short, which is checked once at the end of a structure.
type cursor struct {
	b     []byte
	short bool
}

// bytes takes n bytes; nil when there are fewer.
func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.short, c.b = true, nil
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) skip(n int) { c.bytes(n) }

// number takes an unsigned integer of n bytes, at most 8.
func (c *cursor) number(n int) uint64 {
	var wide [8]byte
	copy(wide[:], c.bytes(n))
	return binary.LittleEndian.Uint64(wide[:])
}

func (c *cursor) u8() int     { return int(c.number(1)) }
func (c *cursor) u16() int    { return int(c.number(2)) }
func (c *cursor) u32() uint32 { return uint32(c.number(4)) }
func (c *cursor) u64() uint64 { return c.number(8) }
