package slab

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

// HeapMaxBytes is the largest reservation that is made as Go memory. Above it
// the operating system reserves address space.
const HeapMaxBytes = 1 << 20

// Align is the alignment of a block's first byte: a cache line, and the width
// of the widest vector register.
const Align = 64

// hugeBytes is the step of commitment and, where the system has huge pages,
// their size.
const hugeBytes = 2 << 20

// ErrNoMemory says that the system refused address space or memory. The block
// is as it was.
var ErrNoMemory = errors.New("slab: out of memory")

// Block is one reservation. Its methods are for one owner at a time; the bytes
// may be read by others.
type Block struct {
	data      []byte // the whole reservation
	committed int    // bytes from the start that may be touched
	mapped    int    // bytes from the start that are backed by a file
	os        *osMemory
	cleanup   runtime.Cleanup
}

// New reserves n bytes. Nothing of a large block may be touched before Commit;
// a small one is committed at once.
// Errors: ErrNoMemory.
func New(n int) (*Block, error) {
	if n < 0 {
		panic(fmt.Sprintf("BUG: slab: reservation of %d bytes", n))
	}
	if n <= HeapMaxBytes {
		return &Block{data: heapBytes(n), committed: n}, nil
	}
	m, err := reserve(roundUp(n, hugeBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: reserving %d bytes: %w", ErrNoMemory, n, err)
	}
	b := &Block{data: m.bytes()[:n], os: m, committed: m.ready(n)}
	b.cleanup = runtime.AddCleanup(b, func(m *osMemory) { m.release() }, m)
	return b, nil
}

// heapBytes returns n zero bytes of Go memory that start on a multiple of Align.
func heapBytes(n int) []byte {
	if n == 0 {
		return nil
	}
	raw := make([]byte, n+Align-1)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & (Align - 1))
	return raw[skip : skip+n : skip+n]
}

// Bytes is the whole reservation. Only committed bytes may be touched.
func (b *Block) Bytes() []byte { return b.data }

// Reserved is the size of the reservation in bytes.
func (b *Block) Reserved() int { return len(b.data) }

// Committed is how many bytes from the start may be touched.
func (b *Block) Committed() int { return b.committed }

// Mapped is how many of them MapFile took from a file without copying.
func (b *Block) Mapped() int { return b.mapped }

// OnHeap reports whether the block is Go memory: slices over it then keep it
// alive by themselves.
func (b *Block) OnHeap() bool { return b.os == nil }

// Commit makes the first n bytes usable; new ones are zero. It commits ahead in
// steps that grow with the block; memory that is never touched costs nothing.
// Errors: ErrNoMemory.
func (b *Block) Commit(n int) error {
	if n <= b.committed {
		return nil
	}
	if n > len(b.data) {
		panic(fmt.Sprintf("BUG: slab: commit of %d bytes in a reservation of %d", n, len(b.data)))
	}
	// One call per eighth keeps the number of calls logarithmic.
	want := roundUp(max(n, b.committed+b.committed/8), hugeBytes)
	if err := b.os.commit(b.committed, want); err != nil {
		return fmt.Errorf("%w: committing %d bytes: %w", ErrNoMemory, want, err)
	}
	b.committed = min(want, len(b.data))
	return nil
}

// MapFile makes the first n bytes those of f from off on, and commits them.
// Where the system allows it and off is a multiple of its page size they are
// mapped copy-on-write: nothing is read before it is touched, and writes stay
// in memory. Otherwise they are read. The block must not have been touched. f
// may be closed afterwards, but must not shrink while the block lives.
// Errors: ErrNoMemory, an error of the file.
func (b *Block) MapFile(f *os.File, off int64, n int) error {
	if n == 0 {
		return nil
	}
	if err := checkLength(f, off, n); err != nil {
		return err
	}
	if b.os != nil && b.os.mapFile(f, off, n) {
		b.mapped = n
		b.committed = max(b.committed, min(roundUp(n, os.Getpagesize()), len(b.data)))
		return nil
	}
	if err := b.Commit(n); err != nil {
		return err
	}
	if _, err := f.ReadAt(b.data[:n], off); err != nil {
		return fmt.Errorf("slab: reading %d bytes at %d: %w", n, off, err)
	}
	return nil
}

// checkLength refuses a range beyond the end of f: touching it later would be a
// fault, not an error.
func checkLength(f *os.File, off int64, n int) error {
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("slab: %w", err)
	}
	if off < 0 || st.Size()-off < int64(n) {
		return fmt.Errorf("slab: %d bytes at %d lie beyond the file's %d", n, off, st.Size())
	}
	return nil
}

// Release gives the memory back at once. Nobody may read it any more.
func (b *Block) Release() {
	if b.os != nil {
		b.cleanup.Stop()
		b.os.release()
	}
	b.data, b.os, b.committed, b.mapped = nil, nil, 0, 0
}

// Of returns the reservation as a slice of T, which must have no pointers and a
// size that divides the reservation's.
func Of[T any](b *Block) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(b.data) == 0 {
		return nil
	}
	if len(b.data)%size != 0 {
		panic(fmt.Sprintf("BUG: slab: %d bytes are no multiple of %d", len(b.data), size))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.data))), len(b.data)/size)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
