package payload

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// ErrCorrupt says that an image is damaged, or of another version. Nothing was
// loaded; the caller makes a new index and sets every row.
var ErrCorrupt = errors.New("payload: corrupt image")

// ErrOtherPaths says that an image indexes other paths than asked for. The
// caller makes a new index and sets every row.
var ErrOtherPaths = errors.New("payload: image of other paths")

// ReadFrom reads an image that WriteTo wrote of an index that New(names) made.
// It reads exactly the image's bytes but for what its buffer takes: give it a
// reader of its own. maxRow is the highest row there can be. The errors wrap
// ErrCorrupt or ErrOtherPaths.
func ReadFrom(r io.Reader, names []string, maxRow uint32) (*Index, error) {
	x := New(names)
	d := &imageReader{r: bufio.NewReaderSize(r, 1<<16), x: x, maxRow: maxRow}
	d.table = crc32.MakeTable(crc32.Castagnoli)
	d.index()
	if d.err != nil {
		return nil, d.err
	}
	d.rowEntries()
	for _, c := range x.known.Load().columns {
		c.gen.Load().growDense()
	}
	return x, nil
}

// imageReader reads the parts of an image. After the first error it reads only
// zeros.
type imageReader struct {
	r      *bufio.Reader
	table  *crc32.Table
	sum    uint32
	x      *Index
	maxRow uint32
	err    error
	one    [8]byte
	rows   []uint32
	// found is what every row has: column and value id, in ascending order for
	// each row; at is the row of each.
	found []uint64
	at    []uint32
}

func (d *imageReader) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
	}
}

func (d *imageReader) bytes(b []byte) {
	if d.err == nil {
		if _, err := io.ReadFull(d.r, b); err != nil {
			d.fail("%v", err)
		} else {
			d.sum = crc32.Update(d.sum, d.table, b)
			return
		}
	}
	clear(b)
}

// ReadByte lets binary.ReadUvarint read through the checksum.
func (d *imageReader) ReadByte() (byte, error) {
	d.bytes(d.one[:1])
	return d.one[0], d.err
}

func (d *imageReader) byte() uint8 {
	b, _ := d.ReadByte()
	return b
}

func (d *imageReader) uint(limit uint64) uint64 {
	v, err := binary.ReadUvarint(d)
	if err != nil {
		d.fail("%v", err)
		return 0
	}
	if v > limit {
		d.fail("%d where at most %d can be", v, limit)
		return 0
	}
	return v
}

func (d *imageReader) str(limit int) []byte {
	b := make([]byte, d.uint(uint64(limit)))
	d.bytes(b)
	return b
}

// index reads everything and checks the sum.
func (d *imageReader) index() {
	var magic [len(imageMagic)]byte
	d.bytes(magic[:])
	if d.err == nil && string(magic[:]) != imageMagic {
		d.fail("begins with %q", magic)
	}
	named, partial := d.byte() == 1, d.byte() == 1
	d.x.maxRow.Store(uint32(d.uint(uint64(d.maxRow))))
	if d.err == nil && named != d.x.named {
		d.err = ErrOtherPaths
	}
	var objects []string
	for range d.uint(maxObjectPaths) {
		objects = append(objects, string(d.str(2*filter.MaxKeyBytes)))
	}
	count := int(d.uint(MaxNamedPaths + 1))
	for i := 0; i < count && d.err == nil; i++ {
		d.column(i)
	}
	sum := d.sum
	var stored [4]byte
	d.bytes(stored[:])
	if d.err != nil {
		return
	}
	if binary.LittleEndian.Uint32(stored[:]) != sum {
		d.fail("checksum")
		return
	}
	d.paths(count, partial, objects)
}

// paths makes known what the image knew of paths.
func (d *imageReader) paths(count int, partial bool, objects []string) {
	k := *d.x.known.Load()
	if count != len(k.columns) {
		d.err = ErrOtherPaths
		return
	}
	k.partial = k.partial || partial
	if len(objects) > 0 {
		k.objects = make(map[string]struct{}, len(objects))
		for _, p := range objects {
			k.objects[p] = struct{}{}
			if n := d.x.node(p); n != nil {
				n.holdsObjects = true
			}
		}
	}
	d.x.known.Store(&k)
}

