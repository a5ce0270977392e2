package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unsafe"
)

// ErrCorrupt says that bytes on disk failed a checksum or a bound. It is not
// retryable: the damage is reported, never skipped.
var ErrCorrupt = errors.New("store: corrupt")

// castagnoli has hardware support on amd64 and arm64.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Corrupt makes an ErrCorrupt that says what was wrong.
func Corrupt(format string, args ...any) error { return corrupt(format, args...) }

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// littleEndian is known at compile time on every supported platform; the
// branches on it are free.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// AppendFloats appends v as little-endian IEEE 754 to dst.
func AppendFloats(dst []byte, v []float32) []byte {
	if len(v) == 0 {
		return dst
	}
	if littleEndian {
		return append(dst, unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))...)
	}
	for _, f := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
	}
	return dst
}

// PutFloats writes v as little-endian IEEE 754 to dst, which has 4*len(v) bytes
// or more, and returns the bytes written.
func PutFloats(dst []byte, v []float32) int {
	return len(AppendFloats(dst[:0], v))
}

// AppendToFloats appends the little-endian floats in b (len a multiple of 4) to
// dst. It copies, because b need not be aligned.
func AppendToFloats(dst []float32, b []byte) []float32 {
	n := len(b) / 4
	if n == 0 {
		return dst
	}
	at := len(dst)
	if cap(dst)-at < n {
		dst = append(dst, make([]float32, n)...)
	} else {
		dst = dst[:at+n]
	}
	if littleEndian {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[at])), 4*n), b[:4*n])
		return dst
	}
	for i := range n {
		dst[at+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return dst
}
