package payload

import (
	"bufio"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// The image of an Index, all numbers uvarints unless said otherwise:
//
//	"VZPAYIX1"                      8 bytes: what it is, and the version
//	named, partial                  1 byte each, 0 or 1
//	highest row
//	count, then that many objects:  paths, each length and bytes
//	count, then that many columns:
//	    path                        length and bytes; empty for the first column
//	    the rows of each flag       numFlags row sets
//	    values:                     1 byte kind, content, row set; valuesEnd ends
//	        kindString              length and bytes
//	        kindNumber              1 byte form, 8 bytes little endian
//	        kindCount               number
//	CRC-32C of all that             4 bytes little endian
//
// A row set is a list of runs of rows, each the number of rows left out before it
// plus one, then its length less one; 0 ends the list.
const (
	imageMagic = "VZPAYIX1"
	valuesEnd  = 0xff
)

// WriteTo writes the index to w and returns the bytes written. It may run beside
// the writer; rows that change meanwhile may then be in the image half changed.
// The caller sets or clears again, in an index read from it, every row that was
// changed after WriteTo began: what applying the log's tail does anyway.
func (x *Index) WriteTo(w io.Writer) (int64, error) {
	k := x.known.Load()
	e := &imageWriter{crc: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	e.w = bufio.NewWriterSize(io.MultiWriter(w, e.crc, &e.n), 1<<16)
	e.text(imageMagic)
	e.flag(x.named)
	e.flag(k.partial)
	e.uint(uint64(x.maxRow.Load()))
	e.uint(uint64(len(k.objects)))
	for _, p := range slices.Sorted(maps.Keys(k.objects)) {
		e.str(p)
	}
	e.uint(uint64(len(k.columns)))
	for _, c := range k.columns {
		e.column(c)
	}
	if err := e.w.Flush(); err != nil {
		return int64(e.n), err
	}
	var sum [4]byte
	binary.LittleEndian.PutUint32(sum[:], e.crc.Sum32())
	n, err := w.Write(sum[:])
	return int64(e.n) + int64(n), err
}

// imageWriter writes the parts of an image. Errors stay in w until Flush.
type imageWriter struct {
	w    *bufio.Writer
	crc  hash.Hash32
	n    counter
	buf  [binary.MaxVarintLen64]byte
	rows []uint32
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (e *imageWriter) text(s string) { _, _ = e.w.WriteString(s) }

func (e *imageWriter) byte(b uint8) { _ = e.w.WriteByte(b) }

func (e *imageWriter) uint(v uint64) {
	_, _ = e.w.Write(e.buf[:binary.PutUvarint(e.buf[:], v)])
}

func (e *imageWriter) str(s string) {
	e.uint(uint64(len(s)))
	e.text(s)
}

func (e *imageWriter) flag(b bool) {
	if b {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *imageWriter) column(c *column) {
	dict := c.gen.Load().dict
	e.str(c.path)
	for id := range uint32(numFlags) {
		v := dict.entry(id).view()
		e.set(&v)
	}
	for id := uint32(numFlags); id < dict.count.Load(); id++ {
		entry := dict.entry(id)
		v := entry.view()
		if v.empty() {
			continue
		}
		e.byte(uint8(entry.kind))
		switch entry.kind {
		case kindString:
			e.str(entry.str)
		case kindNumber:
			e.byte(entry.form)
			_, _ = e.w.Write(binary.LittleEndian.AppendUint64(e.buf[:0], entry.bits))
		case kindCount:
			e.uint(entry.bits)
		}
		e.set(&v)
	}
	e.byte(valuesEnd)
}

// empty reports whether v is surely empty.
func (v *view) empty() bool {
	return v.n == 0 && v.set == nil && len(v.list)+len(v.delta) == 0
}

// set writes a row set.
func (e *imageWriter) set(v *view) {
	runs := runWriter{e: e}
	if v.set != nil {
		it := v.bitmap().ManyIterator()
		e.rows = slices.Grow(e.rows[:0], 256)[:256]
		for n := it.NextMany(e.rows); n > 0; n = it.NextMany(e.rows) {
			for _, row := range e.rows[:n] {
				runs.add(row)
			}
		}
	} else {
		e.rows = v.append(e.rows[:0])
		for _, row := range e.rows {
			runs.add(row)
		}
	}
	runs.end()
}

// runWriter joins rows to runs.
type runWriter struct {
	e           *imageWriter
	next        uint64 // row behind the last run written
	start, stop uint64 // the open run, empty when equal
}

func (r *runWriter) add(row uint32) {
	if r.start < r.stop && uint64(row) == r.stop {
		r.stop++
		return
	}
	r.flush()
	r.start, r.stop = uint64(row), uint64(row)+1
}

func (r *runWriter) flush() {
	if r.start < r.stop {
		r.e.uint(r.start - r.next + 1)
		r.e.uint(r.stop - r.start - 1)
		r.next = r.stop
	}
}

func (r *runWriter) end() {
	r.flush()
	r.e.uint(0)
}

var _ io.WriterTo = (*Index)(nil)

// fill gives a new entry its rows, ascending; they are copied.
func (e *entry) fill(rows []uint32) {
	e.rows.Store(int32(len(rows)))
	switch len(rows) {
	case 0:
	case 1:
		e.one.Store(oneRow | uint64(rows[0]))
	default:
		if len(rows) > listMax {
			b := roaring.New()
			b.AddMany(rows)
			e.big.Store(newSet(b))
		} else {
			e.big.Store(newList(slices.Clone(rows)))
		}
		e.one.Store(oneBig)
	}
}
