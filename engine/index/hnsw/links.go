package hnsw

import "sync/atomic"

// Link lists are read without locks. Writers hold the row's list lock and store
// entry by entry, the end mark last: see H1.

// listLen counts the links of a list.
func listLen(list []uint32) int {
	for i := range list {
		if atomic.LoadUint32(&list[i]) == NoRow {
			return i
		}
	}
	return len(list)
}

// contains reports whether list names row.
func contains(list []uint32, row uint32) bool {
	for i := range list {
		switch atomic.LoadUint32(&list[i]) {
		case row:
			return true
		case NoRow:
			return false
		}
	}
	return false
}

// appendLinks appends the links of list to dst.
func appendLinks(dst, list []uint32) []uint32 {
	for i := range list {
		r := atomic.LoadUint32(&list[i])
		if r == NoRow {
			break
		}
		dst = append(dst, r)
	}
	return dst
}

// storeLinks replaces list's content by rows, at most len(list) of them. An entry
// that stays is not stored: a store locks its line, and most stay.
func storeLinks(list, rows []uint32) {
	for i := range list {
		r := NoRow
		if i < len(rows) {
			r = rows[i]
		}
		if atomic.LoadUint32(&list[i]) != r {
			atomic.StoreUint32(&list[i], r)
		}
	}
}
