package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SearchType says how a search was asked for.
type SearchType uint8

// The types of search.
const (
	SearchVector SearchType = iota
	SearchExact
	SearchBatch
	searchTypes
)

var searchTypeNames = [searchTypes]string{"vector", "exact", "batch"}

// Collection holds the instruments of one collection, resolved once.
type Collection struct {
	search       [searchTypes]searchSet
	writeOK      prometheus.Counter
	writeErr     prometheus.Counter
	vectors      prometheus.Counter
	writeLatency prometheus.Observer
}

type searchSet struct {
	ok, err prometheus.Counter
	latency prometheus.Observer
	results prometheus.Observer
}

// Collection returns the instruments for a collection that exists.
func (m *Metrics) Collection(name string) *Collection {
	label := m.labels.of(name)
	c := &Collection{
		writeOK:      m.insertRequests.WithLabelValues(label, "success"),
		writeErr:     m.insertRequests.WithLabelValues(label, "error"),
		vectors:      m.insertVectors.WithLabelValues(label),
		writeLatency: m.insertLatency,
	}
	for t, name := range searchTypeNames {
		c.search[t] = searchSet{
			ok:      m.searchRequests.WithLabelValues(label, name, "success"),
			err:     m.searchRequests.WithLabelValues(label, name, "error"),
			latency: m.searchLatency.WithLabelValues(label, name),
			results: m.searchResults.WithLabelValues(label, name),
		}
	}
	return c
}

// Forget drops the series of a collection that is gone.
func (m *Metrics) Forget(name string) {
	if !m.labels.forget(name) {
		return
	}
	match := prometheus.Labels{"collection": name}
	m.searchRequests.DeletePartialMatch(match)
	m.searchLatency.DeletePartialMatch(match)
	m.searchResults.DeletePartialMatch(match)
	m.insertRequests.DeletePartialMatch(match)
	m.insertVectors.DeletePartialMatch(match)
}

// Searched counts one search request of one query.
func (c *Collection) Searched(t SearchType, hits int, failed bool, took time.Duration) {
	s := &c.search[t]
	if failed {
		s.err.Inc()
	} else {
		s.ok.Inc()
		s.results.Observe(float64(hits))
	}
	s.latency.Observe(took.Seconds())
}

// SearchedBatch counts the queries of one batch request, given the hits of each
// that succeeded.
func (c *Collection) SearchedBatch(hits []int, failed int, took time.Duration) {
	s := &c.search[SearchBatch]
	s.ok.Add(float64(len(hits)))
	s.err.Add(float64(failed))
	for _, n := range hits {
		s.results.Observe(float64(n))
	}
	s.latency.Observe(took.Seconds())
}

// Wrote counts one request that wrote vectors.
func (c *Collection) Wrote(vectors int, failed bool, took time.Duration) {
	if failed {
		c.writeErr.Inc()
	} else {
		c.writeOK.Inc()
	}
	c.vectors.Add(float64(vectors))
	c.writeLatency.Observe(took.Seconds())
}
