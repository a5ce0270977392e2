package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// idsOf lists the ids of a list of vectors or hits.
func idsOf(list any) []string {
	var ids []string
	for _, x := range list.([]any) {
		ids = append(ids, x.(map[string]any)["id"].(string))
	}
	return ids
}

func TestPutVector(t *testing.T) {
	e := start(t, nil)
	fill(e)
	const path = "/collections/docs/vectors/p"
	f := func(body string, vector, payload string) {
		t.Helper()
		m := e.send("PUT", path, body).ok()
		for _, got := range []map[string]any{m, e.send("GET", path, nil).ok()} {
			if fmt.Sprint(got["vector"]) != vector || fmt.Sprint(got["payload"]) != payload ||
				fmt.Sprint(got["data"]) != vector || fmt.Sprint(got["metadata"]) != payload {
				t.Errorf("%s: %v", body, got)
			}
		}
	}
	f(`{"vector":[1,0,0,0],"payload":{"a":1}}`, "[1 0 0 0]", "map[a:1]") // made
	f(`{"data":[0,1,0,0]}`, "[0 1 0 0]", "map[a:1]")                     // the payload stays
	f(`{"metadata":{"b":2}}`, "[0 1 0 0]", "map[b:2]")                   // the vector stays
	f(`{"payload":{"c":3},"payload_mode":"merge"}`, "[0 1 0 0]", "map[b:2 c:3]")
	f(`{"payload":null}`, "[0 1 0 0]", "<nil>")
	f(`{"id":"p","data":[0,0,1,0],"payload":{"x":[1.5,true,null,"é"]},"publicKey":""}`, "[0 0 1 0]",
		"map[x:[1.5 true <nil> é]]")
	// What a read gives can be written back as it is.
	text := e.send("GET", path, nil).body
	e.send("PUT", path, string(text)).ok()
	e.send("POST", "/collections/docs/vectors/q", `{"vector":[1,1,1,1]}`).ok()
}

func TestUpdateMergesByDefault(t *testing.T) {
	e := start(t, nil)
	fill(e)
	payload := func() string {
		return fmt.Sprint(e.send("POST", "/vector", `{"collection":"docs","id":"a"}`).ok()["payload"])
	}
	e.send("POST", "/update", `{"collection":"docs","id":"a","metadata":{"lang":null,"n":{"x":1}}}`).ok()
	if got := payload(); got != "map[n:map[x:1] year:2019]" {
		t.Error(got)
	}
	e.send("POST", "/update", `{"collection":"docs","id":"a","payload":{"z":1},
		"payload_mode":"replace","vector":[0,0,0,1]}`).ok()
	if got := payload(); got != "map[z:1]" {
		t.Error(got)
	}
	m := e.send("POST", "/delete", `{"collection":"docs","id":"a"}`).ok()
	if m["success"] != true {
		t.Error(m)
	}
	e.send("POST", "/delete", `{"collection":"docs","id":"a"}`).fails(404, "vector_not_found")
}

func TestInsertReply(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("POST", "/insert_vectors", `{"collection":"docs","public_key":null,"vectors":[
		{"id":"n1","embedding":[1,0,0,0],"metadata":{"a":"b"}},
		{"data":[0,1,0,0]},{"id":7,"vector":[0,0,1,0]},{"id":"n1","vector":[0,0,0,1]}]}`).ok()
	list := m["results"].([]any)
	first, minted := list[0].(map[string]any), list[1].(map[string]any)
	if first["client_id"] != "n1" || first["vector_ids"].([]any)[0] != "n1" ||
		first["created"] != true || m["inserted"] != 4.0 {
		t.Error(m)
	}
	id := minted["vector_ids"].([]any)[0].(string)
	if _, has := minted["client_id"]; has || !uuidForm.MatchString(id) {
		t.Error(minted)
	}
	if list[3].(map[string]any)["created"] != false {
		t.Error(list[3])
	}
	e.send("GET", "/collections/docs/vectors/7", nil).ok()
	e.send("GET", "/collections/docs/vectors/"+id, nil).ok()
}

