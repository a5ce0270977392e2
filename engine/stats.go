package engine

import (
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/resident"
)

// counters are the engine's own measurements.
type counters struct {
	commits  atomic.Uint64 // groups committed
	ops      atomic.Uint64
	bytes    atomic.Uint64 // of batches
	fsyncs   atomic.Uint64
	fsyncNs  atomic.Uint64
	groupMax atomic.Uint64
	rejected atomic.Uint64
	images   atomic.Uint64
	rebuilds atomic.Uint64
}

// commit notes one group.
func (s *counters) commit(ops, bytes int, took time.Duration, synced bool) {
	s.commits.Add(1)
	s.ops.Add(uint64(ops))
	s.bytes.Add(uint64(bytes))
	if synced {
		s.fsyncs.Add(1)
		s.fsyncNs.Add(uint64(took))
	}
	if n := uint64(ops); n > s.groupMax.Load() {
		s.groupMax.Store(n) // the committer is the only writer
	}
}

// Stats are measurements of the running engine.
type Stats struct {
	Started     time.Time
	Uptime      time.Duration
	Collections int
	Vectors     int // live ids over all collections
	Pending     int // rows not linked yet
	Position    Position
	NodeID      string
	HistoryID   string
	Storage     StorageStats
	Writes      WriteStats
	Memory      MemoryInfo
	Backends    []BackendStats
	Device      *resident.Stats // nil without a device
	ReadOnly    string          // why writes are refused, "" if they are not
}

// StorageStats describe the disk.
type StorageStats struct {
	Path         string
	FreeBytes    uint64
	TotalBytes   uint64
	ReserveBytes uint64
	DiskBytes    uint64 // of the store: tables and log
	ImageBytes   int64  // of index images
	WALBytes     uint64
	CacheBytes   int64 // block cache in use
	CacheHits    int64
	CacheMisses  int64
	MemtableSize uint64
	Compactions  int64
	LogFirst     uint64 // first entry kept
	LogLast      uint64
	Full         bool
}

// WriteStats describe the commit path.
type WriteStats struct {
	Commits    uint64 // groups
	Ops        uint64
	Bytes      uint64
	Fsyncs     uint64
	FsyncTime  time.Duration // sum over Fsyncs, commit included
	GroupMax   uint64        // most ops of one group
	QueueOps   int64         // waiting now
	QueueBytes int64
	Rejected   uint64 // requests refused because the queue was full
}

// BackendStats describe a compute backend.
type BackendStats struct {
	Name        string
	MemoryBytes uint64
	Exact       bool
	Status      compute.Status // zero for a backend that cannot be lost
}

// Stats measures now.
func (e *Engine) Stats() Stats {
	s := Stats{
		Started: e.started, Uptime: time.Since(e.started), Position: e.Position(),
		NodeID: e.identity.NodeID, HistoryID: e.identity.HistoryID,
		Storage: e.storageStats(), Writes: e.writeStats(), Backends: e.scan.stats(),
	}
	if e.devices != nil {
		d := e.devices.Stats()
		s.Device = &d
	}
	for _, c := range e.cat.all() {
		i := c.info()
		s.Collections++
		s.Vectors += i.VectorCount
		s.Pending += i.Pending
		s.Memory.add(i.Memory)
	}
	if err := e.writable(0); err != nil {
		s.ReadOnly = err.Error()
	}
	return s
}

func (m *MemoryInfo) add(o MemoryInfo) {
	m.Vectors += o.Vectors
	m.Links += o.Links
	m.Codes += o.Codes
	m.IDs += o.IDs
	m.Payload += o.Payload
	m.Other += o.Other
	m.Mapped += o.Mapped
	m.Resident += o.Resident
	m.DiskRecs += o.DiskRecs
}

func (e *Engine) storageStats() StorageStats {
	m := e.store.Metrics()
	s := StorageStats{
		Path: e.opts.Dir, FreeBytes: e.space.free.Load(), TotalBytes: e.space.total.Load(),
		ReserveBytes: e.space.reserve, DiskBytes: m.DiskSpaceUsage(), WALBytes: m.WAL.PhysicalSize,
		CacheBytes: m.BlockCache.Size, CacheHits: m.BlockCache.Hits, CacheMisses: m.BlockCache.Misses,
		MemtableSize: m.MemTable.Size, Compactions: m.Compact.Count,
		LogFirst: e.logFirst.Load(), LogLast: e.applied.Load(),
		Full: e.space.check(0) != nil,
	}
	for _, c := range e.cat.all() {
		if im := c.image.Load(); im != nil {
			s.ImageBytes += im.Bytes
		}
	}
	return s
}

func (e *Engine) writeStats() WriteStats {
	return WriteStats{
		Commits: e.stats.commits.Load(), Ops: e.stats.ops.Load(), Bytes: e.stats.bytes.Load(),
		Fsyncs: e.stats.fsyncs.Load(), FsyncTime: time.Duration(e.stats.fsyncNs.Load()),
		GroupMax: e.stats.groupMax.Load(), QueueOps: e.queue.ops.Load(),
		QueueBytes: e.queue.bytes.Load(), Rejected: e.stats.rejected.Load(),
	}
}
