package gpu

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// Health is the state of the device.
type Health struct {
	Device   driver.Info
	Image    string // of the kernels that was loaded
	Degraded bool   // lost: the CPU answers until it is back
	Reason   string // why
	Since    time.Time
	Rebuilds int // times the context was opened again
}

// counters are the backend's measurements.
type counters struct {
	batches, queries, failed, rescans, lost atomic.Int64
	halfQueries, halfLeft                   atomic.Int64 // answered in bf16, and left to f32
	matrices, matrixBytes                   atomic.Int64
}

// Health returns the state now.
func (b *Backend) Health() Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health
}

// Status implements compute.Monitored.
func (b *Backend) Status() compute.Status {
	h := b.Health()
	return compute.Status{
		Device: h.Device.Name, Driver: h.Device.Driver, Kernels: h.Image,
		Degraded: h.Degraded, Reason: h.Reason, Losses: int(b.stats.lost.Load()),
	}
}

// lost takes the session out of use and has the device opened again.
func (b *Backend) lost(s *session, why *driver.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != s { // still being opened, or closed
		return
	}
	b.session = nil
	b.health.Degraded, b.health.Reason, b.health.Since = true, why.Error(), time.Now()
	b.stats.lost.Add(1)
	b.o.Log("device lost, the CPU answers until it is back", why)
	if !b.closed {
		b.done.Add(1)
		go b.rebuild(s)
	}
}

// maxRetryAfter bounds the pause between two attempts to open a lost device.
const maxRetryAfter = 30 * time.Second

// rebuild closes the broken context and opens another, with growing pauses.
func (b *Backend) rebuild(old *session) {
	defer b.done.Done()
	_ = old.close(old.reason())
	for pause := b.o.RetryAfter; ; pause = min(2*pause, maxRetryAfter) {
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(pause):
		}
		s, err := openSession(b)
		if err != nil {
			b.mu.Lock()
			b.health.Reason = err.Error()
			b.mu.Unlock()
			continue
		}
		if b.adopt(s) {
			b.o.Log("device is back", nil)
		}
		return
	}
}

// adopt makes s the session. It reports whether the backend is still open.
func (b *Backend) adopt(s *session) bool {
	b.mu.Lock()
	closed := b.closed
	if !closed {
		b.session = s
		b.health.Degraded, b.health.Reason, b.health.Since = false, "", time.Now()
		b.health.Image = s.device.Image()
		b.health.Rebuilds++
	}
	b.mu.Unlock()
	if closed {
		_ = s.close(nil)
	}
	return !closed
}

func isLost(err error) bool { return errors.Is(err, compute.ErrDeviceLost) }
