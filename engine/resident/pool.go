// Package resident keeps copies of collections' rows on a device and decides, for
// each batch of exact searches, whether the device or the host computes it.
//
// Invariants:
//
//	R1: a search on the device sees every row whose change was noted before the
//	    search was submitted: noted rows are uploaded before it.
//	R2: whatever the device answers with, an error or nothing in time, the caller
//	    can go on to the host: the rows there are the original, never the copy.
//	R3: a copy is made on demand, when a batch would have been faster with it; it
//	    is dropped with the device, and made again when the device is back.
//	R4: rows that do not fit into the device's memory are kept in host memory and
//	    searched tile by tile only if a batch that came would have been faster so.
package resident

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Reason says why a batch went where it went. The values are labels of metrics.
type Reason uint8

// The reasons.
const (
	DeviceFaster Reason = iota // to the device: predicted to be faster
	Tiled                      // to the device: likewise, although the rows are copied there for it
	HostFaster                 // to the host: predicted to be faster
	Loading                    // to the host: the copy is being made
	NoRoom                     // to the host: the rows do not fit into the device's memory
	Lost                       // to the host: the device is lost
	Failed                     // to the host: the device failed at this batch
	GraphFaster                // to the graph: predicted to be faster than an exact search
	Measuring                  // to the graph: to know what it takes now
	reasonCount
)

func (r Reason) String() string {
	return [...]string{"device_faster", "tiled", "host_faster", "loading", "no_room", "device_lost", "device_failed",
		"graph_faster", "measuring"}[r]
}

// measureBudget bounds the measuring of one backend at start.
const (
	measureBudget = 150 * time.Millisecond
	measureTries  = 4
	measurePause  = 300 * time.Millisecond
)

// Pool is the device of an engine, with what was measured of it and of the host.
// Its methods may be called from any goroutine.
type Pool struct {
	device      compute.Backend
	deviceName  string
	hostName    string
	deviceModel Model
	hostModel   Model
	tiler       compute.Tiler // nil where the device cannot
	tiledModel  Model
	log         zerolog.Logger
	batches     [reasonCount]atomic.Uint64
	queries     [reasonCount]atomic.Uint64
	planned     [reasonCount]atomic.Uint64 // searches that graph and device were weighed for
	// plannedFiltered is the same of searches under a filter.
	plannedFiltered [reasonCount]atomic.Uint64
	nanos           atomic.Uint64 // on the device
	predictedNs     atomic.Uint64 // for the same batches
	stages          stages
	bytes           atomic.Int64
	tiledBytes      atomic.Int64
	syncedRows      atomic.Uint64
	retryLost       time.Duration
	retryNoRoom     time.Duration
	inlineRowMax    int
	suspendedTo     atomic.Int64 // nanoseconds since 1970
}

// suspendFor is how long nothing is sent to a device that did not answer in time.
const suspendFor = time.Second

func (p *Pool) suspend() { p.suspendedTo.Store(time.Now().Add(suspendFor).UnixNano()) }

func (p *Pool) suspended() bool {
	to := p.suspendedTo.Load()
	return to != 0 && time.Now().UnixNano() < to
}

// New measures the first backend that holds rows itself and the first that
// searches the host's. It returns nil if there is no device. Errors: the device cannot
// be measured.
func New(backends []compute.Backend, log zerolog.Logger) (*Pool, error) {
	p := &Pool{log: log, retryLost: time.Second, retryNoRoom: 30 * time.Second, inlineRowMax: 4096}
	var host compute.Backend
	for _, b := range backends {
		if _, ok := b.(compute.HostMatrix); ok && host == nil {
			host = b
		} else if !ok && p.device == nil {
			p.device = b
		}
	}
	if p.device == nil || host == nil {
		return nil, nil //nolint:nilnil // no device is no error
	}
	p.deviceName, p.hostName = p.device.Info().Name, host.Info().Name
	if err := p.measure(host); err != nil {
		return nil, fmt.Errorf("backend %s cannot be measured: %w", p.deviceName, err)
	}
	log.Info().Str("backend", p.deviceName).Bool("tiles", p.tiler != nil).
		Dur("device_million_rows_ms", p.deviceModel.Predict(1e6, measureDim, 1)).
		Dur("host_million_rows_ms", p.hostModel.Predict(1e6, measureDim, 1)).
		Msg("backends measured")
	return p, nil
}

