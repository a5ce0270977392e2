package httpapi

import (
	"math/rand/v2"
)

// maxIDBytes is the longest correlation or request id that is taken over.
const maxIDBytes = 128

// uuid is a UUID in its text form.
type uuid [36]byte

// newUUID returns a random (version 4) UUID. It names requests and vectors
// without an id; it is no secret. The runtime's generator is seeded per process
// from the operating system.
func newUUID() (id uuid) {
	const digits = "0123456789abcdef"
	high, low := rand.Uint64(), rand.Uint64()
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			id[at] = '-'
			at++
		}
		word := high
		if i >= 16 {
			word = low
		}
		id[at] = digits[word>>(60-4*(i%16))&15]
		at++
	}
	return id
}

// goodID reports whether an id from a client may go into replies and logs: short,
// and of visible ASCII without quotes, backslashes, commas or semicolons.
func goodID(b []byte) bool {
	if len(b) == 0 || len(b) > maxIDBytes {
		return false
	}
	for _, c := range b {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' || c == ',' || c == ';' {
			return false
		}
	}
	return true
}
