package payload

import (
	"github.com/RoaringBitmap/roaring/v2"
)

// fewSets is up to how many values the rows are united pair by pair.
const fewSets = 4

// fewRows is up to how many rows are collected in a list.
const fewRows = 512

// unite returns the rows that have one of the values; nil when there are none.
func (q *query) unite(d *dictionary, ids []uint32) *roaring.Bitmap {
	if len(ids) <= fewSets {
		var b *roaring.Bitmap
		for _, id := range ids {
			v := d.entry(id).view()
			b = q.union(b, v.bitmap())
		}
		return b
	}
	total := 0
	for _, id := range ids {
		total += int(d.entry(id).rows.Load())
		if total > fewRows {
			return q.uniteMany(d, ids)
		}
	}
	rows := make([]uint32, 0, total)
	var b *roaring.Bitmap
	for _, id := range ids {
		if v := d.entry(id).view(); v.set != nil {
			b = q.union(b, v.bitmap())
		} else {
			rows = v.append(rows)
		}
	}
	return q.union(b, some(roaring.BitmapOf(rows...)))
}

// uniteMany marks the rows in a plain array of bits, which a bitmap then takes
// over: one write for each row, whatever their order.
func (q *query) uniteMany(d *dictionary, ids []uint32) *roaring.Bitmap {
	words := make([]uint64, q.x.maxRow.Load()/64+1)
	var sets []*roaring.Bitmap
	var scratch []uint32
	for _, id := range ids {
		v := d.entry(id).view()
		switch {
		case v.n == 1:
			mark(words, v.single)
		case v.set != nil:
			sets = append(sets, v.bitmap())
		default:
			scratch = v.append(scratch[:0])
			for _, row := range scratch {
				mark(words, row)
			}
		}
	}
	b := some(roaring.FromDense(words, false))
	if len(sets) > 0 {
		b = q.union(b, roaring.FastOr(sets...))
	}
	return b
}

// mark sets row's bit. Rows added behind the end are in changes.
func mark(words []uint64, row uint32) {
	if w := row / 64; int(w) < len(words) {
		words[w] |= 1 << (row % 64)
	}
}
