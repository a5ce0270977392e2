package engine

import (
	"encoding/binary"
	"hash/crc32"
	"sync/atomic"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/engine/store"
)

// idTable maps rows to ids. One goroutine (the committer) writes, any number
// read without a lock. Ids are bytes in append-only segments; a row is one word
// that says where, so a million rows are two pointers per segment and page to
// the garbage collector, not a million strings.
//
// A cleared or replaced id leaves its bytes behind; when more than half of the
// bytes are garbage the live ones are copied into a new body. Readers of the old
// body keep it alive.
type idTable struct {
	body atomic.Pointer[idBody]
	live int          // bytes of live ids; writer only
	used int          // bytes appended; writer only
	rows int          // rows with an id; writer only
	n    atomic.Int64 // rows, as published
}

// idBody is one generation: pages of words and segments of bytes. The slices of
// pages and segments grow by copy, so a loaded header stays valid.
type idBody struct {
	pages atomic.Pointer[[]*idPage]
	segs  atomic.Pointer[[][]byte]
	tail  int // bytes used in the last segment; writer only
}

const (
	idPageRows = 1 << 10
	idSegBytes = 1 << 16
	// A word is segment<<32 | offset<<16 | length; 0 = no id (lengths are >= 1).
	idLenMask = 1<<16 - 1
	// idCompactMin is the garbage below which compaction is not worth a pass.
	idCompactMin = 1 << 16
)

type idPage [idPageRows]atomic.Uint64

func newIDTable() *idTable {
	t := &idTable{}
	t.body.Store(newIDBody())
	return t
}

func newIDBody() *idBody {
	b := &idBody{}
	b.pages.Store(&[]*idPage{})
	b.segs.Store(&[][]byte{})
	return b
}

// Publish makes Len tell of the changes so far: an id that moves between rows is
// counted once all the time.
func (t *idTable) Publish() { t.n.Store(int64(t.rows)) }

// Len is the number of rows that had an id at the last Publish.
func (t *idTable) Len() int { return int(t.n.Load()) }

// Get returns the bytes of row's id, nil if it has none. They never change and
// stay valid as long as they are referenced.
func (t *idTable) Get(row uint32) []byte { return t.body.Load().get(row) }

