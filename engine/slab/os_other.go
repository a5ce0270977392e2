//go:build !(linux || darwin || windows)

package slab

import "os"

// osMemory is Go memory here: nothing is reserved ahead without being paid for,
// so callers should ask for little more than they need (Elastic is false).
type osMemory struct{ data []byte }

func reserve(n int) (*osMemory, error) { return &osMemory{data: heapBytes(n)}, nil }

func (m *osMemory) bytes() []byte { return m.data }

// ready is how many of n bytes may be touched without commit: all.
func (m *osMemory) ready(n int) int { return n }

func (m *osMemory) commit(int, int) error { return nil }

func (m *osMemory) mapFile(*os.File, int64, int) bool { return false }

func (m *osMemory) release() { m.data = nil }
