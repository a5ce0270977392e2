package httpapi

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
)

// infoKeys is every key that a published client takes in collection info.
var infoKeys = strings.Fields(`name dimension vector_count similarity_metric metric status
	document_count error_message last_updated created_at updated_at embedding_provider
	indexing_status normalization quantization size vector_count_history`)

// checkInfo fails on any key that would break that client.
func checkInfo(t *testing.T, m map[string]any) {
	t.Helper()
	for k := range m {
		if !slices.Contains(infoKeys, k) {
			t.Errorf("key %q breaks a published client", k)
		}
	}
}

// TestCreateShapes sends what each published client sends, and looks for what it
// reads.
func TestCreateShapes(t *testing.T) {
	e := start(t, nil)
	// similarity_metric: the reply is collection info.
	m := e.send("POST", "/collections", `{"name":"ts","dimension":4,
		"similarity_metric":"dot_product","description":"d"}`).ok()
	checkInfo(t, m)
	if m["name"] != "ts" || m["dimension"] != 4.0 || m["vector_count"] != 0.0 ||
		m["metric"] != "DotProduct" || m["similarity_metric"] != "dot_product" {
		t.Error(m)
	}
	// config: name and config.
	m = e.send("POST", "/collections", `{"name":"go","config":{"dimension":3,
		"metric":"Euclidean"}}`).ok()
	config := m["config"].(map[string]any)
	if m["name"] != "go" || config["dimension"] != 3.0 || config["metric"] != "Euclidean" ||
		m["collection"] != "go" {
		t.Error(m)
	}
	// metric: message and collection.
	m = e.send("POST", "/collections", `{"name":"rust","dimension":3,"metric":"dotproduct"}`).ok()
	if m["message"] == "" || m["collection"] != "rust" || m["metric"] != "dot_product" {
		t.Error(m)
	}
}

func TestMetricSpellings(t *testing.T) {
	e := start(t, nil)
	for i, f := range []struct{ sent, want string }{
		{"cosine", "Cosine"}, {"COSINE", "Cosine"}, {"Euclid", "Euclidean"}, {"l2", "Euclidean"},
		{"euclidean", "Euclidean"}, {"dot", "DotProduct"}, {"Dot_Product", "DotProduct"},
		{"DotProduct", "DotProduct"},
	} {
		name := "m" + string(rune('a'+i))
		e.collection(name, 2, f.sent)
		if m := e.send("GET", "/collections/"+name, nil).ok(); m["metric"] != f.want {
			t.Errorf("%s became %v", f.sent, m["metric"])
		}
	}
}

func TestCollectionInfo(t *testing.T) {
	e := start(t, func(o *Options) { o.DefaultHNSW = engine.HNSWConfig{M: 24, EfSearch: 77} })
	e.send("POST", "/collections", `{"name":"c","dimension":4,"hnsw":{"ef_construction":50},
		"update_mode":"reinsert","payload_index":["a.b"],"description":"text","quantization":{"type":"sq8"}}`).ok()
	e.vectors("c", [][]float32{{1, 0, 0, 0}, {0, 1, 0, 0}})
	m := e.send("GET", "/collections/c", nil).ok()
	checkInfo(t, m)
	status := m["indexing_status"].(map[string]any)
	hnsw := status["hnsw"].(map[string]any)
	if hnsw["m"] != 24.0 || hnsw["ef_construction"] != 50.0 || hnsw["ef_search"] != 77.0 ||
		status["update_mode"] != "reinsert" || status["description"] != "text" ||
		status["payload_index"].([]any)[0] != "a.b" || status["state"] != "ready" {
		t.Error(status)
	}
	if m["vector_count"] != 2.0 || m["status"] != "ready" || m["metric"] != "Cosine" ||
		m["similarity_metric"] != "cosine" || m["document_count"] != 2.0 {
		t.Error(m)
	}
	if q := m["quantization"].(map[string]any); q["setting"] != "sq8" || q["enabled"] != false || q["type"] != "none" {
		t.Error(q) // too few rows for codes
	}
	e.send("POST", "/collections", `{"name":"bad","dimension":4,"quantization":"sq9"}`).fails(400, "validation_error")
	e.send("PUT", "/collections/c", `{"quantization":{"storage":"tape"}}`).fails(400, "validation_error")
	m = e.send("PUT", "/collections/c", `{"quantization":{"type":"sq4","storage":"ram"}}`).ok()
	if q := m["quantization"].(map[string]any); q["setting"] != "sq4" || q["storage"] != "ram" ||
		q["rescore"] != true || q["oversampling"] != nil {
		t.Error(q)
	}
	m = e.send("PUT", "/collections/c",
		`{"quantization":{"type":"binary","rescore":false,"oversampling":2.5}}`).ok()
	if q := m["quantization"].(map[string]any); q["setting"] != "binary" || q["storage"] != "ram" ||
		q["rescore"] != false || q["oversampling"] != 2.5 {
		t.Error(q)
	}
	e.send("PUT", "/collections/c", `{"quantization":{"oversampling":0}}`).fails(400, "validation_error")
	e.send("PUT", "/collections/c", `{"quantization":{"always_ram":true}}`).fails(400, "validation_error")
	m = e.send("PUT", "/collections/c", `{"quantization":{"rescore":null,"oversampling":null}}`).ok()
	if q := m["quantization"].(map[string]any); q["rescore"] != true || q["oversampling"] != nil {
		t.Error(q)
	}
	checkInfo(t, m)
	if size := m["size"].(map[string]any); size["total_bytes"].(float64) < 32 ||
		!strings.ContainsAny(size["total"].(string), "BKM") {
		t.Error(size)
	}
	for _, k := range []string{"created_at", "updated_at"} {
		at, err := time.Parse(time.RFC3339Nano, m[k].(string))
		if err != nil || time.Since(at) > time.Minute {
			t.Errorf("%s: %v %v", k, at, err)
		}
	}
	list := e.send("GET", "/collections", nil).ok()
	first := list["collections"].([]any)[0].(map[string]any)
	checkInfo(t, first)
	if list["total_collections"] != 1.0 || first["name"] != "c" {
		t.Error(list)
	}
	if _, both := first["similarity_metric"]; both {
		t.Error("the list has the metric under both names, which one client refuses")
	}
}

