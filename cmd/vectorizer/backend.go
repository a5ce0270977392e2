package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const notBuilt = "not built into this binary"

// devices lists the backends, and why those that are not used are not.
func devices() []doctor.Device {
	return []doctor.Device{
		{Name: "cpu", Usable: true, Reason: simd.Level() + " kernels"},
		{Name: "cuda", Reason: notBuilt},
		{Name: "metal", Reason: metalReason()},
	}
}

// metalReason says why Metal is not used on this system.
func metalReason() string {
	if runtime.GOOS != "darwin" {
		return "exists on macOS only"
	}
	return notBuilt
}

// openBackends returns the backends for the setting name, best first; the caller
// closes them. auto always finds one; a named one that cannot run is an error.
func openBackends(name string) ([]compute.Backend, error) {
	for _, d := range devices() {
		if d.Name == name && !d.Usable {
			return nil, fmt.Errorf("backend %s cannot be used: %s; choose auto or cpu", name, d.Reason)
		}
	}
	return []compute.Backend{cpu.New(cpu.Options{})}, nil
}

// closeBackends closes what openBackends returned.
func closeBackends(all []compute.Backend) error {
	var err error
	for _, b := range all {
		err = errors.Join(err, b.Close())
	}
	return err
}
