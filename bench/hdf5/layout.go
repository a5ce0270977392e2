package hdf5

import (
	"fmt"
	"math"
)

// The classes of layouts and the indexes of chunks (specification, IV.A.2.i).
const (
	layoutCompact    = 0
	layoutContiguous = 1
	layoutChunked    = 2

	indexTree     = 0 // version 1 B-tree, of layout version 3
	indexSingle   = 1
	indexImplicit = 2
	indexFixed    = 3
)

// chunk is where a chunk lies.
type chunk struct {
	at   uint64
	size uint64
	mask uint32 // of filters that were left out
	used bool
}

// layout takes the place of the data from a layout message.
func (d *Table) layout(body []byte) error {
	c := cursor{b: body}
	version, class := c.u8(), c.u8()
	if version < 3 || version > 5 {
		return d.bad("layout version", "3 to 5", version)
	}
	switch class {
	case layoutCompact:
		d.compact = c.bytes(c.u16())
	case layoutContiguous:
		d.at, d.stored = c.u64(), c.u64()
		if d.at == undefined && d.rows > 0 {
			return d.bad("data", "that it was written", "none")
		}
	case layoutChunked:
		return d.chunkLayout(&c, version)
	default:
		return d.bad("layout", "compact, contiguous or chunked", class)
	}
	if c.short {
		return d.file.short(d.name, "layout message")
	}
	return nil
}

func (d *Table) chunkLayout(c *cursor, version int) error {
	index, flags := indexTree, 0
	if version > 3 {
		flags = c.u8()
	}
	if rank := c.u8(); rank != 3 { // rows, components, bytes of an element
		return d.bad("dimensions of a chunk", "3", rank)
	}
	root, width := uint64(0), 4
	if version == 3 {
		root = c.u64()
	} else {
		width = c.u8()
	}
	rows, cols, elem := c.number(width), c.number(width), c.number(width)
	if c.short || width > 8 || elem != uint64(d.elem.size) || rows < 1 || cols < 1 ||
		rows > math.MaxInt32 || cols > math.MaxInt32 {
		return d.bad("chunk", "rows × components × bytes of an element",
			fmt.Sprintf("%d × %d × %d", rows, cols, elem))
	}
	d.chunkRows, d.chunkCols = int64(rows), int64(cols)
	across := (d.cols + d.chunkCols - 1) / d.chunkCols
	down := (d.rows + d.chunkRows - 1) / d.chunkRows
	// Chunks reach past the table's edge, so their bytes and the table's both count.
	if bytes := float64(d.chunkRows) * float64(across*d.chunkCols) * float64(d.elem.size); bytes > chunkMax {
		return d.bad("row of chunks", fmt.Sprintf("at most %d bytes", chunkMax), bytes)
	}
	if across*down > d.file.size {
		return d.bad("number of chunks", "no more than the file's bytes", across*down)
	}
	d.across, d.chunks = across, make([]chunk, across*down)
	if version > 3 {
		index = c.u8()
	}
	return d.chunkIndex(c, index, flags, version, root)
}

// chunkIndex fills the list of chunks.
func (d *Table) chunkIndex(c *cursor, index, flags, version int, root uint64) error {
	whole := uint64(d.chunkRows * d.chunkCols * int64(d.elem.size))
	switch index {
	case indexTree:
		if root == undefined {
			return d.bad("data", "that it was written", "none")
		}
		return d.chunkTree(root)
	case indexSingle:
		one := chunk{size: whole, used: true}
		if flags&2 != 0 {
			one.size, one.mask = c.u64(), c.u32()
		}
		one.at = c.u64()
		if c.short || len(d.chunks) > 1 {
			return d.bad("chunks", "one", len(d.chunks))
		}
		for i := range d.chunks {
			d.chunks[i] = one
		}
		return nil
	case indexImplicit:
		at := c.u64()
		if c.short || at == undefined {
			return d.bad("data", "that it was written", "none")
		}
		for i := range d.chunks {
			d.chunks[i] = chunk{at: at + uint64(i)*whole, size: whole, used: true}
		}
		return nil
	case indexFixed:
		c.skip(1)
		at := c.u64()
		if c.short || at == undefined {
			return d.bad("data", "that it was written", "none")
		}
		return d.fixedArray(at, whole)
	}
	return d.bad("chunk index", "a version 1 B-tree, a fixed array, one chunk or chunks in order "+
		"(tables that can grow, in files of the newest format, have others)",
		fmt.Sprintf("%d of layout %d", index, version))
}

// chunkTree reads the chunks from a version 1 B-tree: the key is stored size,
// filter mask and the offset in rows, components and bytes.
func (d *Table) chunkTree(root uint64) error {
	const keyBytes = 8 + 3*8
	return d.file.tree(root, 1, keyBytes, func(key []byte, child uint64) error {
		c := cursor{b: key}
		size, mask := c.u32(), c.u32()
		row, col := c.u64()/uint64(d.chunkRows), c.u64()/uint64(d.chunkCols)
		if col >= uint64(d.across) || row >= uint64(int64(len(d.chunks))/d.across) {
			return d.bad("chunk offset", "within the table", fmt.Sprintf("chunk %d, %d", row, col))
		}
		d.chunks[int64(row)*d.across+int64(col)] = chunk{at: child, size: uint64(size), mask: mask, used: true}
		return nil
	})
}

// fixedArray reads the chunks from a fixed array (specification, VII.C).
func (d *Table) fixedArray(at, whole uint64) error {
	head, err := d.file.block("fixed array", at, 28)
	if err != nil {
		return err
	}
	c := cursor{b: head}
	signature := string(c.bytes(4))
	c.skip(1)
	client, width, pageBits := c.u8(), c.u8(), c.u8()
	n, block := c.u64(), c.u64()
	if signature != "FAHD" || client > 1 || n < uint64(len(d.chunks)) || pageBits > 30 ||
		client == 0 && width != 8 || client == 1 && (width < 13 || width > 20) {
		return d.bad("fixed array", "one entry per chunk",
			fmt.Sprintf("%q, %d entries of %d bytes", signature, n, width))
	}
	const prefix = 14 // signature, version, client, address of the header
	page, next := n, block+prefix
	if n > 1<<pageBits {
		page = 1 << pageBits
		pages := (n + page - 1) / page
		next += (pages+7)/8 + 4 // which pages are there, checksum
	}
	for from := uint64(0); from < uint64(len(d.chunks)); from += page {
		entries := min(page, n-from)
		body, err := d.file.block("fixed array", next, entries*uint64(width))
		if err != nil {
			return err
		}
		c := cursor{b: body}
		for i := from; i < min(from+entries, uint64(len(d.chunks))); i++ {
			one := chunk{at: c.u64(), size: whole, used: true}
			if client == 1 {
				one.size, one.mask = c.number(width-12), c.u32()
			}
			one.used = one.at != undefined
			d.chunks[i] = one
		}
		next += entries*uint64(width) + 4 // checksum
	}
	return nil
}