func TestUpdateCollection(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("PUT", "/collections/docs", `{"description":"new","ef_search":123,
		"similarity_metric":"cosine"}`).ok()
	checkInfo(t, m)
	status := m["indexing_status"].(map[string]any)
	if status["description"] != "new" || status["hnsw"].(map[string]any)["ef_search"] != 123.0 {
		t.Error(status)
	}
}

func TestRenameAndDelete(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("POST", "/collections/docs/rename", `{"new_name":"renamed"}`).ok()
	if m["old_name"] != "docs" || m["new_name"] != "renamed" || m["status"] != "ok" ||
		m["alias_retained"] != false {
		t.Error(m)
	}
	e.send("GET", "/collections/docs", nil).fails(404, "collection_not_found")
	e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0]}`).fails(404,
		"collection_not_found")
	e.send("POST", "/collections/renamed/search", `{"vector":[1,0,0,0]}`).ok()
	e.send("DELETE", "/collections/renamed", nil).ok()
	e.send("POST", "/collections/renamed/search", `{"vector":[1,0,0,0]}`).fails(404,
		"collection_not_found")
	e.send("DELETE", "/collections/renamed", nil).fails(404, "collection_not_found")
	// A new collection of the old name is another one.
	e.collection("docs", 2, "dot")
	e.send("POST", "/collections/docs/search", `{"vector":[1,0]}`).ok()
}

func TestCleanup(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("GET", "/collections/empty", nil).ok()
	if m["count"] != 2.0 || m["empty_collections"].([]any)[0] != "docs2" {
		t.Error(m)
	}
	m = e.send("DELETE", "/collections/cleanup?dry_run=true", nil).ok()
	if m["deleted_count"] != 0.0 || m["dry_run"] != true || len(m["collections"].([]any)) != 2 {
		t.Error(m)
	}
	m = e.send("DELETE", "/collections/cleanup", nil).ok()
	if m["deleted_count"] != 2.0 || m["removed"] != 2.0 || m["success"] != true {
		t.Error(m)
	}
	if m := e.send("GET", "/collections", nil).ok(); m["total_collections"] != 1.0 {
		t.Error(m)
	}
}

func TestReindexAndSave(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("POST", "/collections/docs/reindex", `{"m":8}`).ok()
	p := m["params"].(map[string]any)
	if m["state"] != "completed" || p["m"] != 8.0 || p["ef_construction"] != 200.0 {
		t.Error(m)
	}
	got := e.send("GET", "/collections/docs", nil).ok()["indexing_status"].(map[string]any)
	if got["hnsw"].(map[string]any)["m"] != 8.0 {
		t.Error(got)
	}
	e.send("POST", "/collections/docs/search", `{"vector":[1,0,0,0]}`).ok()
	if m := e.send("POST", "/collections/docs/force-save", `{}`).ok(); m["flushed"] != true {
		t.Error(m)
	}
	e.send("POST", "/collections/docs/force-save", nil, "Content-Type", "application/json").ok()
}

func TestHealthAndReady(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("GET", "/health", nil).ok()
	checks := m["checks"].(map[string]any)
	if m["status"] != "healthy" || m["version"] != "test" ||
		checks["storage"].(map[string]any)["status"] != "pass" {
		t.Error(m)
	}
	if m := e.send("GET", "/ready", nil).ok(); m["ready"] != true {
		t.Error(m)
	}
	if m := e.send("GET", "/status", nil).ok(); m["online"] != true || m["collections_count"] != 3.0 {
		t.Error(m)
	}
	if err := e.engine.WaitIndexed(context.Background(), "docs"); err != nil {
		t.Fatal(err)
	}
	m = e.send("GET", "/indexing/progress", nil).ok()
	if m["overall_status"] != "completed" || m["total_collections"] != 3.0 {
		t.Error(m)
	}
	m = e.send("GET", "/stats", nil).ok()
	if m["collections"] != 3.0 || m["vectors"] != 3.0 || m["total_vectors"] != 3.0 ||
		m["total_size_bytes"].(float64) <= 0 || m["writes"].(map[string]any)["ops"].(float64) < 3 {
		t.Error(m)
	}
	// A server that is shutting down says so while it still answers.
	e.server.draining.Store(true)
	r := e.send("GET", "/health", nil)
	if r.status != 503 || r.json()["status"] != "degraded" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := e.send("GET", "/ready", nil); r.status != 503 || r.json()["ready"] != false {
		t.Errorf("%d %s", r.status, r.body)
	}
	e.send("GET", "/live", nil).ok()
}
