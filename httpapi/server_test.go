package httpapi

import "testing"

func TestFirstSteps(t *testing.T) {
	e := start(t, nil)
	e.collection("c", 4, "cosine")
	e.vectors("c", [][]float32{{1, 0, 0, 0}, {0, 1, 0, 0}, {0.6, 0.8, 0, 0}})
	m := e.send("POST", "/api/v1/collections/c/search", `{"vector":[1,0,0,0],"limit":2}`).ok()
	hits := m["results"].([]any)
	if len(hits) != 2 || hits[0].(map[string]any)["id"] != "0" ||
		hits[1].(map[string]any)["id"] != "2" || m["total"] != 2.0 || m["total_results"] != 2.0 {
		t.Fatal(m)
	}
	v := e.send("GET", "/collections/c/vectors/2", nil).ok()
	if v["vector"].([]any)[1] != 0.8 || v["data"].([]any)[1] != 0.8 ||
		v["payload"].(map[string]any)["n"] != 2.0 {
		t.Fatal(v)
	}
	e.send("DELETE", "/collections/c/vectors/2", nil).ok()
	e.send("GET", "/collections/c/vectors/2", nil).fails(404, "vector_not_found")
	e.send("GET", "/ready", nil).ok()
	e.send("GET", "/health", nil).ok()
	e.send("GET", "/metrics", nil)
	e.send("GET", "/collections/x", nil).fails(404, "collection_not_found")
}
