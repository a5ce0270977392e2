package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TestBadInput sends one request of each class of bad input. Each is told what is
// wrong, and nothing changes.
func TestBadInput(t *testing.T) {
	e := start(t, func(o *Options) { o.Limits.BatchItems = 5; o.Limits.BodyBytes = 3 << 20 })
	fill(e)
	e.collection("l2", 4, "euclidean")
	before := e.send("GET", "/collections/docs/vectors?limit=100", nil).ok()["total"]

	f := func(method, path, body string, status int, kind string, says ...string) {
		t.Helper()
		message := e.send(method, path, body).fails(status, kind)
		for _, s := range says {
			if !strings.Contains(message, s) {
				t.Errorf("%s %s %.80s: %q does not say %q", method, path, body, message, s)
			}
		}
	}
	const (
		search = "/collections/docs/search"
		insert = "/collections/docs/vectors"
	)
	one := func(vector string) string { return `{"vectors":[{"id":"x","vector":` + vector + `}]}` }

	// Vectors.
	f("POST", search, `{"vector":[1,2,3]}`, 400, "dimension_mismatch", "expected 4, got 3")
	f("POST", search, `{"vector":[1,2,3,NaN]}`, 400, "validation_error", "vector[3]", "NaN")
	f("POST", search, `{"vector":[1,2,3,Infinity]}`, 400, "validation_error", "Infinity")
	f("POST", search, `{"vector":[1,2,3,1e400]}`, 400, "validation_error", "1e400")
	f("POST", search, `{"vector":[0,0,0,0]}`, 400, "validation_error", "vector")
	f("POST", search, `{"vector":"AACAfwAAgD8AAIA/AACAPw=="}`, 400, "validation_error", "vector")
	f("POST", insert, one(`[1,2,3,4e39]`), 400, "validation_error", "vectors[0].vector[3]")
	f("POST", insert, one(`"AAA"`), 400, "validation_error", "vectors[0].vector")
	// Limits of a search.
	f("POST", search, `{"vector":[1,0,0,0],"limit":0}`, 400, "validation_error", "limit", "0")
	f("POST", search, `{"vector":[1,0,0,0],"limit":-1}`, 400, "validation_error", "-1")
	f("POST", search, `{"vector":[1,0,0,0],"limit":10001}`, 400, "validation_error", "10001")
	f("POST", search, `{"vector":[1,0,0,0],"limit":1e99}`, 400, "validation_error", "limit")
	f("GET", insert+"?limit=0", "", 400, "validation_error", "limit", "1 to 10000")
	f("GET", insert+"?limit=x", "", 400, "validation_error", "limit")
	f("GET", insert+"?offset=-1", "", 400, "validation_error", "offset")
	f("GET", insert+"?with_vector=maybe", "", 400, "validation_error", "with_vector")
	// Members.
	f("POST", search, `{"vektor":[1,0,0,0]}`, 400, "validation_error", "vektor", `"vector"`)
	f("POST", search, `{"vector":[1,0,0,0],"filter":{"must":5}}`, 400, "parse_error", "filter")
	f("POST", search, `{"vector":[1,0,0,0],"collection":"docs2"}`, 400, "validation_error",
		"collection")
	f("POST", "/search", `{"vector":[1,0,0,0]}`, 400, "validation_error", "collection")
	f("POST", insert, `{"vectors":[{"id":"x","vektor":[1]}]}`, 400, "validation_error", "vektor")
	f("POST", insert, `{"vectors":[{"id":"x","vector":[1,0,0,0],"public_key":"k"}]}`, 400,
		"validation_error", "public_key", "encrypt")
	// Text that is not.
	f("POST", search, `{"vector":[1,0,0`, 400, "bad_request", "ends early")
	f("POST", search, `{"vector":[1,0,0,0]}}`, 400, "bad_request", "behind")
	f("POST", search, ``, 400, "bad_request")
	f("POST", insert, "{\"vectors\":[{\"id\":\"\xff\",\"vector\":[1,0,0,0]}]}", 400,
		"validation_error", "vectors[0].id", "UTF-8")
	f("POST", insert, "{\"vectors\":[{\"id\":\"x\",\"vector\":[1,0,0,0],\"payload\":{\"a\":\"\xff\"}}]}",
		400, "validation_error", "vectors[0].payload", "UTF-8")
	deep := strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200)
	f("POST", insert, `{"vectors":[{"id":"x","vector":[1,0,0,0],"payload":`+deep+`}]}`, 400,
		"bad_request", "nested")
	f("POST", insert, `{"vectors":[{"id":"x","vector":[1,0,0,0],"payload":{"n":1e400}}]}`, 400,
		"validation_error", "payload.n", "64-bit")
	f("POST", insert, `{"vectors":[{"id":"x","vector":[1,0,0,0],"payload":[1]}]}`, 400,
		"validation_error", "vectors[0].payload", "object")
	// Batches.
	f("POST", insert, `{"vectors":[]}`, 400, "validation_error", "vectors", "at least one")
	f("POST", insert, `{}`, 400, "validation_error", "vectors")
	f("POST", insert, `{"vectors":[{},{},{},{},{},{}]}`, 400, "validation_error", "at most 5")
	f("POST", "/batch_delete", `{"collection":"docs","ids":[]}`, 400, "validation_error", "ids")
	f("POST", "/batch_delete", `{"collection":"docs","ids":["1","2","3","4","5","6"]}`, 400,
		"validation_error", "at most 5")
	f("POST", "/batch_search", `{"collection":"docs","queries":[]}`, 400, "validation_error",
		"queries")
	f("POST", "/batch_search", `{"collection":"docs","queries":["text"]}`, 400,
		"validation_error", "queries[0]", "embeds no text")
	f("POST", "/batch_search", `{"collection":"docs","queries":[{"vector":[1,0,0,0]},{"limit":2}]}`,
		400, "validation_error", "vector")
	f("POST", "/batch_search", `{"collection":"docs","queries":[{"vector":[1]}],"limit":0}`, 400,
		"validation_error", "limit")
	// Collections.
	f("POST", search[:len(search)-6]+"nothing", `{}`, 404, "not_found")
	f("POST", "/collections/none/search", `{"vector":[1]}`, 404, "collection_not_found", "none")
	f("POST", "/collections", `{"name":"","dimension":4}`, 400, "validation_error", "name")
	f("POST", "/collections", `{"name":"a/b","dimension":4}`, 400, "validation_error", "name")
	f("POST", "/collections", `{"name":"..","dimension":4}`, 400, "validation_error", "name")
	f("POST", "/collections", `{"name":"empty","dimension":4}`, 400, "validation_error", "name")
	f("POST", "/collections", `{"name":"n"}`, 400, "invalid_dimension", "0")
	f("POST", "/collections", `{"name":"n","dimension":65537}`, 400, "invalid_dimension", "65537")
	f("POST", "/collections", `{"name":"n","dimension":4,"metric":"manhattan"}`, 400,
		"validation_error", "metric", "manhattan")
	f("POST", "/collections", `{"name":"n","dimension":4,"hnsw":{"m":1}}`, 400,
		"validation_error", "hnsw.m")
	f("POST", "/collections", `{"name":"n","dimension":4,"embedding_provider":"bm25"}`, 400,
		"validation_error", "embedding_provider")
	f("POST", "/collections", `{"name":"n","dimension":4,"graph":{"enabled":true}}`, 400,
		"validation_error", "graph")
	f("POST", "/collections", `{"name":"docs","dimension":4}`, 409, "collection_already_exists")
	f("PUT", "/collections/docs", `{"similarity_metric":"dot"}`, 400, "validation_error", "metric")
	f("POST", "/collections/docs/rename", `{}`, 400, "validation_error", "new_name")
	f("POST", "/collections/docs/rename", `{"new_name":"l2"}`, 409, "collection_already_exists")
	// Ids.
	f("GET", insert+"/nothing", "", 404, "vector_not_found", "nothing")
	f("DELETE", insert+"/nothing", "", 404, "vector_not_found", "nothing")
	f("PUT", insert+"/a", `{"id":"b","vector":[1,0,0,0]}`, 400, "validation_error", "id")
	f("PUT", insert+"/a", `{}`, 400, "validation_error", "vector")
	f("PUT", insert+"/new", `{"payload":{}}`, 404, "vector_not_found")
	f("PUT", insert+"/"+strings.Repeat("x", 257), `{"vector":[1,0,0,0]}`, 400, "validation_error",
		"id")
	f("PUT", insert+"/%ff", `{"vector":[1,0,0,0]}`, 400, "validation_error", "id")
	f("POST", "/update", `{"collection":"docs","id":"none","metadata":{}}`, 404,
		"vector_not_found")
	f("POST", "/update", `{"collection":"docs","id":"a"}`, 400, "validation_error", "metadata")
	// Filters that say nothing must not mean everything.
	f("POST", insert+"/delete_by_filter", `{"filter":{}}`, 400, "validation_error", "filter")
	f("POST", insert+"/delete_by_filter", `{}`, 400, "validation_error", "filter")
	f("POST", insert+"/bulk_update_metadata", `{"filter":{"lang":"en"}}`, 400,
		"validation_error", "patch")
	f("POST", insert+"/move", `{"destination":"none","ids":["a"]}`, 404, "collection_not_found")
	f("POST", insert+"/scroll", `{"cursor":"%%%"}`, 400, "validation_error", "cursor")
	f("POST", "/slow_queries/config", `{}`, 400, "validation_error", "threshold_ms")
	f("POST", "/slow_queries/config", `{"threshold_ms":1,"capacity":0}`, 400, "validation_error",
		"capacity")

	after := e.send("GET", "/collections/docs/vectors?limit=100", nil).ok()["total"]
	if before != after {
		t.Errorf("%v vectors became %v", before, after)
	}
}