// String is Get as a string that shares the table's bytes: no allocation.
func (t *idTable) String(row uint32) string {
	b := t.Get(row)
	if b == nil {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

func (b *idBody) get(row uint32) []byte {
	pages := *b.pages.Load()
	p := int(row / idPageRows)
	if p >= len(pages) {
		return nil
	}
	w := pages[p][row%idPageRows].Load()
	if w == 0 {
		return nil
	}
	// The segment list is loaded after the word: a word is stored only after its
	// segment was published.
	seg := (*b.segs.Load())[w>>32]
	off, n := int(w>>16&idLenMask), int(w&idLenMask)
	return seg[off : off+n : off+n]
}

// Set gives row the id.
func (t *idTable) Set(row uint32, id string) {
	b := t.body.Load()
	old := t.place(b, row, id)
	t.live += len(id)
	t.used += len(id)
	if old == 0 {
		t.rows++
	}
	t.drop(old)
}

// Clear takes the id of row away.
func (t *idTable) Clear(row uint32) {
	pages := *t.body.Load().pages.Load()
	if int(row/idPageRows) >= len(pages) {
		return
	}
	old := pages[row/idPageRows][row%idPageRows].Swap(0)
	if old != 0 {
		t.rows--
	}
	t.drop(old)
}

// drop accounts for the bytes of a replaced word and compacts when it pays.
func (t *idTable) drop(word uint64) {
	t.live -= int(word & idLenMask)
	if garbage := t.used - t.live; garbage > idCompactMin && garbage > t.live {
		t.compact()
	}
}

// place appends id's bytes to b and points row at them. It returns the old word.
func (t *idTable) place(b *idBody, row uint32, id string) uint64 {
	page := b.page(row)
	seg, off := b.append(id)
	return page[row%idPageRows].Swap(uint64(seg)<<32 | uint64(off)<<16 | uint64(len(id)))
}

// page returns row's page, growing the list.
func (b *idBody) page(row uint32) *idPage {
	pages := *b.pages.Load()
	p := int(row / idPageRows)
	if p >= len(pages) {
		// append writes beyond the length that readers see, or into a new array.
		for len(pages) <= p {
			pages = append(pages, new(idPage))
		}
		b.pages.Store(&pages)
	}
	return pages[p]
}

// append copies id to the tail and returns where it is.
func (b *idBody) append(id string) (seg, off int) {
	segs := *b.segs.Load()
	if len(segs) == 0 || b.tail+len(id) > len(segs[len(segs)-1]) {
		size := idSegBytes
		if len(segs) == 0 {
			size = 1 << 10 // a small collection stays small
		}
		segs = append(segs, make([]byte, size))
		b.segs.Store(&segs)
		b.tail = 0
	}
	seg, off = len(segs)-1, b.tail
	copy(segs[seg][off:], id)
	b.tail += len(id)
	return seg, off
}

// compact copies the live ids into a new body.
func (t *idTable) compact() {
	old, fresh := t.body.Load(), newIDBody()
	t.live = 0
	for p, page := range *old.pages.Load() {
		for i := range page {
			row := uint32(p*idPageRows + i)
			if id := old.get(row); id != nil {
				t.place(fresh, row, unsafe.String(&id[0], len(id)))
				t.live += len(id)
			}
		}
	}
	t.used = t.live
	t.body.Store(fresh)
}

// Bytes is the memory held.
func (t *idTable) Bytes() int64 {
	b := t.body.Load()
	n := int64(len(*b.pages.Load())) * int64(unsafe.Sizeof(idPage{}))
	for _, s := range *b.segs.Load() {
		n += int64(len(s))
	}
	return n
}

// AppendImage appends the table's image: a count, then row, length and bytes of
// each id, then a CRC-32C. It may run beside the writer: each row is either its
// old or its new id, which replay of the log settles.
func (t *idTable) AppendImage(dst []byte) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, 0)
	n := uint64(0)
	b := t.body.Load()
	for p, page := range *b.pages.Load() {
		for i := range page {
			row := uint32(p*idPageRows + i)
			if id := b.get(row); id != nil {
				dst = binary.LittleEndian.AppendUint32(dst, row)
				dst = append(dst, byte(len(id)-1))
				dst = append(dst, id...)
				n++
			}
		}
	}
	binary.LittleEndian.PutUint64(dst[start:], n)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], imageCRC))
}

// imageCRC is CRC-32C.
var imageCRC = crc32.MakeTable(crc32.Castagnoli)

// loadIDTable reads what AppendImage wrote; rows must be below limit.
// Errors: store.ErrCorrupt.
func loadIDTable(b []byte, limit int) (*idTable, error) {
	if len(b) < 12 {
		return nil, damaged("id table of %d bytes", len(b))
	}
	end := len(b) - 4
	if crc32.Checksum(b[:end], imageCRC) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, damaged("id table checksum")
	}
	n := binary.LittleEndian.Uint64(b)
	t := newIDTable()
	b = b[8:end]
	for ; n > 0; n-- {
		if len(b) < 6 || len(b) < 6+int(b[4]) {
			return nil, damaged("id table is cut short")
		}
		row, idLen := binary.LittleEndian.Uint32(b), int(b[4])+1
		if int64(row) >= int64(limit) {
			return nil, damaged("id table has row %d of %d", row, limit)
		}
		t.Set(row, unsafe.String(&b[5], idLen))
		b = b[5+idLen:]
	}
	if len(b) != 0 {
		return nil, damaged("id table has %d bytes too many", len(b))
	}
	t.Publish()
	return t, nil
}

// damaged makes a store.ErrCorrupt.
func damaged(format string, args ...any) error { return store.Corrupt(format, args...) }
