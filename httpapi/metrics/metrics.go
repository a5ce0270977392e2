// Package metrics measures the server for Prometheus. It has its own registry
// entries, never the global ones; every series is measured where the work is
// done or read from the engine at scrape time. Collection names become labels
// only for collections that exist, and only for the first MaxCollections of
// them; the rest share the label "other".
package metrics

import (
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// MaxCollections is how many collections have a label of their own.
const MaxCollections = 100

// OtherCollection is the label of the rest.
const OtherCollection = "other"

const namespace = "vectorizer"

// Engine is what the metrics read from the engine.
type Engine interface {
	Stats() engine.Stats
	Collections() []engine.CollectionInfo
}

// Source is where values that exist anyway are read at scrape time.
type Source struct {
	Engine        Engine
	Replication   Replication // nil = none
	Version       string
	Connections   func() int64                    // open connections
	InflightBytes func() int64                    // of request bodies in memory
	Inflight      func(visit func(string, int64)) // writes in flight, by collection
}

// Metrics holds every instrument. It implements engine.Observer.
type Metrics struct {
	src      Source
	registry *prometheus.Registry
	labels   labels

	searchRequests *prometheus.CounterVec
	searchLatency  *prometheus.HistogramVec
	searchResults  *prometheus.HistogramVec
	insertRequests *prometheus.CounterVec
	insertVectors  *prometheus.CounterVec
	insertLatency  prometheus.Histogram
	upsertRejected *prometheus.CounterVec
	apiErrors      *prometheus.CounterVec
	httpRequests   *prometheus.CounterVec
	httpLatency    *prometheus.HistogramVec
	refused        *prometheus.CounterVec

	commitWait   prometheus.Histogram
	commitTook   prometheus.Histogram
	commitErrors prometheus.Counter
	images       *prometheus.CounterVec
	imageTook    prometheus.Histogram
	loads        *prometheus.CounterVec
	loadTook     prometheus.Histogram
}

// labels hands out collection labels.
type labels struct {
	mu    sync.Mutex // guards: known
	known map[string]bool
}

// of returns the label of a collection that exists.
func (l *labels) of(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[name] {
		return name
	}
	if len(l.known) >= MaxCollections {
		return OtherCollection
	}
	l.known[name] = true
	return name
}

// forget frees the label of a collection that is gone and reports whether it had
// one.
func (l *labels) forget(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	had := l.known[name]
	delete(l.known, name)
	return had
}

// Buckets of the histograms whose names and buckets dashboards rely on.
var (
	searchBuckets = []float64{.001, .003, .005, .01, .025, .05, .1, .25, .5, 1}
	resultBuckets = []float64{0, 1, 5, 10, 25, 50, 100, 250, 500, 1000}
	insertBuckets = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	httpBuckets   = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25,
		.5, 1, 2.5, 5, 10}
	slowBuckets = []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 1800}
)

// New makes the metrics and registers them.
func New(r *prometheus.Registry, src Source) (*Metrics, error) {
	m := &Metrics{src: src, registry: r, labels: labels{known: make(map[string]bool)}}
	m.makeRequests()
	m.makeEngine()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
		Help:        "1, labelled with the version of the server and of Go.",
		ConstLabels: prometheus.Labels{"version": src.Version, "goversion": runtime.Version()}})
	info.Set(1)
	for _, c := range append(m.all(), info, &scrape{m: m},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})) {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	m.zero()
	return m, nil
}

func counter(name, help string, names ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, names)
}

func histogram(name, help string, b []float64, names ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: b}, names)
}

func plainHistogram(name, help string, b []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: b})
}

func (m *Metrics) makeRequests() {
	m.searchRequests = counter("search_requests_total",
		"Searches answered.", "collection", "search_type", "status")
	m.searchLatency = histogram("search_latency_seconds",
		"Time to answer a search request.", searchBuckets, "collection", "search_type")
	m.searchResults = histogram("search_results_count",
		"Hits of a search.", resultBuckets, "collection", "search_type")
	m.insertRequests = counter("insert_requests_total",
		"Requests that write vectors.", "collection", "status")
	m.insertVectors = counter("insert_vectors_total",
		"Vectors written.", "collection")
	m.insertLatency = plainHistogram("insert_latency_seconds",
		"Time to answer a request that writes vectors.", insertBuckets)
	m.upsertRejected = counter("upsert_rejected_total",
		"Write requests refused.", "reason")
	m.apiErrors = counter("api_errors_total",
		"Error replies.", "endpoint", "error_type", "status_code")
	m.httpRequests = counter("http_requests_total",
		"Requests answered.", "method", "endpoint", "status_code")
	m.httpLatency = histogram("http_request_duration_seconds",
		"Time from the request's head to its reply.", httpBuckets, "endpoint")
	m.refused = counter("http_connections_refused_total",
		"Connections refused.", "reason")
}