func TestListAndScroll(t *testing.T) {
	e := start(t, nil)
	e.collection("c", 1, "dot")
	rows := make([][]float32, 25)
	for i := range rows {
		rows[i] = []float32{float32(i)}
	}
	e.vectors("c", rows)
	m := e.send("GET", "/collections/c/vectors?limit=3&offset=2", nil).ok()
	if m["total"] != 25.0 || m["limit"] != 3.0 || m["offset"] != 2.0 ||
		!slices.Equal(idsOf(m["vectors"]), []string{"10", "11", "12"}) {
		t.Error(m)
	}
	var all []string
	cursor := "null"
	for pages := 0; ; pages++ {
		m := e.send("POST", "/collections/c/vectors/scroll", `{"limit":7,"with_vector":true,
			"with_payload":false,"cursor":`+cursor+`}`).ok()
		ids := idsOf(m["vectors"])
		if m["count"] != float64(len(ids)) || len(ids) > 7 || pages > 4 {
			t.Fatal(m)
		}
		all = append(all, ids...)
		first := m["vectors"].([]any)
		if len(first) > 0 {
			v := first[0].(map[string]any)
			if v["vector"] == nil || v["payload"] != nil {
				t.Error(v)
			}
		}
		if m["next_cursor"] == nil {
			break
		}
		cursor = fmt.Sprintf("%q", m["next_cursor"])
	}
	if !slices.IsSorted(all) || len(slices.Compact(all)) != 25 {
		t.Error(all)
	}
	m = e.send("POST", "/collections/c/vectors/scroll", `{"filter":{"must":[{"key":"n",
		"range":{"gte":20}}]}}`).ok()
	if m["count"] != 5.0 {
		t.Error(m)
	}
	m = e.send("POST", "/collections/c/vectors/scroll", nil).ok()
	if m["count"] != 25.0 {
		t.Error(m)
	}
}

func TestCount(t *testing.T) {
	e := start(t, nil)
	fill(e)
	for _, f := range []struct {
		method, body string
		want         float64
	}{
		{"GET", "", 3}, {"POST", "", 3}, {"POST", "{}", 3},
		{"POST", `{"filter":{"must":[{"type":"match","key":"lang","match_value":"en"}]}}`, 2},
		{"POST", `{"filter":{"must":[{"key":"lang","match":{"value":"de"}}]},"exact":true}`, 1},
	} {
		m := e.send(f.method, "/collections/docs/count", f.body).ok()
		if m["count"] != f.want || m["collection"] != "docs" {
			t.Errorf("%s: %v", f.body, m)
		}
	}
}

func TestMoveAndCopy(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("POST", "/collections/docs/vectors/copy", `{"destination":"docs2",
		"ids":["a","b","x"]}`).ok()
	list := m["results"].([]any)
	if m["copied"] != 2.0 || m["requested"] != 3.0 || m["failed"] != 1.0 || m["src"] != "docs" ||
		m["dst"] != "docs2" || list[2].(map[string]any)["status"] != "missing_in_src" {
		t.Error(m)
	}
	m = e.send("POST", "/collections/docs/vectors/move", `{"destination":"docs2",
		"vector_ids":["c"]}`).ok()
	if m["moved"] != 1.0 || m["failed"] != 0.0 {
		t.Error(m)
	}
	e.send("GET", "/collections/docs/vectors/c", nil).fails(404, "vector_not_found")
	v := e.send("GET", "/collections/docs2/vectors/c", nil).ok()
	if v["payload"].(map[string]any)["lang"] != "de" {
		t.Error(v)
	}
	e.send("GET", "/collections/docs/vectors/a", nil).ok()
}

func TestByFilter(t *testing.T) {
	e := start(t, nil)
	fill(e)
	m := e.send("POST", "/collections/docs/vectors/bulk_update_metadata", `{"filter":
		{"must":[{"key":"lang","match":{"value":"en"}}]},"patch":{"seen":true,"year":null}}`).ok()
	if m["updated"] != 2.0 || m["matched"] != 2.0 || len(m["results"].([]any)) != 2 {
		t.Error(m)
	}
	v := e.send("GET", "/collections/docs/vectors/a", nil).ok()
	if fmt.Sprint(v["payload"]) != "map[lang:en seen:true]" {
		t.Error(v)
	}
	m = e.send("POST", "/collections/docs/vectors/delete_by_filter", `{"filter":
		{"must":[{"type":"match","key":"seen","match_value":true}]}}`).ok()
	if m["deleted"] != 2.0 {
		t.Error(m)
	}
	if m := e.send("GET", "/collections/docs/count", nil).ok(); m["count"] != 1.0 {
		t.Error(m)
	}
}