// TestBadItems sends batches of which some items fail: the others succeed.
func TestBadItems(t *testing.T) {
	e := start(t, nil)
	fill(e)
	long := strings.Repeat("é", 129)
	m := e.send("POST", "/collections/docs/vectors", fmt.Sprintf(`{"vectors":[
		{"id":"ok1","vector":[1,0,0,0]},
		{"id":"dim","vector":[1,0,0]},
		{"id":"zero","vector":[0,0,0,0]},
		{"id":%q,"vector":[1,0,0,0]},
		{"id":"","vector":[1,0,0,0]},
		{"id":"none"},
		{"id":"ok1","vector":[0,1,0,0]},
		{"id":"inf","vector":"AACAfwAAgD8AAIA/AACAPw=="}]}`, long)).ok()
	want := []string{"", "dimension_mismatch", "validation_error", "validation_error",
		"validation_error", "dimension_mismatch", "", "validation_error"}
	checkItems(t, m, want)
	if m["inserted"] != 2.0 || m["failed"] != 6.0 || m["count"] != 8.0 {
		t.Error(m)
	}
	// Of an id given twice, the later item wins.
	v := e.send("GET", "/collections/docs/vectors/ok1", nil).ok()
	if v["vector"].([]any)[1] != 1.0 {
		t.Error(v)
	}
	m = e.send("POST", "/collections/docs/vectors", `{"mode":"insert","vectors":[
		{"id":"a","vector":[1,0,0,0]},{"id":"fresh","vector":[1,0,0,0]}]}`).ok()
	checkItems(t, m, []string{"vector_already_exists", ""})
	m = e.send("POST", "/batch_update", `{"collection":"docs","updates":[{"id":"a","payload":null},
		{"id":"missing","payload":{}},{"id":"b","vector":[1]}]}`).ok()
	checkItems(t, m, []string{"", "vector_not_found", "dimension_mismatch"})
	if v := e.send("GET", "/collections/docs/vectors/a", nil).ok(); v["payload"] != nil {
		t.Error(v)
	}
	m = e.send("POST", "/batch_delete", `{"collection":"docs","vector_ids":["a","missing"]}`).ok()
	checkItems(t, m, []string{"", "vector_not_found"})
}