// node returns the node of a path, made if it is not there; nil when the text is
// no path.
func (x *Index) node(path string) *node {
	p, err := filter.ParsePath(path)
	if err != nil || !p.Plain() || p.String() != path {
		return nil
	}
	n := x.root
	for _, s := range p.Steps() {
		to, _ := n.find([]byte(s.Name), 0)
		if to == nil {
			x.nodes++
			to = n.add(s.Name, string(filter.AppendName([]byte(n.path), s.Name)))
		}
		n = to
	}
	return n
}

// column reads the i-th column.
func (d *imageReader) column(i int) {
	path := string(d.str(2 * filter.MaxKeyBytes))
	if d.err != nil {
		return
	}
	c := d.columnOf(i, path)
	if c == nil {
		return
	}
	g := c.gen.Load()
	for id := range uint32(numFlags) {
		d.set(c, g, id)
	}
	for d.err == nil {
		kind := d.byte()
		if kind == valuesEnd || d.err != nil {
			return
		}
		if id, ok := d.value(g, entryKind(kind)); ok {
			d.set(c, g, id)
		}
	}
}

// columnOf returns the column for the image's i-th path.
func (d *imageReader) columnOf(i int, path string) *column {
	k := d.x.known.Load()
	if i < len(k.columns) {
		if k.columns[i].path == path {
			return k.columns[i]
		}
	} else if !d.x.named && i <= MaxAutoPaths {
		if n := d.x.node(path); n != nil && n.col == nil {
			d.x.register(n)
			return n.col
		}
		d.fail("path %.100q", path)
		return nil
	}
	if d.err == nil {
		d.err = ErrOtherPaths
	}
	return nil
}

// value reads a value and gives it an id.
func (d *imageReader) value(g *generation, kind entryKind) (id uint32, ok bool) {
	var fresh bool
	switch kind {
	case kindString:
		s := d.str(MaxStringBytes)
		if d.err == nil {
			id, fresh = g.stringID(s)
		}
	case kindNumber:
		form := d.byte()
		var b [8]byte
		d.bytes(b[:])
		n, valid := filter.NumberFromBits(binary.LittleEndian.Uint64(b[:]), form)
		if !valid {
			d.fail("not a number")
		}
		if d.err == nil {
			id, fresh = g.numberID(n)
		}
	case kindCount:
		n := d.uint(countDeep)
		if d.err == nil {
			id, fresh = g.countID(n)
		}
	default:
		d.fail("value of kind %d", kind)
	}
	if d.err == nil && !fresh {
		d.fail("a value twice")
	}
	return id, d.err == nil
}

// set reads the rows of a value.
func (d *imageReader) set(c *column, g *generation, id uint32) {
	d.rows = d.rows[:0]
	next, limit := uint64(0), uint64(d.maxRow)+1
	for {
		gap := d.uint(limit - next + 1)
		if gap == 0 || d.err != nil {
			break
		}
		start := next + gap - 1
		if start >= limit {
			d.fail("row %d", start)
			return
		}
		length := d.uint(limit-start-1) + 1
		for row := start; row < start+length; row++ {
			d.rows = append(d.rows, uint32(row))
		}
		next = start + length
	}
	if d.err != nil {
		return
	}
	g.dict.entry(id).fill(d.rows)
	if id >= numFlags && len(d.rows) == 0 {
		c.unused++
	}
	for _, row := range d.rows {
		d.at = append(d.at, row)
		d.found = append(d.found, uint64(c.id)<<32|uint64(id))
	}
}

// rowEntries makes the entries of rows from what was found: a counting sort by
// row, which keeps the order of columns and ids.
func (d *imageReader) rowEntries() {
	if len(d.at) == 0 {
		return
	}
	starts := make([]uint32, uint64(slices.Max(d.at))+2)
	for _, row := range d.at {
		starts[row+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	sorted := make([]uint64, len(d.found))
	fill := slices.Clone(starts)
	for i, row := range d.at {
		sorted[fill[row]] = d.found[i]
		fill[row]++
	}
	var entry []byte
	var ids []uint32
	for row := range uint32(len(starts) - 1) {
		entry = entry[:0]
		for list := sorted[starts[row]:starts[row+1]]; len(list) > 0; {
			col, flags := uint32(list[0]>>32), uint8(0)
			ids = ids[:0]
			for len(list) > 0 && uint32(list[0]>>32) == col {
				if id := uint32(list[0]); id < numFlags {
					flags |= 1 << id
				} else {
					ids = append(ids, id)
				}
				list = list[1:]
			}
			entry = appendColumn(entry, col, flags, ids)
		}
		d.x.rows.put(row, entry)
	}
}