func TestSearchOptions(t *testing.T) {
	e := start(t, nil)
	fill(e)
	f := func(body string, want ...string) map[string]any {
		t.Helper()
		m := e.send("POST", "/collections/docs/search", body).ok()
		if got := idsOf(m["results"]); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
		return m
	}
	m := f(`{"vector":[1,0.5,0.1,0]}`, "a", "b", "c")
	if m["query_type"] != "vector" || m["limit"] != 10.0 || m["collection"] != "docs" {
		t.Error(m)
	}
	hit := m["results"].([]any)[0].(map[string]any)
	if hit["payload"] == nil || hit["metadata"] == nil || hit["vector"] != nil ||
		hit["distance"].(float64)+hit["score"].(float64) < 0.999 {
		t.Error(hit)
	}
	f(`{"vector":[1,0.5,0.1,0],"limit":1,"offset":1}`, "b")
	f(`{"vector":[1,0.5,0.1,0],"threshold":0.4}`, "a", "b")
	f(`{"vector":[1,0.5,0.1,0],"filter":{"must_not":[{"key":"lang","match":{"value":"en"}}]}}`, "c")
	f(`{"vector":[1,0.5,0.1,0],"filter":{"must":[{"type":"range","key":"year","range":{"gt":2019}}]}}`,
		"b", "c")
	f(`{"vector":[1,0.5,0.1,0],"exact":true,"ef":50,"k":2}`, "a", "b")
	m = f(`{"vector":[1,0,0,0],"k":1,"with_vector":true,"payload":["lang"]}`, "a")
	hit = m["results"].([]any)[0].(map[string]any)
	if fmt.Sprint(hit["payload"]) != "map[lang:en]" || fmt.Sprint(hit["data"]) != "[1 0 0 0]" {
		t.Error(hit)
	}
	m = f(`{"vector":[1,0,0,0],"k":1,"explain":true,"with_payload":false}`, "a")
	if x := m["explain"].(map[string]any); x["plan"] == "" || x["backend"] == nil {
		t.Error(x)
	}
	m = e.send("POST", "/collections/docs/explain", `{"vector":[1,0,0,0]}`).ok()
	trace := m["trace"].(map[string]any)
	if part := trace["hnsw_search_ms"].(float64); m["k"] != 10.0 || part <= 0 ||
		part > trace["total_ms"].(float64) {
		t.Error(m)
	}
	m = e.send("POST", "/batch_search", `{"collection":"docs","limit":1,"queries":[
		{"vector":[1,0,0,0]},{"vector":[0,1,0,0],"limit":2,"threshold":0.5},{"vector":[1]}]}`).ok()
	list := m["results"].([]any)
	if m["succeeded"] != 2.0 || m["failed"] != 1.0 || m["count"] != 3.0 ||
		!slices.Equal(idsOf(list[1].(map[string]any)["results"]), []string{"b"}) ||
		list[2].(map[string]any)["error_type"] != "dimension_mismatch" {
		t.Error(m)
	}
}

// TestHeadAndPrefix checks that HEAD answers like GET, and both prefixes alike.
func TestHeadAndPrefix(t *testing.T) {
	e := start(t, nil)
	fill(e)
	r := e.send("HEAD", "/collections/docs", nil)
	if r.status != 200 || len(r.body) != 0 || r.header.Get("Content-Length") == "0" {
		t.Errorf("%d %q %v", r.status, r.body, r.header)
	}
	a := e.send("GET", "/collections/docs/vectors", nil)
	b := e.send("GET", "/api/v1/collections/docs/vectors/", nil)
	if a.status != 200 || string(a.body) != string(b.body) || !strings.Contains(string(a.body), "total") {
		t.Errorf("%s\n%s", a.body, b.body)
	}
}
