package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// element is the type of a table's numbers.
type element struct {
	size   int
	float  bool
	signed bool
	order  binary.ByteOrder
}

// String names the type: i4, u1, f8.
func (e element) String() string {
	kind := "u"
	switch {
	case e.float:
		kind = "f"
	case e.signed:
		kind = "i"
	}
	return kind + strconv.Itoa(e.size)
}

// datatype reads a datatype message (specification, IV.A.2.d).
func (f *File) datatype(table string, body []byte) (element, error) {
	c := cursor{b: body}
	class := c.u8() & 15
	bits := c.number(3)
	e := element{size: int(c.u32()), order: binary.LittleEndian, signed: bits&8 != 0}
	offset, precision := c.u16(), c.u16()
	if bits&1 != 0 {
		e.order = binary.BigEndian
	}
	const integer, float = 0, 1
	known := e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8
	known = known && offset == 0 && precision == 8*e.size && !c.short
	switch class {
	case integer:
	case float:
		e.float = true
		c.skip(1)
		exponent := map[int]int{2: 5, 4: 8, 8: 11}[e.size] // of IEEE 754
		known = known && bits&0x40 == 0 && exponent != 0 && c.u8() == exponent
	default:
		known = false
	}
	if !known {
		return e, f.bad(table, "type", "integers of 1, 2, 4 or 8 bytes or floats of 2, 4 or 8",
			fmt.Sprintf("class %d, %d bytes", class, e.size))
	}
	return e, nil
}

// dataspace reads the shape of a table (specification, IV.A.2.b).
func (f *File) dataspace(table string, body []byte) (rows, cols int64, err error) {
	c := cursor{b: body}
	version, rank := c.u8(), c.u8()
	switch version {
	case 1:
		c.skip(6)
	case 2:
		c.skip(2)
	default:
		return 0, 0, f.bad(table, "dataspace version", "1 or 2", version)
	}
	if rank != 2 {
		return 0, 0, f.bad(table, "dimensions", "2: rows and components", rank)
	}
	r, n := c.u64(), c.u64()
	if c.short {
		return 0, 0, f.short(table, "dataspace message")
	}
	if r > math.MaxInt32 || n < 1 || n > 1<<20 {
		return 0, 0, f.bad(table, "shape", "at most 2147483647 rows of 1 to 1048576",
			fmt.Sprintf("%d × %d", r, n))
	}
	return int64(r), int64(n), nil
}

// bits returns the stored bits of element i of raw.
func (e element) bits(raw []byte, i int) uint64 {
	b := raw[i*e.size:]
	switch e.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(e.order.Uint16(b))
	case 4:
		return uint64(e.order.Uint32(b))
	}
	return e.order.Uint64(b)
}

// integer returns element i as a signed number; e is no float.
func (e element) integer(raw []byte, i int) int64 {
	v := e.bits(raw, i)
	if !e.signed {
		return int64(min(v, math.MaxInt64))
	}
	shift := 64 - 8*e.size
	return int64(v<<shift) >> shift
}

// number returns element i as float32.
func (e element) number(raw []byte, i int) float32 {
	switch {
	case !e.float:
		return float32(e.integer(raw, i))
	case e.size == 2:
		var wide [1]float32
		simd.F16ToF32(wide[:], []uint16{uint16(e.bits(raw, i))})
		return wide[0]
	case e.size == 4:
		return math.Float32frombits(uint32(e.bits(raw, i)))
	}
	return float32(math.Float64frombits(e.bits(raw, i)))
}
