package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const notBuilt = "not built into this binary"

// devices lists the backends, and why those that are not used are not. It opens
// the graphics processor to find out.
func devices() []doctor.Device {
	return []doctor.Device{
		{Name: "cpu", Usable: true, Reason: simd.Level() + " kernels"},
		cudaDevice(),
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

// backendOptions are those of the backends, where they have some.
type backendOptions struct {
	host cpu.Options
	// tiles bounds the host memory that a device copies rows from which do not fit
	// into its own.
	tiles int64
}

// openBackends returns the backends for the setting name, best first; the caller
// closes them. auto always finds one; a named one that cannot run is an error.
func openBackends(
	ctx context.Context, name string, o backendOptions, log zerolog.Logger,
) ([]compute.Backend, error) {
	host := cpu.New(o.host)
	if name == "metal" {
		return nil, errors.Join(cannotUse(name, errors.New(metalReason())), host.Close())
	}
	if name == "cpu" {
		return []compute.Backend{host}, nil
	}
	err := probeCUDA(ctx)
	if err == nil {
		device, openErr := openCUDA(o.tiles, log)
		if openErr == nil {
			h := device.Health()
			log.Info().Str("backend", device.Info().Name).Str("device", h.Device.Name).
				Str("driver", h.Device.Driver).Str("kernels", h.Image).Msg("backend opened")
			return []compute.Backend{device, host}, nil
		}
		err = openErr
	}
	if name == "cuda" {
		return nil, errors.Join(cannotUse(name, err), host.Close())
	}
	log.Info().Str("backend", "cpu").Str("cuda", err.Error()).Msg("backend opened")
	return []compute.Backend{host}, nil
}

func cannotUse(name string, why error) error {
	return fmt.Errorf("backend %s cannot be used: %w; choose auto or cpu", name, why)
}

// closeBackends closes what openBackends returned.
func closeBackends(all []compute.Backend) error {
	var err error
	for _, b := range all {
		err = errors.Join(err, b.Close())
	}
	return err
}
