package hdf5

import (
	"bytes"
	"math"
)

// attribute keeps a text attribute of the root group (specification, IV.A.2.m).
// Other attributes are left out.
func (f *File) attribute(body []byte) error {
	c := cursor{b: body}
	version := c.u8()
	if version < 1 || version > 3 {
		return f.bad("root group", "attribute version", "1 to 3", version)
	}
	c.skip(1)
	nameSize, typeSize, spaceSize := c.u16(), c.u16(), c.u16()
	if version == 3 {
		c.skip(1)
	}
	pad := 1
	if version == 1 {
		pad = 8
	}
	name := padded(&c, nameSize, pad)
	kind := cursor{b: padded(&c, typeSize, pad)}
	padded(&c, spaceSize, pad)
	if c.short {
		return f.short("root group", "attribute message")
	}
	name = bytes.TrimRight(name, "\x00")
	class := kind.u8() & 15
	bits := kind.number(3)
	size := kind.u32()
	const fixedText, sequence, ofCharacters = 3, 9, 1
	switch {
	case class == fixedText:
		text := c.bytes(int(min(size, math.MaxInt32)))
		if c.short {
			return f.short("root group", "attribute "+string(name))
		}
		f.attrs[string(name)] = string(bytes.TrimRight(text, "\x00 "))
	case class == sequence && bits&15 == ofCharacters:
		n, heap, index := c.u32(), c.u64(), c.u32()
		if c.short {
			return f.short("root group", "attribute "+string(name))
		}
		text, err := f.heapObject(heap, index)
		if err != nil {
			return err
		}
		f.attrs[string(name)] = string(bytes.TrimRight(text[:min(len(text), int(n))], "\x00"))
	}
	return nil
}

// padded takes n bytes and what fills them up to a multiple of unit.
func padded(c *cursor, n, unit int) []byte {
	out := c.bytes(n)
	c.skip((unit - n%unit) % unit)
	return out
}

// heapObject returns an object of a global heap (specification, III.E).
func (f *File) heapObject(at uint64, index uint32) ([]byte, error) {
	head, err := f.block("global heap", at, 16)
	if err != nil {
		return nil, err
	}
	c := cursor{b: head}
	if string(c.bytes(4)) != "GCOL" {
		return nil, f.bad("root group", "global heap", "its signature", "another")
	}
	c.skip(4)
	size := c.u64()
	body, err := f.block("global heap", at+16, max(size, 16)-16)
	if err != nil {
		return nil, err
	}
	c = cursor{b: body}
	for len(c.b) >= 16 {
		number := c.u16()
		c.skip(6)
		size := c.u64()
		if number == 0 || size > blockMax {
			break // the free space
		}
		object := padded(&c, int(size), 8)
		if uint32(number) == index && !c.short {
			return object, nil
		}
	}
	return nil, f.bad("root group", "object of the global heap", "one that is there", index)
}
