package payload

import (
	"slices"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
)

// entry is one value of a column with the rows that have it. The writer makes
// and changes it; readers use view. Its value never changes once it is reachable.
type entry struct {
	str  string // of kindString
	bits uint64 // of kindNumber and kindCount
	// one is 0 for no rows, oneRow|row for a single row, oneBig when big holds
	// them.
	one  atomic.Uint64
	big  atomic.Pointer[posting]
	rows atomic.Int32 // how many have the value
	kind entryKind
	form uint8 // of kindNumber
}

type entryKind uint8

const (
	kindFlag entryKind = iota
	kindString
	kindNumber
	kindCount
)

const (
	oneRow = 1 << 32
	oneBig = 2 << 32
)

// posting is a set of two rows or more. All but n and the slots of delta behind
// n is immutable.
type posting struct {
	list  []uint32        // ascending, when set is nil
	set   *roaring.Bitmap // else
	delta []uint64        // changes since, in order: row<<1, +1 when added
	n     atomic.Uint32   // changes that count
}

// Sizes at which a posting changes its form. A list of 1,024 rows takes about
// what a bitmap takes whose rows spread over sixteen containers.
const (
	listMax     = 1024
	listMin     = 512 // a bitmap with fewer rows becomes a list again
	listPlain   = 16  // a list up to here has no delta
	minDelta    = 8
	maxDelta    = 512
	bytesPerOne = 256 // bytes of a bitmap for each slot of its delta
)

// add puts row, which is not there, into the set.
func (e *entry) add(row uint32) {
	e.rows.Add(1)
	switch v := e.one.Load(); {
	case v == 0:
		e.one.Store(oneRow | uint64(row))
	case v < oneBig:
		first := uint32(v)
		e.big.Store(newList([]uint32{min(first, row), max(first, row)}))
		e.one.Store(oneBig)
	default:
		e.change(uint64(row)<<1 | 1)
	}
}

// remove takes row, which is there, out of the set.
func (e *entry) remove(row uint32) {
	e.rows.Add(-1)
	if e.one.Load() < oneBig {
		e.one.Store(0)
		return
	}
	e.change(uint64(row) << 1)
}

func (e *entry) change(op uint64) {
	p := e.big.Load()
	if n := p.n.Load(); int(n) < len(p.delta) {
		p.delta[n] = op
		p.n.Store(n + 1)
		return
	}
	e.big.Store(p.fold(op))
}

// fold returns p with its changes and one more in its base.
func (p *posting) fold(last uint64) *posting {
	if p.set == nil {
		list := make([]uint32, len(p.list), len(p.list)+len(p.delta)+1)
		copy(list, p.list)
		for _, op := range p.delta {
			list = applyList(list, op)
		}
		return newList(applyList(list, last))
	}
	set := p.set.Clone()
	for _, op := range p.delta {
		applySet(set, op)
	}
	applySet(set, last)
	return newSet(set)
}

// newList takes list over.
func newList(list []uint32) *posting {
	if len(list) > listMax {
		return newSet(roaring.BitmapOf(list...))
	}
	p := &posting{list: list}
	if len(list) > listPlain {
		p.delta = make([]uint64, min(max(len(list)/8, minDelta), maxDelta))
	}
	return p
}

// newSet takes set over.
func newSet(set *roaring.Bitmap) *posting {
	if set.GetCardinality() < listMin {
		return newList(set.ToArray())
	}
	n := min(max(int(set.GetSizeInBytes()/bytesPerOne), 8*minDelta), maxDelta)
	return &posting{set: set, delta: make([]uint64, n)}
}

func applyList(list []uint32, op uint64) []uint32 {
	row := uint32(op >> 1)
	i, found := slices.BinarySearch(list, row)
	switch {
	case op&1 == 1 && !found:
		return slices.Insert(list, i, row)
	case op&1 == 0 && found:
		return slices.Delete(list, i, i+1)
	}
	return list
}

func applySet(set *roaring.Bitmap, op uint64) {
	if op&1 == 1 {
		set.Add(uint32(op >> 1))
	} else {
		set.Remove(uint32(op >> 1))
	}
}

// view is a set of rows as it was at one moment. Its slices and bitmap are not
// changed by anyone.
type view struct {
	single uint32
	n      int8 // rows in single: 0 or 1
	list   []uint32
	set    *roaring.Bitmap
	delta  []uint64
}

// view returns the rows of e now.
func (e *entry) view() view {
	v := e.one.Load()
	switch {
	case v == 0:
		return view{}
	case v < oneBig:
		return view{single: uint32(v), n: 1}
	}
	p := e.big.Load()
	return view{list: p.list, set: p.set, delta: p.delta[:p.n.Load()]}
}

// bitmap returns the rows as a bitmap that nobody changes; nil when empty.
func (v *view) bitmap() *roaring.Bitmap {
	switch {
	case v.n == 1:
		return roaring.BitmapOf(v.single)
	case v.set == nil && len(v.list)+len(v.delta) == 0:
		return nil
	case v.set == nil:
		return roaring.BitmapOf(v.append(nil)...)
	case len(v.delta) == 0:
		return v.set
	}
	set := v.set.Clone()
	for _, op := range v.delta {
		applySet(set, op)
	}
	return set
}

// append appends the rows of a view without a bitmap.
func (v *view) append(dst []uint32) []uint32 {
	if v.n == 1 {
		return append(dst, v.single)
	}
	at := len(dst)
	dst = append(dst, v.list...)
	if len(v.delta) == 0 {
		return dst
	}
	tail := dst[at:]
	for _, op := range v.delta {
		tail = applyList(tail, op)
	}
	return append(dst[:at], tail...)
}

// memory returns the bytes held beside the entry itself.
func (e *entry) memory() int64 {
	size := int64(len(e.str))
	if e.one.Load() < oneBig {
		return size
	}
	p := e.big.Load()
	size += 96 + int64(cap(p.list))*4 + int64(cap(p.delta))*8
	if p.set != nil {
		size += int64(p.set.GetSizeInBytes())
	}
	return size
}

// appendAll appends the rows of any view.
func (v *view) appendAll(dst []uint32) []uint32 {
	if v.set != nil {
		return append(dst, v.bitmap().ToArray()...)
	}
	return v.append(dst)
}
