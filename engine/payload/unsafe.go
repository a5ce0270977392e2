package payload

import "unsafe"

// entryBytes is the size of an entry.
const entryBytes = int64(unsafe.Sizeof(entry{}))

// stringOf returns b as a string without a copy; b is never changed again.
func stringOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
