package hnsw

import "sync/atomic"

// The number of links to a row on layer 0 is counted in one byte, so that the
// last one is not dropped: H7. A count that reached 255 stays there: such a row
// has links enough.

const manyLinks = 255

// inCount returns the word and the shift of row's count.
func (m *memory) inCount(row uint32) (word *uint32, shift uint32) {
	return &m.groups[row>>6].in[row>>2&15], row & 3 * 8
}

// linksTo is the number of links to row on layer 0, manyLinks for that many or more.
func (m *memory) linksTo(row uint32) uint32 {
	word, shift := m.inCount(row)
	return atomic.LoadUint32(word) >> shift & 255
}

// changeIn changes row's count by next, which returns false to leave it. It
// returns the count before.
func (m *memory) changeIn(row uint32, next func(n uint32) (uint32, bool)) uint32 {
	word, shift := m.inCount(row)
	for {
		old := atomic.LoadUint32(word)
		n := old >> shift & 255
		to, ok := next(n)
		if !ok || atomic.CompareAndSwapUint32(word, old, old&^(255<<shift)|to<<shift) {
			return n
		}
	}
}

// linkAdded counts one more link to row.
func (m *memory) linkAdded(row uint32) {
	m.changeIn(row, func(n uint32) (uint32, bool) { return n + 1, n < manyLinks })
}

// linkGone counts one link to row less and reports whether it was the last.
func (m *memory) linkGone(row uint32) (last bool) {
	return m.changeIn(row, func(n uint32) (uint32, bool) {
		return n - 1, n > 0 && n < manyLinks
	}) == 1
}

// mayDrop counts one link to row less unless it is the last one.
func (m *memory) mayDrop(row uint32) bool {
	return m.changeIn(row, func(n uint32) (uint32, bool) {
		return n - 1, n > 1 && n < manyLinks
	}) > 1
}
