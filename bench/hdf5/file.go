package hdf5

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Signature starts every HDF5 file.
const Signature = "\x89HDF\r\n\x1a\n"

// undefined is the address of what was never written.
const undefined = math.MaxUint64

// blockMax bounds one block of metadata, and chunkMax the bytes of a chunk and of
// a row of chunks, before anything is allocated for what a file claims.
const (
	blockMax = 16 << 20
	chunkMax = 256 << 20
)

// File is an open HDF5 file. It is for one goroutine.
type File struct {
	name  string
	r     io.ReaderAt
	size  int64
	links map[string]uint64 // name in the root group -> address of its header
	attrs map[string]string // text attributes of the root group
}

// Open reads the root group of a file of size bytes. name stands in messages.
func Open(name string, r io.ReaderAt, size int64) (*File, error) {
	f := &File{name: name, r: r, size: size, links: map[string]uint64{}, attrs: map[string]string{}}
	root, err := f.superblock()
	if err != nil {
		return nil, err
	}
	messages, err := f.header("root group", root)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if err := f.rootMessage(m); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Names lists what the root group holds, in order.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.links)) }

// Attribute returns a text attribute of the root group.
func (f *File) Attribute(name string) (string, bool) {
	text, ok := f.attrs[name]
	return text, ok
}

// superblock returns the address of the root group's header.
func (f *File) superblock() (uint64, error) {
	const superblockMax = 96
	head, err := f.block("superblock", 0, uint64(min(f.size, superblockMax)))
	if err != nil {
		return 0, err
	}
	c := cursor{b: head}
	if string(c.bytes(len(Signature))) != Signature {
		return 0, f.bad("", "signature", "that of HDF5", "another")
	}
	version := c.u8()
	if version > 3 {
		return 0, f.bad("", "superblock version", "0 to 3", version)
	}
	if version < 2 {
		c.skip(4)
	}
	if offsets, lengths := c.u8(), c.u8(); offsets != 8 || lengths != 8 {
		return 0, f.bad("", "size of offsets and lengths", "8 and 8", fmt.Sprintf("%d and %d", offsets, lengths))
	}
	c.skip(1)
	switch version {
	case 0:
		c.skip(8)
	case 1:
		c.skip(12)
	}
	if base := c.u64(); base != 0 {
		return 0, f.bad("", "base address", "0", base)
	}
	c.skip(16) // free space or extension, end of file
	if version < 2 {
		c.skip(16) // driver information, name of the root entry
	}
	root := c.u64()
	if c.short {
		return 0, f.short("", "superblock")
	}
	return root, nil
}

// rootMessage takes links and attributes from one message of the root group.
func (f *File) rootMessage(m message) error {
	switch m.kind {
	case msgSymbolTable:
		c := cursor{b: m.body}
		tree, heap := c.u64(), c.u64()
		if c.short {
			return f.short("root group", "symbol table message")
		}
		return f.symbolTable(tree, heap)
	case msgLinkInfo:
		c := cursor{b: m.body}
		c.skip(1)
		if flags := c.u8(); flags&1 != 0 {
			c.skip(8)
		}
		if heap := c.u64(); heap != undefined && !c.short {
			return f.bad("root group", "links", "in the header or a symbol table", "in a fractal heap")
		}
	case msgLink:
		return f.linkMessage(m.body)
	case msgAttribute:
		return f.attribute(m.body)
	}
	return nil
}

// block reads n bytes at an address.
func (f *File) block(what string, at, n uint64) ([]byte, error) {
	if n > blockMax {
		return nil, f.bad("", "size of the "+what, fmt.Sprintf("at most %d bytes", blockMax), n)
	}
	return f.stored(what, at, n)
}

// stored reads n bytes at an address, which must lie in the file.
func (f *File) stored(what string, at, n uint64) ([]byte, error) {
	if at > uint64(f.size) || n > uint64(f.size)-at {
		return nil, f.bad("", "place of the "+what, fmt.Sprintf("within %d bytes of the file", f.size),
			fmt.Sprintf("%d bytes at %d", n, at))
	}
	out := make([]byte, n)
	if _, err := f.r.ReadAt(out, int64(at)); err != nil && !errors.Is(err, io.EOF) {
		return nil, f.bad("", what, "more bytes", "an error").Wrap(err)
	}
	return out, nil
}

// bad is a refusal of a field of a table, "" for the file itself.
func (f *File) bad(table, field, expected string, given any) *errs.Error {
	where := ""
	if table != "" {
		where = table + ": "
	}
	return errs.New(errs.Validation, "%s: %s%s: expected %s, got %v", f.name, where, field, expected, given).
		With("file", f.name).With("table", table).With("field", field).
		With("expected", expected).With("given", fmt.Sprint(given))
}

// short refuses a structure that ends early.
func (f *File) short(table, what string) error { return f.bad(table, what, "more bytes", "its end") }
