package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
	"github.com/vectorizer-go/vectorizer/gpu"
	"github.com/vectorizer-go/vectorizer/gpu/cuda"
)

// probeTimeout bounds the first contact with a driver. Compiling the kernels for
// a card that no image was made for takes the longest.
const probeTimeout = 15 * time.Second

// openCUDA opens the first device in this process and tests its kernels. tiles is as
// of openBackends.
func openCUDA(tiles int64, log zerolog.Logger) (*gpu.Backend, error) {
	d, err := cuda.New()
	if err != nil {
		return nil, err
	}
	if _, err := d.Devices(); err != nil {
		return nil, err
	}
	return gpu.Open(gpu.Options{
		Driver:    d,
		HostBytes: uint64(max(0, tiles)),
		HostFree: func() (free, total uint64) {
			f := machine.Read(machine.Root())
			return uint64(max(0, f.Free())), uint64(max(0, f.Usable()))
		},
		Log: func(message string, err error) {
			log.Warn().Err(err).Str("backend", "cuda").Msg(message)
		},
	})
}

// cudaDevice says what the CUDA backend runs on, or why it does not. It opens the
// device and closes it again.
func cudaDevice() doctor.Device {
	b, err := openCUDA(0, zerolog.Nop())
	if err != nil {
		return doctor.Device{Name: "cuda", Reason: err.Error()}
	}
	h := b.Health()
	d := doctor.Device{
		Name: "cuda", Usable: true,
		Reason: fmt.Sprintf("%s, %.1f GiB, compute capability %d.%d, driver %s, kernels %s",
			h.Device.Name, float64(h.Device.MemoryBytes)/(1<<30), h.Device.Major, h.Device.Minor,
			h.Device.Driver, h.Image),
	}
	if err := b.Close(); err != nil {
		d.Usable, d.Reason = false, d.Reason+"; closing it: "+err.Error()
	}
	return d
}

// probeCUDA has a child process make the first contact, so that a driver that
// crashes or hangs takes the child along and not the server.
func probeCUDA(ctx context.Context) error {
	if !cuda.Built {
		_, err := cuda.New()
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "probe")
	cmd.WaitDelay = time.Second // a process in the driver may not die at once
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("the driver did not answer a probe within %v", probeTimeout)
		}
		return fmt.Errorf("the probe ended with %w: %s", err, strings.TrimSpace(errOut.String()))
	}
	return readProbe(out.Bytes())
}

// readProbe returns nil if the probe's output says that CUDA is usable, else why
// it is not.
func readProbe(raw []byte) error {
	var report struct {
		Devices []doctor.Device `json:"devices"`
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		return fmt.Errorf("the probe's output: %w", err)
	}
	for _, d := range report.Devices {
		if d.Name == "cuda" && d.Usable {
			return nil
		}
		if d.Name == "cuda" {
			return errors.New(d.Reason)
		}
	}
	return errors.New("the probe does not know CUDA")
}
