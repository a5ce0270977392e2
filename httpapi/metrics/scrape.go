package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vectorizer-go/vectorizer/engine"
)

// scrape reads the engine's own measurements when it is scraped.
type scrape struct{ m *Metrics }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. It describes nothing: the registry
// then checks the series as they come.
func (s *scrape) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(out chan<- prometheus.Metric) {
	st := s.m.src.Engine.Stats()
	gauge := func(name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(desc(name, help), prometheus.GaugeValue, v)
	}
	count := func(name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(desc(name, help), prometheus.CounterValue, v)
	}
	gauge("vectors_total", "Vectors in all collections.", float64(st.Vectors))
	gauge("collections_total", "Collections.", float64(st.Collections))
	gauge("uptime_seconds", "Time since the engine was opened.", st.Uptime.Seconds())
	gauge("http_connections", "Open connections.", float64(s.m.src.Connections()))
	gauge("http_inflight_body_bytes", "Buffers of large request bodies.",
		float64(s.m.src.InflightBytes()))
	if rss, ok := ResidentBytes(); ok {
		gauge("memory_usage_bytes", "Resident memory of the process.", float64(rss))
	}
	gauge("read_only", "1 if writes are refused.", flag(st.ReadOnly != ""))
	collectWrites(gauge, count, &st.Writes)
	collectStorage(gauge, count, &st.Storage)
	collectBackends(out, &st)
	s.replication(gauge, count, out)
	s.collections(out)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type emit func(name, help string, v float64)

func collectWrites(gauge, count emit, w *engine.WriteStats) {
	gauge("upsert_queue_depth", "Operations waiting for the committer.", float64(w.QueueOps))
	gauge("upsert_queue_bytes", "Their size.", float64(w.QueueBytes))
	count("commits_total", "Groups of writes committed.", float64(w.Commits))
	count("commit_ops_total", "Operations committed.", float64(w.Ops))
	count("commit_bytes_total", "Bytes of committed batches.", float64(w.Bytes))
	count("fsyncs_total", "Commits that waited for the disk.", float64(w.Fsyncs))
	count("fsync_seconds_total", "Time they took.", w.FsyncTime.Seconds())
	gauge("commit_group_max_ops", "Most operations of one group.", float64(w.GroupMax))
	count("commit_queue_rejected_total", "Writes refused because the queue was full.",
		float64(w.Rejected))
}

func collectStorage(gauge, count emit, s *engine.StorageStats) {
	gauge("storage_disk_bytes", "Size of the record store.", float64(s.DiskBytes))
	gauge("storage_image_bytes", "Size of the index images.", float64(s.ImageBytes))
	gauge("storage_wal_bytes", "Size of the store's write-ahead log.", float64(s.WALBytes))
	gauge("storage_free_bytes", "Free space of the data directory's disk.", float64(s.FreeBytes))
	gauge("storage_total_bytes", "Size of the data directory's disk.", float64(s.TotalBytes))
	gauge("storage_reserve_bytes", "Free space below which writes are refused.",
		float64(s.ReserveBytes))
	gauge("storage_full", "1 if the reserve is reached.", flag(s.Full))
	gauge("storage_cache_bytes", "Block cache in use.", float64(s.CacheBytes))
	count("storage_cache_hits_total", "Block cache hits.", float64(s.CacheHits))
	count("storage_cache_misses_total", "Block cache misses.", float64(s.CacheMisses))
	gauge("storage_memtable_bytes", "Memtables in memory.", float64(s.MemtableSize))
	count("storage_compactions_total", "Compactions.", float64(s.Compactions))
	gauge("log_first_offset", "First entry of the log kept.", float64(s.LogFirst))
	gauge("log_last_offset", "Last entry of the log.", float64(s.LogLast))
}

// perCollection is what is shown of one collection, or of the others together.
type perCollection struct {
	vectors, pending, deleted int
	loading, quarantined      int
	memory                    engine.MemoryInfo
	inflight                  int64
}

func (s *scrape) collections(out chan<- prometheus.Metric) {
	by := make(map[string]*perCollection)
	at := func(name string) *perCollection {
		label := s.m.labels.of(name)
		if by[label] == nil {
			by[label] = new(perCollection)
		}
		return by[label]
	}
	exists := make(map[string]bool)
	for _, i := range s.m.src.Engine.Collections() {
		exists[i.Name] = true
		p := at(i.Name)
		p.vectors += i.VectorCount
		p.pending += i.Pending
		p.deleted += i.Deleted
		switch i.State {
		case engine.StateLoading:
			p.loading++
		case engine.StateQuarantined:
			p.quarantined++
		}
		p.add(i.Memory)
	}
	s.m.src.Inflight(func(name string, n int64) {
		if exists[name] {
			at(name).inflight += n
		}
	})
	for label, p := range by {
		p.emit(label, out)
	}
}

func (p *perCollection) add(m engine.MemoryInfo) {
	p.memory.Vectors += m.Vectors
	p.memory.Links += m.Links
	p.memory.Codes += m.Codes
	p.memory.IDs += m.IDs
	p.memory.Payload += m.Payload
	p.memory.Other += m.Other
	p.memory.Mapped += m.Mapped
	p.memory.DiskRecs += m.DiskRecs
}

func (p *perCollection) emit(label string, out chan<- prometheus.Metric) {
	gauge := func(name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(desc(name, help, "collection"),
			prometheus.GaugeValue, v, label)
	}
	gauge("collection_vectors", "Vectors of a collection.", float64(p.vectors))
	gauge("index_pending_rows", "Rows not linked into the graph yet.", float64(p.pending))
	gauge("index_deleted_rows", "Deleted rows whose repair is outstanding.", float64(p.deleted))
	gauge("collection_loading", "Collections that are loading.", float64(p.loading))
	gauge("collection_quarantined", "Collections that are damaged.", float64(p.quarantined))
	gauge("collection_disk_bytes", "Records and images on disk, estimated.",
		float64(p.memory.DiskRecs))
	gauge("upsert_in_flight", "Write requests in flight.", float64(p.inflight))
	memory := desc("collection_memory_bytes", "Memory of a collection by use.",
		"collection", "use")
	for _, u := range []struct {
		use   string
		bytes int64
	}{
		{"vectors", p.memory.Vectors}, {"links", p.memory.Links}, {"codes", p.memory.Codes},
		{"ids", p.memory.IDs}, {"payload_index", p.memory.Payload},
		{"other", p.memory.Other}, {"mapped", p.memory.Mapped},
	} {
		out <- prometheus.MustNewConstMetric(memory, prometheus.GaugeValue,
			float64(u.bytes), label, u.use)
	}
}