// checkItems compares the error_type of each result; "" is success.
func checkItems(t *testing.T, m map[string]any, want []string) {
	t.Helper()
	list := m["results"].([]any)
	if len(list) != len(want) {
		t.Fatalf("%d results, want %d: %v", len(list), len(want), m)
	}
	for i, w := range want {
		r := list[i].(map[string]any)
		kind, _ := r["error_type"].(string)
		if kind != w || (r["status"] == "ok") != (w == "") || r["index"] != float64(i) {
			t.Errorf("item %d: %v, want %q", i, r, w)
		}
	}
}

// TestAnyID stores and reads ids that are awkward in paths.
func TestAnyID(t *testing.T) {
	e := start(t, nil)
	fill(e)
	for _, id := range []string{"a/b", "..", "%", "a b", "é😀", "move", "bulk", "?&;=+",
		strings.Repeat("x", 256), "a\\b", "1"} {
		path := "/collections/docs/vectors/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2e")
		m := e.send("POST", "/insert_vectors", map[string]any{"collection": "docs",
			"vectors": []any{map[string]any{"id": id, "vector": []int{1, 0, 0, 1}}}}).ok()
		if m["inserted"] != 1.0 {
			t.Errorf("%q: %v", id, m)
			continue
		}
		m = e.send("GET", path, nil).ok()
		if m["id"] != id {
			t.Errorf("%q: %v", id, m["id"])
		}
		e.send("DELETE", path, nil).ok()
		e.send("POST", "/vector", map[string]any{"collection": "docs", "id": id}).
			fails(404, "vector_not_found")
	}
}
