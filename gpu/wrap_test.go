//go:build cuda && linux && cgo

package gpu

import (
	"time"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// faultyDriver is a real driver whose calls fail on demand: what the emulated
// device can be made to do, for a device that cannot.
type faultyDriver struct {
	driver.Driver
	faults *emu.Faults
}

func (d faultyDriver) Open(ordinal int, images []driver.Image) (driver.Device, error) {
	if err := d.faults.Check(emu.Open); err != nil {
		return nil, err
	}
	dev, err := d.Driver.Open(ordinal, images)
	if err != nil {
		return nil, err
	}
	return faultyDevice{dev, d.faults}, nil
}

type faultyDevice struct {
	driver.Device
	faults *emu.Faults
}

func (d faultyDevice) Alloc(bytes uint64) (driver.Ptr, error) {
	if err := d.faults.Check(emu.Alloc); err != nil {
		return 0, err
	}
	return d.Device.Alloc(bytes)
}

func (d faultyDevice) NewStream() (driver.Stream, error) {
	s, err := d.Device.NewStream()
	return faultyStream{s, d.faults}, err
}

type faultyStream struct {
	driver.Stream
	faults *emu.Faults
}

func (s faultyStream) CopyIn(dst driver.Ptr, src []byte) error {
	if err := s.faults.Check(emu.CopyIn); err != nil {
		return err
	}
	return s.Stream.CopyIn(dst, src)
}

func (s faultyStream) Launch(l driver.Launch) error {
	if err := s.faults.Check(emu.Launching); err != nil {
		return err
	}
	return s.Stream.Launch(l)
}

func (s faultyStream) Wait(limit time.Duration) error {
	if err := s.faults.Check(emu.Waiting); err != nil {
		return err
	}
	return s.Stream.Wait(limit)
}
