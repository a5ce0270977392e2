package slab

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// osMemory is a range of reserved address space.
type osMemory struct {
	base unsafe.Pointer
	n    int
}

func reserve(n int) (*osMemory, error) {
	addr, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return nil, err
	}
	// The address comes from the system, not from Go memory: the double
	// indirection states that without the arithmetic that vet forbids.
	return &osMemory{base: *(*unsafe.Pointer)(unsafe.Pointer(&addr)), n: n}, nil
}

func (m *osMemory) bytes() []byte { return unsafe.Slice((*byte)(m.base), m.n) }

// ready is how many of n bytes may be touched without commit.
func (m *osMemory) ready(int) int { return 0 }

func (m *osMemory) commit(from, to int) error {
	to = min(to, m.n)
	_, err := windows.VirtualAlloc(uintptr(m.base)+uintptr(from), uintptr(to-from),
		windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err
}

// mapFile is not available: views cannot be placed inside a reservation here.
func (m *osMemory) mapFile(*os.File, int64, int) bool { return false }

func (m *osMemory) release() {
	if err := windows.VirtualFree(uintptr(m.base), 0, windows.MEM_RELEASE); err != nil {
		panic("BUG: slab: free: " + err.Error())
	}
}
