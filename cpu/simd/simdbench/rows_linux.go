package main

import (
	"log"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allocRows asks for huge pages, as the C side does: without them a random row
// costs a page walk as well.
func allocRows[T any](n int) []T {
	size := n * int(unsafe.Sizeof(*new(T)))
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		log.Fatal(err)
	}
	if err := unix.Madvise(mem, unix.MADV_HUGEPAGE); err != nil {
		log.Print("no huge pages: ", err)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), n)
}

func freeRows[T any](rows []T) {
	size := len(rows) * int(unsafe.Sizeof(rows[0]))
	if err := unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(&rows[0])), size)); err != nil {
		log.Fatal(err)
	}
}
