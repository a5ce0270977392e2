package engine

import (
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"
)

// matching is a set of n rows, in one of three forms. It is not changed.
type matching struct {
	n     int
	rows  *roaring.Bitmap // from the payload index
	words []uint64        // one bit a row
	list  []uint32        // ascending
}

func matchingOf(rows *roaring.Bitmap) matching {
	return matching{n: int(rows.GetCardinality()), rows: rows}
}

// dense returns m as one bit a row, in m's own memory or in buf's.
func (m *matching) dense(buf *[]uint64) []uint64 {
	switch {
	case m.words != nil:
		return m.words
	case m.rows != nil:
		*buf = grow(*buf, int(m.rows.DenseSize()))
		clear(*buf)
		m.rows.WriteDenseTo(*buf)
	case len(m.list) == 0:
		*buf = (*buf)[:0]
	default:
		*buf = grow(*buf, int(m.list[len(m.list)-1]/64)+1)
		clear(*buf)
		for _, row := range m.list {
			(*buf)[row/64] |= 1 << (row % 64)
		}
	}
	return *buf
}

// listed returns m as ascending rows, in m's own memory or in buf's.
func (m *matching) listed(buf *[]uint32) []uint32 {
	switch {
	case m.list != nil:
		return m.list
	case m.rows != nil:
		*buf = grow(*buf, m.n)
		it := m.rows.ManyIterator()
		*buf = (*buf)[:it.NextMany(*buf)]
	default:
		*buf = grow(*buf, m.n)[:0]
		for i, w := range m.words {
			for ; w != 0; w &= w - 1 {
				*buf = append(*buf, uint32(i<<6+bits.TrailingZeros64(w)))
			}
		}
	}
	return *buf
}

// listShare: up to one row in so many, a list takes less memory than bits.
const listShare = 32

// copied returns m in memory of its own, as small as may be.
func (m *matching) copied(of int) matching {
	out := matching{n: m.n}
	if m.n <= of/listShare {
		list := make([]uint32, 0, m.n)
		out.list = m.listed(&list)
		return out
	}
	var words []uint64
	out.words = m.dense(&words)
	return out
}