func (m *Metrics) makeEngine() {
	m.commitWait = plainHistogram("commit_wait_seconds",
		"Time a write waited for the committer.", httpBuckets)
	m.commitTook = plainHistogram("commit_duration_seconds",
		"Time from a write being taken to being durable and visible.", httpBuckets)
	m.commitErrors = prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace,
		Name: "commit_errors_total", Help: "Writes that failed in the committer."})
	m.images = counter("index_images_written_total", "Index images written.", "status")
	m.imageTook = plainHistogram("index_image_duration_seconds",
		"Time to write an index image.", slowBuckets)
	m.loads = counter("collection_loads_total",
		"Collections loaded at start.", "source", "status")
	m.loadTook = plainHistogram("collection_load_duration_seconds",
		"Time to load a collection.", slowBuckets)
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.searchRequests, m.searchLatency, m.searchResults, m.insertRequests, m.insertVectors,
		m.insertLatency, m.upsertRejected, m.apiErrors, m.httpRequests, m.httpLatency, m.refused,
		m.commitWait, m.commitTook, m.commitErrors, m.images, m.imageTook, m.loads, m.loadTook,
	}
}

// zero exports the series that alerts start from before anything happened.
func (m *Metrics) zero() {
	m.upsertRejected.WithLabelValues("queue_full")
	for _, status := range []string{"success", "error"} {
		m.images.WithLabelValues(status)
		m.loads.WithLabelValues("image", status)
		m.loads.WithLabelValues("records", status)
	}
	m.refused.WithLabelValues("too_many_connections")
	m.refused.WithLabelValues(string(errs.RateLimited))
}

// Route holds the instruments of one route of the API.
type Route struct {
	latency prometheus.Observer
	ok      prometheus.Counter // status 200
	m       *Metrics
	method  string
	name    string
}

// Route returns the instruments for a route; name is its pattern.
func (m *Metrics) Route(method, name string) *Route {
	m.apiErrors.WithLabelValues(name, string(errs.Internal), "500")
	return &Route{latency: m.httpLatency.WithLabelValues(name), m: m, method: method, name: name,
		ok: m.httpRequests.WithLabelValues(method, name, "200")}
}

// Answered counts a reply. kind is "" for success.
func (r *Route) Answered(status int, kind errs.Kind, took time.Duration) {
	r.latency.Observe(took.Seconds())
	if status == 200 {
		r.ok.Inc()
		return
	}
	code := strconv.Itoa(status)
	r.m.httpRequests.WithLabelValues(r.method, r.name, code).Inc()
	if kind != "" {
		r.m.apiErrors.WithLabelValues(r.name, string(kind), code).Inc()
	}
}

// Rejected counts a connection that was refused.
func (m *Metrics) Rejected(kind errs.Kind) { m.refused.WithLabelValues(string(kind)).Inc() }

// WriteRefused counts a write request that was refused.
func (m *Metrics) WriteRefused(kind errs.Kind) {
	m.upsertRejected.WithLabelValues(string(kind)).Inc()
}

// Commit implements engine.Observer.
func (m *Metrics) Commit(ev engine.CommitEvent) {
	m.commitWait.Observe(ev.Wait.Seconds())
	m.commitTook.Observe(ev.Took.Seconds())
	if ev.Err != nil {
		m.commitErrors.Inc()
	}
}

// Image implements engine.Observer.
func (m *Metrics) Image(ev engine.ImageEvent) {
	m.images.WithLabelValues(status(ev.Err)).Inc()
	m.imageTook.Observe(ev.Took.Seconds())
}

// Loaded implements engine.Observer.
func (m *Metrics) Loaded(ev engine.LoadEvent) {
	source := "records"
	if ev.FromImage {
		source = "image"
	}
	m.loads.WithLabelValues(source, status(ev.Err)).Inc()
	m.loadTook.Observe(ev.Took.Seconds())
}

func status(err error) string {
	if err != nil {
		return "error"
	}
	return "success"
}
