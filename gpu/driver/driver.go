// Package driver is the few device calls that package gpu needs. Its
// implementations are gpu/cuda and, in tests, gpu/emu.
//
// A device's calls are made by goroutines that own their thread
// (runtime.LockOSThread) and have bound it once with Device.Bind: a context
// belongs to a thread, and binding it anew for each call, or hopping to another
// goroutine, would cost more than the call.
package driver

import (
	"fmt"
	"time"
)

// Ptr is a device address.
type Ptr uint64

// Info describes a device.
type Info struct {
	Name        string // "NVIDIA H200"
	Major       int    // compute capability
	Minor       int
	Processors  int    // streaming multiprocessors
	MemoryBytes uint64 // all of it
	SharedBytes int    // shared memory that one block may ask for
	Driver      string // version of the driver, "13.0"
}

// Image is compiled device code for devices of at least capability Arch
// (major*10 + minor); Only says that it runs on that capability alone.
type Image struct {
	Name string
	Arch int
	Only bool
	Code string
}

// Driver finds and opens devices.
type Driver interface {
	// Name is "cuda" or "emu".
	Name() string
	// Devices lists what is there. An *Error says why nothing can be used.
	Devices() ([]Info, error)
	// Open makes a context on a device and loads the best image that its driver
	// takes. The calling thread is bound to it.
	Open(ordinal int, images []Image) (Device, error)
}

// Device is an open context. Calls come from bound threads only, except Info and
// Image. After an *Error that is Fatal every call fails; only Close is left.
type Device interface {
	Info() Info
	// Image is the name of the image that was loaded.
	Image() string
	// Bind makes the context current for the calling thread.
	Bind() error
	// Memory returns the free and the total bytes now.
	Memory() (free, total uint64, err error)
	// Alloc reserves device memory, on a multiple of 256 bytes.
	Alloc(bytes uint64) (Ptr, error)
	Free(p Ptr) error
	// AllocHost returns pinned memory, which copies run beside computation from
	// and to. FreeHost takes the slice that AllocHost returned.
	AllocHost(bytes int) ([]byte, error)
	FreeHost(b []byte) error
	NewStream() (Stream, error)
	// Close destroys the context with everything in it. It may be called after
	// a fatal error, and then returns nothing of use.
	Close() error
}

// Stream is an ordered queue of work. It belongs to one goroutine at a time.
// CopyIn and CopyOut keep the slice until the next Wait.
type Stream interface {
	CopyIn(dst Ptr, src []byte) error
	CopyOut(dst []byte, src Ptr) error
	Launch(l Launch) error
	// Wait blocks until everything queued is done, at most for limit; after
	// that it returns an *Error with code Hung, and the device is not used again.
	Wait(limit time.Duration) error
	Close() error
}

// Clock is an optional ability of a Stream: the device's own time.
type Clock interface {
	// Mark queues time stamp i, below MaxMarks.
	Mark(i int) error
	// Elapsed is the time from one stamp to another, both before the last Wait; false
	// where the driver turned out to have no clock.
	Elapsed(from, to int) (time.Duration, bool)
}

// MaxMarks is the time stamps of a stream.
const MaxMarks = 16

// Launch is one kernel over a grid of blocks.
type Launch struct {
	Kernel      string
	Grid        [3]uint32
	Block       [3]uint32
	SharedBytes uint32
	Args        []byte // the kernel's argument block, see package kernels
}

// Code says what class a failure is of.
type Code uint8

// The classes, as an operator would tell them apart.
const (
	NoDriver     Code = iota + 1 // no driver is installed
	OldDriver                    // the driver is older than the images need
	NoDevice                     // a driver, but no device it can use
	NoImage                      // no image runs on the device
	OutOfMemory                  // an allocation failed; everything else goes on
	LaunchFailed                 // a launch was refused; the context is usable
	Sticky                       // a kernel faulted; the context is dead, the device is not
	Lost                         // the device is gone until it is opened again, or for good
	Hung                         // the device did not answer in time
	Broken                       // a call failed in a way that has no class of its own
)

func (c Code) String() string {
	names := [...]string{
		NoDriver: "no driver", OldDriver: "driver too old", NoDevice: "no device", NoImage: "no kernel image",
		OutOfMemory: "out of memory", LaunchFailed: "launch failed", Sticky: "sticky error",
		Lost: "device lost", Hung: "device hung", Broken: "driver error",
	}
	if int(c) < len(names) && names[c] != "" {
		return names[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Error is a failed driver call.
type Error struct {
	Code   Code
	Op     string // the call: "alloc", "launch scan_f32_1"
	Detail string // what the driver said
}

func (e *Error) Error() string {
	s := e.Code.String()
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Fatal reports whether the context is of no more use.
func (e *Error) Fatal() bool {
	return e.Code == Sticky || e.Code == Lost || e.Code == Hung || e.Code == Broken
}
