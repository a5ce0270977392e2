package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vectorizer-go/vectorizer/engine"
)

// collectBackends shows devices that compute, if there are any.
func collectBackends(out chan<- prometheus.Metric, st *engine.Stats) {
	emit := func(kind prometheus.ValueType, name, help string, v float64, labels, values []string) {
		out <- prometheus.MustNewConstMetric(desc(name, help, labels...), kind, v, values...)
	}
	backend := []string{"backend"}
	for i := range st.Backends {
		b := &st.Backends[i]
		if b.Status.Device == "" {
			continue
		}
		name := []string{b.Name}
		emit(prometheus.GaugeValue, "backend_up", "1 unless the device is lost.",
			flag(!b.Status.Degraded), backend, name)
		emit(prometheus.CounterValue, "backend_losses_total", "Times the device was lost.",
			float64(b.Status.Losses), backend, name)
		emit(prometheus.GaugeValue, "backend_memory_bytes", "Memory of the device.",
			float64(b.MemoryBytes), backend, name)
	}
	d := st.Device
	if d == nil {
		return
	}
	name := []string{d.Device}
	emit(prometheus.GaugeValue, "backend_copies_bytes", "Device memory that copies of collections hold.",
		float64(d.Bytes), backend, name)
	emit(prometheus.GaugeValue, "backend_tiled_bytes",
		"Host memory of collections that do not fit and are searched tile by tile.",
		float64(d.TiledBytes), backend, name)
	emit(prometheus.CounterValue, "backend_synced_rows_total", "Changed rows uploaded before a search.",
		float64(d.SyncedRows), backend, name)
	emit(prometheus.CounterValue, "backend_busy_seconds_total", "Time of the batches on the device.",
		d.DeviceTime.Seconds(), backend, name)
	emit(prometheus.CounterValue, "backend_predicted_seconds_total", "What the cost model said they would take.",
		d.Predicted.Seconds(), backend, name)
	if t := d.Stages; t.Measured() {
		for stage, took := range map[string]time.Duration{
			"upload": t.Upload, "kernels": t.Kernels, "download": t.Download,
		} {
			emit(prometheus.CounterValue, "backend_stage_seconds_total",
				"Time of batches by the device's own clock, by what it was spent on.",
				took.Seconds(), []string{"backend", "stage"}, []string{d.Device, stage})
		}
	}
	for filtered, planned := range map[string]map[string]uint64{"false": d.Planned, "true": d.PlannedFiltered} {
		for reason, n := range planned {
			emit(prometheus.CounterValue, "backend_planned_searches_total",
				"Searches that need not be exact, filtered or not, by why they went to the device or the graph.",
				float64(n), []string{"backend", "filtered", "reason"}, []string{d.Device, filtered, reason})
		}
	}
	for reason, n := range d.Batches {
		emit(prometheus.CounterValue, "backend_batches_total",
			"Batches of exact searches, by why they went to the device or the host.",
			float64(n), []string{"backend", "reason"}, []string{d.Device, reason})
		emit(prometheus.CounterValue, "backend_queries_total", "The searches in them.",
			float64(d.Queries[reason]), []string{"backend", "reason"}, []string{d.Device, reason})
	}
}
