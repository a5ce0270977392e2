//go:build unix

package emu

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// Options describe the device.
type Options struct {
	Program     string // what Build returned
	MemoryBytes uint64 // 0 = 256 MiB
	Processors  int    // 0 = 4
	Faults      *Faults
}

// Driver emulates a driver with one device. It implements driver.Driver.
type Driver struct{ o Options }

var _ driver.Driver = (*Driver)(nil)

// New returns the driver of a device.
func New(o Options) *Driver {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = 256 << 20
	}
	if o.Processors == 0 {
		o.Processors = 4
	}
	return &Driver{o}
}

// Name is "emu".
func (d *Driver) Name() string { return "emu" }

func (d *Driver) info() driver.Info {
	return driver.Info{
		Name: "emulated device", Major: 8, Minor: 0, Processors: d.o.Processors,
		MemoryBytes: d.o.MemoryBytes, SharedBytes: 96 << 10, Driver: "emulated",
	}
}

// Devices lists the one device.
func (d *Driver) Devices() ([]driver.Info, error) {
	if err := d.o.Faults.Check(Devices); err != nil {
		return nil, err
	}
	return []driver.Info{d.info()}, nil
}

// Open starts the device. It runs its own compilation of the sources, whatever
// the images are.
func (d *Driver) Open(ordinal int, images []driver.Image) (driver.Device, error) {
	if err := d.o.Faults.Check(Open); err != nil {
		return nil, err
	}
	if ordinal != 0 {
		return nil, &driver.Error{Code: driver.NoDevice, Op: "open", Detail: fmt.Sprintf("ordinal %d", ordinal)}
	}
	// Twice the memory: the heap has canaries between its blocks, and holes.
	p, err := start(d.o.Program, int(2*d.o.MemoryBytes)+1<<20)
	if err != nil {
		return nil, &driver.Error{Code: driver.Broken, Op: "open", Detail: err.Error()}
	}
	return &device{
		info: d.info(), p: p, faults: d.o.Faults,
		heap: heap{memory: p.memory, base: p.base, limit: d.o.MemoryBytes},
	}, nil
}

// device is an open device.
type device struct {
	info   driver.Info
	p      *process
	heap   heap
	faults *Faults

	mu      sync.Mutex // guards: fatal, streams
	fatal   error
	streams []*stream
}

func (d *device) Info() driver.Info { return d.info }
func (d *device) Image() string     { return "host C++" }
func (d *device) Bind() error       { return d.failed() }

// failed returns the fatal error that the device met, if any.
func (d *device) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fatal
}

// check is what every call begins with.
func (d *device) check(call Call) error {
	if err := d.failed(); err != nil {
		return err
	}
	return d.note(d.faults.Check(call))
}

// note remembers a fatal error: like a context, the device stays broken.
func (d *device) note(err error) error {
	if err == nil {
		return nil
	}
	if e := (*driver.Error)(nil); errors.As(err, &e) && e.Fatal() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.fatal == nil {
			d.fatal = err
		}
	}
	return err
}

func (d *device) Memory() (free, total uint64, err error) {
	free, total = d.heap.room()
	return free, total, d.failed()
}

func (d *device) Alloc(bytes uint64) (driver.Ptr, error) {
	if err := d.check(Alloc); err != nil {
		return 0, err
	}
	return d.heap.alloc(bytes)
}

func (d *device) Free(p driver.Ptr) error {
	if err := d.failed(); err != nil {
		return err
	}
	d.heap.free(p)
	return nil
}

func (d *device) AllocHost(bytes int) ([]byte, error) {
	if err := d.check(AllocHost); err != nil {
		return nil, err
	}
	b := make([]byte, bytes)
	fill(b, 0xff) // as alloc: pinned memory is not cleared either
	return b, nil
}

func (d *device) FreeHost([]byte) error { return d.failed() }

// Close ends the device. Every stream ends with it.
func (d *device) Close() error {
	d.mu.Lock()
	if d.fatal == nil {
		d.fatal = &driver.Error{Code: driver.Lost, Detail: "closed"}
	}
	streams := d.streams
	d.mu.Unlock()
	for _, s := range streams {
		s.end()
	}
	return d.p.stop()
}
