package slab

import "golang.org/x/sys/unix"

// adviseHuge asks for huge pages: a graph search touches rows at random, and a
// miss of the address cache costs as much as one of the data cache. Systems
// that refuse lose speed only.
func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
