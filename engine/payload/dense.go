package payload

import (
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
)

// dense is a column by row: the key of the one number (or time) that a row has,
// for ranges so wide that to visit the values in order, each with its rows
// somewhere else, costs more than to look at every row in sequence. It exists
// once a column has denseValues of them. The writer changes it, any goroutine
// reads.
type dense struct {
	pages atomic.Pointer[[]*densePage]
	many  atomic.Int64 // rows with more than one, which scan cannot tell
}

const (
	densePageRows = 4096
	denseValues   = 2048
	// denseShare: a range over more than one value for so many rows is scanned.
	denseShare = 48
)

type densePage [densePageRows]atomic.Uint64

// Keys of rows without a value and with several. No float64 but a NaN has them,
// no time either.
const (
	keyNone = math.MaxUint64
	keyMany = math.MaxUint64 - 1
)

// keyOf maps float64 and int64 to unsigned integers in the same order.
func keyOf[K float64 | int64](v K) uint64 {
	switch v := any(v).(type) {
	case int64:
		return uint64(v) ^ 1<<63
	case float64:
		b := math.Float64bits(v)
		if b>>63 == 1 {
			return ^b
		}
		return b | 1<<63
	}
	panic("BUG: payload: no such key")
}

// set makes key what row has.
func (d *dense) set(row uint32, key uint64) {
	var pages []*densePage
	if p := d.pages.Load(); p != nil {
		pages = *p
	}
	n := int(row / densePageRows)
	if n >= len(pages) {
		if key == keyNone {
			return
		}
		for n >= len(pages) {
			page := new(densePage)
			for i := range page {
				page[i].Store(keyNone)
			}
			pages = append(pages, page)
		}
		d.pages.Store(&pages)
	}
	slot := &pages[n][row%densePageRows]
	old := slot.Load()
	if old == key {
		return
	}
	if old == keyMany {
		d.many.Add(-1)
	}
	if key == keyMany {
		d.many.Add(1)
	}
	slot.Store(key)
}

// get returns the key of row.
func (d *dense) get(row uint32) uint64 {
	p := d.pages.Load()
	if p == nil || int(row/densePageRows) >= len(*p) {
		return keyNone
	}
	return (*p)[row/densePageRows][row%densePageRows].Load()
}

// scan returns the rows with a key between low and high, neither included.
func (d *dense) scan(low, high uint64) *roaring.Bitmap {
	p := d.pages.Load()
	if p == nil || high-low < 2 || low >= high {
		return nil
	}
	words := make([]uint64, len(*p)*densePageRows/64)
	for i, page := range *p {
		scanPage(words[i*densePageRows/64:], page, low+1, high-low-1)
	}
	return some(roaring.FromDense(words, false))
}

// scanPage sets the bits of the rows with a key in [low, low+span). The borrow of
// a subtraction is the bit: a branch would be mispredicted for every other row.
func scanPage(words []uint64, page *densePage, low, span uint64) {
	words = words[:densePageRows/64]
	for i := range words {
		var w uint64
		for j := range 64 {
			_, in := bits.Sub64(page[i*64+j].Load()-low, span, 0)
			w |= in << j
		}
		words[i] = w
	}
}

func (d *dense) memory() int64 {
	if p := d.pages.Load(); p != nil {
		return int64(len(*p)) * (densePageRows*8 + 8)
	}
	return 0
}
