//go:build unix

package emu

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

const (
	alignment = 256
	guard     = 256 // bytes of canary behind each allocation
	canary    = 0xc5
)

// heap hands out device memory, first fit. Behind each allocation lies a canary
// that Free checks: a kernel that writes beyond its buffer is found out.
type heap struct {
	memory []byte
	base   uint64
	limit  uint64 // bytes that may be in use, what the device is said to have

	mu   sync.Mutex // guards: used, held
	used []block    // ascending
	held uint64
}

type block struct{ at, size, span uint64 }

func (h *heap) alloc(bytes uint64) (driver.Ptr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	none := &driver.Error{Code: driver.OutOfMemory, Op: "alloc", Detail: fmt.Sprintf("%d bytes", bytes)}
	if bytes == 0 || bytes > h.limit || h.held+bytes > h.limit {
		return 0, none
	}
	span := (bytes+alignment-1)/alignment*alignment + guard
	at, i := uint64(0), 0
	for ; i < len(h.used) && h.used[i].at-at < span; i++ {
		at = h.used[i].at + h.used[i].span
	}
	if at+span > uint64(len(h.memory)) {
		return 0, none
	}
	h.used = slices.Insert(h.used, i, block{at, bytes, span})
	h.held += bytes
	fill(h.memory[at:at+bytes], 0xff) // not-a-number, whatever type it is
	fill(h.memory[at+bytes:at+span], canary)
	return driver.Ptr(h.base + at), nil
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// free panics for an address that was not handed out, and for a canary that was
// written over: both are mistakes of ours.
func (h *heap) free(p driver.Ptr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := uint64(p) - h.base
	i := slices.IndexFunc(h.used, func(b block) bool { return b.at == at })
	if i < 0 {
		panic(fmt.Sprintf("BUG: emu: free of %#x, which is not allocated", p))
	}
	b := h.used[i]
	h.used = slices.Delete(h.used, i, i+1)
	h.held -= b.size
	tail := h.memory[b.at+b.size : b.at+b.span]
	if !bytes.Equal(tail, bytes.Repeat([]byte{canary}, len(tail))) {
		panic(fmt.Sprintf("BUG: emu: something wrote behind the %d bytes at %#x", b.size, p))
	}
}

func (h *heap) room() (free, total uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.limit - h.held, h.limit
}

// slice is the memory at p, which must lie in one allocation.
func (h *heap) slice(p driver.Ptr, n int) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := uint64(p) - h.base
	for _, b := range h.used {
		if at >= b.at && at+uint64(n) <= b.at+b.size {
			return h.memory[at : at+uint64(n)]
		}
	}
	panic(fmt.Sprintf("BUG: emu: copy of %d bytes at %#x, outside of every allocation", n, p))
}