// measure fits both models. A device that is lost meanwhile gets some more time.
func (p *Pool) measure(host compute.Backend) (err error) {
	if p.hostModel, err = Measure(host, measureQueries, measureBudget, false); err != nil {
		return err
	}
	for range measureTries {
		if p.deviceModel, err = Measure(p.device, measureQueries, measureBudget, true); err == nil {
			err = p.measureTiled()
		}
		if !errors.Is(err, compute.ErrDeviceLost) {
			return err
		}
		time.Sleep(measurePause)
	}
	return err
}

// measureTiled fits the model of searches in tiles, if the device does those and the
// host has memory for them. Time grows slowly with the queries while the bus is the
// bound and faster beyond, so the line through one query and as many as a batch holds
// lies above what is between.
func (p *Pool) measureTiled() (err error) {
	t, ok := p.device.(compute.Tiler)
	if !ok {
		return nil
	}
	p.tiledModel, err = Measure(tiledBackend{p.device, t}, p.device.Info().BatchRows, measureBudget, false)
	switch {
	case errors.Is(err, compute.ErrNoMemory) || errors.Is(err, compute.ErrUnsupported):
		return nil
	case err == nil:
		p.tiler = t
	}
	return err
}

// tiledBackend is a device whose every matrix is in host memory.
type tiledBackend struct {
	compute.Backend
	t compute.Tiler
}

func (b tiledBackend) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) { return b.t.NewTiled(s) }

// Device is the backend.
func (p *Pool) Device() compute.Backend { return p.device }

// Stats are the pool's counts since the start.
type Stats struct {
	Device  string
	Batches map[string]uint64 // by Reason
	Queries map[string]uint64
	Planned map[string]uint64 // searches that graph and device were weighed for
	// PlannedFiltered is the same of searches under a filter.
	PlannedFiltered map[string]uint64
	DeviceTime      time.Duration // of the batches on the device
	Predicted       time.Duration // what the model said they would take
	Stages          compute.Times // of those batches whose stages the device could tell
	Bytes           int64         // of the device, held by copies
	TiledBytes      int64         // of the host, held by copies that are searched in tiles
	Tiles           bool          // rows that do not fit are searched in tiles, where that is faster
	SyncedRows      uint64        // uploaded because they had changed
	DeviceModel     Model
	HostModel       Model
	TiledModel      Model
}

// Stats reads the counts.
func (p *Pool) Stats() Stats {
	s := Stats{
		Device: p.deviceName, Batches: map[string]uint64{}, Queries: map[string]uint64{}, Planned: map[string]uint64{},
		PlannedFiltered: map[string]uint64{},
		DeviceTime:      time.Duration(p.nanos.Load()), Predicted: time.Duration(p.predictedNs.Load()),
		Stages: p.stages.sum(),
		Bytes:  p.bytes.Load(), TiledBytes: p.tiledBytes.Load(), SyncedRows: p.syncedRows.Load(),
		Tiles: p.tiler != nil, DeviceModel: p.deviceModel, HostModel: p.hostModel, TiledModel: p.tiledModel,
	}
	for r := range reasonCount {
		s.Planned[r.String()], s.PlannedFiltered[r.String()] = p.planned[r].Load(), p.plannedFiltered[r].Load()
		if r == GraphFaster || r == Measuring {
			continue // of no exact search
		}
		s.Batches[r.String()], s.Queries[r.String()] = p.batches[r].Load(), p.queries[r].Load()
	}
	return s
}

// stages sums compute.Times, in nanoseconds.
type stages struct{ upload, kernels, download atomic.Int64 }

func (s *stages) add(t compute.Times) {
	s.upload.Add(int64(t.Upload))
	s.kernels.Add(int64(t.Kernels))
	s.download.Add(int64(t.Download))
}

func (s *stages) sum() compute.Times {
	return compute.Times{
		Upload: time.Duration(s.upload.Load()), Kernels: time.Duration(s.kernels.Load()),
		Download: time.Duration(s.download.Load()),
	}
}

func (p *Pool) count(r Reason, queries int) {
	p.batches[r].Add(1)
	p.queries[r].Add(uint64(queries))
}
