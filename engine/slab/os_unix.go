//go:build linux || darwin

package slab

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// osMemory is a range of address space that has no access rights until it is
// committed. Such a range is not counted against the system's memory.
type osMemory struct {
	raw  unsafe.Pointer // what the system gave
	size uintptr        // bytes at raw
	base unsafe.Pointer // first multiple of hugeBytes in it
	n    int            // usable bytes at base
}

func reserve(n int) (*osMemory, error) {
	size := uintptr(n) + hugeBytes
	raw, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_NONE,
		unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	skip := -uintptr(raw) & (hugeBytes - 1)
	m := &osMemory{raw: raw, size: size, base: unsafe.Add(raw, skip), n: n}
	adviseHuge(m.bytes())
	return m, nil
}

func (m *osMemory) bytes() []byte { return unsafe.Slice((*byte)(m.base), m.n) }

// ready is how many of n bytes may be touched without commit.
func (m *osMemory) ready(int) int { return 0 }

func (m *osMemory) commit(from, to int) error {
	from = from / hugeBytes * hugeBytes
	return unix.Mprotect(m.bytes()[from:min(to, m.n)], unix.PROT_READ|unix.PROT_WRITE)
}

// mapFile reports whether it mapped the file; if not, nothing changed.
func (m *osMemory) mapFile(f *os.File, off int64, n int) bool {
	page := os.Getpagesize()
	if off%int64(page) != 0 {
		return false
	}
	_, err := unix.MmapPtr(int(f.Fd()), off, m.base, uintptr(roundUp(n, page)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err == nil
}

func (m *osMemory) release() {
	// The range is ours and whole, so unmapping it cannot fail.
	if err := unix.MunmapPtr(m.raw, m.size); err != nil {
		panic("BUG: slab: unmap: " + err.Error())
	}
}
