package metrics

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// fixed is an engine whose measurements do not change.
type fixed struct {
	stats engine.Stats
	infos []engine.CollectionInfo
}

func (f *fixed) Stats() engine.Stats                  { return f.stats }
func (f *fixed) Collections() []engine.CollectionInfo { return f.infos }

// fresh makes metrics over a fixed engine.
func fresh(t *testing.T, f *fixed) (*Metrics, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewRegistry()
	m, err := New(r, Source{Engine: f, Version: "v", Connections: func() int64 { return 3 },
		InflightBytes: func() int64 { return 4 },
		Inflight:      func(visit func(string, int64)) { visit("a", 5); visit("gone", 6) }})
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// text is what a scrape shows.
func text(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// want fails unless every line is in a scrape.
func want(t *testing.T, r *prometheus.Registry, lines ...string) {
	t.Helper()
	got := "\n" + text(t, r)
	for _, l := range lines {
		if !strings.Contains(got, "\n"+l+"\n") {
			t.Errorf("no line %q", l)
		}
	}
}

func TestEvents(t *testing.T) {
	m, r := fresh(t, &fixed{})
	m.Commit(engine.CommitEvent{Ops: 2, Wait: time.Millisecond, Took: 2 * time.Millisecond})
	m.Commit(engine.CommitEvent{Err: errors.New("x")})
	m.Image(engine.ImageEvent{Took: time.Second})
	m.Image(engine.ImageEvent{Err: errors.New("x")})
	m.Loaded(engine.LoadEvent{FromImage: true})
	m.Loaded(engine.LoadEvent{Err: errors.New("x")})
	m.Rejected(errs.RateLimited)
	m.WriteRefused(errs.QueueFull)
	route := m.Route("GET", "/x")
	route.Answered(200, "", time.Millisecond)
	route.Answered(404, errs.VectorNotFound, time.Millisecond)
	want(t, r,
		`vectorizer_commit_duration_seconds_count 2`,
		`vectorizer_commit_errors_total 1`,
		`vectorizer_index_images_written_total{status="error"} 1`,
		`vectorizer_index_images_written_total{status="success"} 1`,
		`vectorizer_collection_loads_total{source="image",status="success"} 1`,
		`vectorizer_collection_loads_total{source="records",status="error"} 1`,
		`vectorizer_collection_loads_total{source="records",status="success"} 0`,
		`vectorizer_http_connections_refused_total{reason="rate_limit_exceeded"} 1`,
		`vectorizer_upsert_rejected_total{reason="queue_full"} 1`,
		`vectorizer_http_requests_total{endpoint="/x",method="GET",status_code="200"} 1`,
		`vectorizer_http_requests_total{endpoint="/x",method="GET",status_code="404"} 1`,
		`vectorizer_api_errors_total{endpoint="/x",error_type="vector_not_found",status_code="404"} 1`,
		`vectorizer_api_errors_total{endpoint="/x",error_type="internal_error",status_code="500"} 0`,
		`vectorizer_http_request_duration_seconds_count{endpoint="/x"} 2`)
}

func TestScrape(t *testing.T) {
	f := &fixed{stats: engine.Stats{Vectors: 7, Collections: 2, ReadOnly: "full"}}
	f.stats.Storage.DiskBytes = 99
	f.stats.Writes.QueueOps = 8
	for _, name := range []string{"a", "b"} {
		i := engine.CollectionInfo{VectorCount: 3, Pending: 1, State: engine.StateLoading,
			Memory: engine.MemoryInfo{Links: 11}}
		i.Name = name
		f.infos = append(f.infos, i)
	}
	_, r := fresh(t, f)
	want(t, r,
		`vectorizer_vectors_total 7`, `vectorizer_collections_total 2`, `vectorizer_read_only 1`,
		`vectorizer_storage_disk_bytes 99`, `vectorizer_upsert_queue_depth 8`,
		`vectorizer_http_connections 3`, `vectorizer_http_inflight_body_bytes 4`,
		`vectorizer_collection_vectors{collection="a"} 3`,
		`vectorizer_index_pending_rows{collection="b"} 1`,
		`vectorizer_collection_loading{collection="a"} 1`,
		`vectorizer_collection_memory_bytes{collection="a",use="links"} 11`,
		`vectorizer_upsert_in_flight{collection="a"} 5`,
		`vectorizer_build_info{goversion="`+runtime.Version()+`",version="v"} 1`)
	if strings.Contains(text(t, r), "gone") {
		t.Error("a collection that is gone is a label")
	}
}

func TestLabels(t *testing.T) {
	m, r := fresh(t, &fixed{})
	for i := range MaxCollections + 5 {
		m.Collection(strings.Repeat("x", i+1)).Searched(SearchVector, 1, false, time.Millisecond)
	}
	want(t, r, `vectorizer_search_requests_total{collection="other",search_type="vector",status="success"} 5`,
		`vectorizer_search_requests_total{collection="x",search_type="vector",status="success"} 1`)
	m.Forget("x")
	m.Forget("never known")
	if strings.Contains(text(t, r), `collection="x"`) {
		t.Error("a forgotten collection is a label still")
	}
	m.Collection("fresh").Wrote(4, true, time.Millisecond)
	want(t, r, `vectorizer_insert_vectors_total{collection="fresh"} 4`,
		`vectorizer_insert_requests_total{collection="fresh",status="error"} 1`,
		`vectorizer_insert_requests_total{collection="fresh",status="success"} 0`)
}

func TestOneRegistry(t *testing.T) {
	_, r := fresh(t, &fixed{})
	if _, err := New(r, Source{Engine: &fixed{}}); err == nil {
		t.Error("the same registry takes the metrics twice")
	}
	if n, ok := ResidentBytes(); ok && n < 1<<20 {
		t.Errorf("%d bytes resident", n)
	}
}

func TestMeasuringDoesNotAllocate(t *testing.T) {
	m, _ := fresh(t, &fixed{})
	c, route := m.Collection("c"), m.Route("POST", "/y")
	if n := testing.AllocsPerRun(100, func() {
		c.Searched(SearchVector, 10, false, time.Millisecond)
		route.Answered(200, "", time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSearched(b *testing.B) {
	r := prometheus.NewRegistry()
	m, err := New(r, Source{Engine: &fixed{}, Connections: func() int64 { return 0 },
		InflightBytes: func() int64 { return 0 }, Inflight: func(func(string, int64)) {}})
	if err != nil {
		b.Fatal(err)
	}
	c, route := m.Collection("c"), m.Route("POST", "/y")
	b.ReportAllocs()
	for b.Loop() {
		c.Searched(SearchVector, 10, false, time.Millisecond)
		route.Answered(200, "", time.Millisecond)
	}
}
