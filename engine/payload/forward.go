package payload

import "encoding/binary"

// forward remembers per row what the index holds of it, so that a row can be
// changed without its old payload. It is the writer's. A row's entry is the
// columns in ascending order, each as column id, flags and the ascending ids of
// its values: uvarint column, one byte flags, uvarint count, then count uvarints,
// each the difference to the id before.
//
// Entries lie in chunks, in blocks of a multiple of granule bytes that begin with
// the length of the entry; free blocks are kept by size.
type forward struct {
	refs   []uint32 // per row: block number + 1; 0 = no entry
	chunks [][]byte
	used   int                   // granules of the last chunk in use
	free   [maxGranules][]uint32 // by granules - 1
	large  map[uint32][]byte     // by row: entries that fit no block
}

const (
	granule      = 8
	maxGranules  = 64
	chunkBits    = 15 // granules of a chunk
	chunkSize    = granule << chunkBits
	firstChunk   = 1 << 10 // bytes that a chunk begins with
	lengthPrefix = 2
)

// get returns row's entry; nil when it has none. It is valid until put.
func (f *forward) get(row uint32) []byte {
	if int(row) >= len(f.refs) || f.refs[row] == 0 {
		if f.large != nil {
			return f.large[row]
		}
		return nil
	}
	b := f.block(f.refs[row] - 1)
	n := binary.LittleEndian.Uint16(b)
	return b[lengthPrefix : lengthPrefix+int(n)]
}

func (f *forward) block(ref uint32) []byte {
	at := int(ref&(1<<chunkBits-1)) * granule
	return f.chunks[ref>>chunkBits][at:]
}

func granules(entry int) int { return (entry + lengthPrefix + granule - 1) / granule }

// put replaces row's entry by a copy of b; an empty b frees it.
func (f *forward) put(row uint32, b []byte) {
	old := f.get(row)
	size := granules(len(b))
	switch {
	case len(b) > 0 && size <= maxGranules && old != nil && f.large[row] == nil &&
		granules(len(old)) == size:
		store(f.block(f.refs[row]-1), b)
		return
	case old != nil:
		f.drop(row, old)
	}
	if len(b) == 0 {
		return
	}
	if size > maxGranules {
		if f.large == nil {
			f.large = make(map[uint32][]byte)
		}
		f.large[row] = append([]byte(nil), b...)
		return
	}
	for int(row) >= len(f.refs) {
		f.refs = append(f.refs, 0)
	}
	ref := f.take(size)
	store(f.block(ref), b)
	f.refs[row] = ref + 1
}

func store(block, b []byte) {
	binary.LittleEndian.PutUint16(block, uint16(len(b)))
	copy(block[lengthPrefix:], b)
}

func (f *forward) drop(row uint32, old []byte) {
	if f.large[row] != nil {
		delete(f.large, row)
		return
	}
	size := granules(len(old))
	f.free[size-1] = append(f.free[size-1], f.refs[row]-1)
	f.refs[row] = 0
}

// take returns a block of size granules.
func (f *forward) take(size int) uint32 {
	if list := f.free[size-1]; len(list) > 0 {
		f.free[size-1] = list[:len(list)-1]
		return list[len(list)-1]
	}
	if len(f.chunks) == 0 || f.used+size > 1<<chunkBits {
		f.chunks = append(f.chunks, make([]byte, firstChunk))
		f.used = 0
	}
	if last := &f.chunks[len(f.chunks)-1]; (f.used+size)*granule > len(*last) {
		*last = append(*last, make([]byte, len(*last))...) // twice as long, up to chunkSize
	}
	ref := uint32(len(f.chunks)-1)<<chunkBits | uint32(f.used)
	f.used += size
	return ref
}

// rows is one more than the highest row that ever had an entry in a block.
func (f *forward) rows() uint32 { return uint32(len(f.refs)) }

// memory returns the bytes held.
func (f *forward) memory() int64 {
	size := int64(cap(f.refs)) * 4
	for _, c := range f.chunks {
		size += int64(cap(c))
	}
	for _, list := range f.free {
		size += int64(cap(list)) * 4
	}
	for _, b := range f.large {
		size += int64(cap(b)) + 48
	}
	return size
}

// reader reads an entry column by column.
type reader struct {
	b   []byte
	col uint32
	// of the current column
	flags uint8
	ids   []uint32
}

// next moves to the next column; at the end col is noColumn.
func (r *reader) next() {
	if len(r.b) == 0 {
		r.col, r.flags, r.ids = noColumn, 0, r.ids[:0]
		return
	}
	col, n := binary.Uvarint(r.b)
	r.col, r.flags = uint32(col), r.b[n]
	count, m := binary.Uvarint(r.b[n+1:])
	r.b = r.b[n+1+m:]
	r.ids = r.ids[:0]
	id := uint32(0)
	for range count {
		d, n := binary.Uvarint(r.b)
		r.b = r.b[n:]
		id += uint32(d)
		r.ids = append(r.ids, id)
	}
}

const noColumn = ^uint32(0)

// appendColumn appends one column of an entry; ids are ascending.
func appendColumn(dst []byte, col uint32, flags uint8, ids []uint32) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(col)), flags)
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	last := uint32(0)
	for _, id := range ids {
		dst = binary.AppendUvarint(dst, uint64(id-last))
		last = id
	}
	return dst
}
