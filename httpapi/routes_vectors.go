package httpapi

import (
	"net/http"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
)

const (
	vectorsPath = onePath + "/vectors"
	vectorPath  = vectorsPath + "/{id}"
)

// bulkExample is one row: id "o1", vector (1, 0, 0, 0), payload {"n":9}.
const bulkExample = "VlpCMQEAAwAEAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAACAG8xAACAPwAAAAAAAAAAAAAAAAcAAAB7Im4iOjl9"

const bulkHelp = "a bulk upsert in octets: see package codec, or docs/api.md"

// vectorRoutes are those that concern one vector, or a list in the body.
func vectorRoutes() []route {
	const tag = "vectors"
	onePut := openapi.Operation{Path: vectorPath, Tag: tag,
		Summary: "Change what the body names of a vector, or make it if the body has a vector",
		Body: body("VectorItem",
			`{"vector": [0.5, 0.5, 0.5, 0.5], "payload": {"title": "half"}}`),
		Reply: replies("Record"), Errors: onWrite}
	put, post := onePut, onePut
	put.Method, put.ID = "PUT", "putVector"
	post.Method, post.ID = "POST", "postVector"
	return []route{
		{Operation: openapi.Operation{Method: "GET", Path: vectorPath, ID: "getVector", Tag: tag,
			Summary: "One vector as written", Reply: replies("Record"), Errors: onCollection},
			handler: (*call).getVector},
		{Operation: put, handler: (*call).putVector},
		{Operation: post, handler: (*call).putVector},
		{Operation: openapi.Operation{Method: "DELETE", Path: vectorPath, ID: "deleteVector",
			Tag: tag, Summary: "Delete one vector", Reply: replies("Message"), Errors: onWrite},
			handler: (*call).deleteVector},
		{Operation: openapi.Operation{Method: "POST", Path: "/vector", ID: "getVectorByBody",
			Tag: tag, Summary: "One vector as written, named in the body",
			Body:  body("VectorRef", `{"collection": "docs", "id": "a"}`),
			Reply: replies("Record"), Errors: onCollection}, handler: (*call).getVectorBody},
		{Operation: openapi.Operation{Method: "POST", Path: "/update", ID: "updateVectorByBody",
			Tag: tag, Summary: "Change a vector or its payload",
			Body: body("UpdateVector",
				`{"collection": "docs", "id": "a", "metadata": {"lang": "fr"}}`),
			Reply: replies("Message"), Errors: onWrite}, handler: (*call).updateBody},
		{Operation: openapi.Operation{Method: "POST", Path: "/delete", ID: "deleteVectorByBody",
			Tag: tag, Summary: "Delete one vector, named in the body",
			Body:  body("VectorRef", `{"collection": "docs", "id": "a"}`),
			Reply: replies("Message"), Errors: onWrite}, handler: (*call).deleteBody},
	}
}

// manyRoutes are those that write or list many vectors.
func manyRoutes() []route {
	const tag = "vectors"
	table := []route{
		{Operation: openapi.Operation{Method: "GET", Path: vectorsPath, ID: "listVectors",
			Tag: tag, Summary: "Vectors by id", Reply: replies("VectorList"),
			Query: []openapi.Param{
				intParam("limit", "vectors returned", codec.DefaultLimit, 1, engine.MaxLimit),
				intParam("offset", "vectors skipped", 0, 0, engine.MaxOffset),
				boolParam("with_vector", "return the vectors", true),
				boolParam("with_payload", "return the payloads", true)},
			Errors: onCollection}, handler: (*call).listVectors},
		{Operation: openapi.Operation{Method: "POST", Path: vectorsPath + "/scroll",
			ID: "scrollVectors", Tag: tag, Summary: "Vectors by id, page by page",
			Body: optional("Scroll", `{"limit": 2, "with_vector": true,
				"filter": {"must": [{"key": "lang", "match": {"value": "en"}}]}}`),
			Reply: replies("ScrollPage"), Errors: onCollection}, handler: (*call).scroll},
		{Operation: openapi.Operation{Method: "POST", Path: "/batch_update", ID: "batchUpdate",
			Tag: tag, Summary: "Change many vectors, with a result for each",
			Body: body("BatchUpdate", `{"collection": "docs", "updates": [
				{"id": "a", "payload": {"lang": "de"}}, {"id": "b", "vector": [0, 0, 1, 0]}]}`),
			Reply: replies("BatchUpdated"), Errors: onWrite}, handler: (*call).batchUpdate},
		{Operation: openapi.Operation{Method: "POST", Path: "/batch_delete", ID: "batchDelete",
			Tag: tag, Summary: "Delete many vectors, with a result for each",
			Body:  body("BatchDelete", `{"collection": "docs", "ids": ["a", "b", "missing"]}`),
			Reply: replies("BatchDeleted"), Errors: onWrite}, handler: (*call).batchDelete},
		{Operation: openapi.Operation{Method: "POST", Path: vectorsPath + "/move",
			ID: "moveVectors", Tag: tag,
			Summary: "Move vectors to another collection, in one commit",
			Body:    body("Transfer", `{"destination": "docs2", "ids": ["a", "missing"]}`),
			Reply:   replies("Moved"), Errors: onWrite}, handler: (*call).move},
		{Operation: openapi.Operation{Method: "POST", Path: vectorsPath + "/copy",
			ID: "copyVectors", Tag: tag, Summary: "Copy vectors to another collection",
			Body:  body("Transfer", `{"destination": "docs2", "ids": ["a", "b"]}`),
			Reply: replies("Copied"), Errors: onWrite}, handler: (*call).copy},
		{Operation: openapi.Operation{Method: "POST", Path: vectorsPath + "/delete_by_filter",
			ID: "deleteByFilter", Tag: tag, Summary: "Delete the vectors that match a filter",
			Body: body("DeleteByFilter", `{"filter": {"must": [
				{"type": "match", "key": "lang", "match_value": "en"}]}}`),
			Reply: replies("DeletedByFilter"), Errors: onWrite}, handler: (*call).deleteByFilter},
		{Operation: openapi.Operation{Method: "POST",
			Path: vectorsPath + "/bulk_update_metadata", ID: "bulkUpdateMetadata", Tag: tag,
			Summary: "Patch the payloads that match a filter",
			Body: body("UpdateByFilter", `{"filter": {"must": [{"key": "lang",
				"match": {"value": "en"}}]}, "patch": {"seen": true}}`),
			Reply: replies("UpdatedByFilter"), Errors: onWrite}, handler: (*call).updateByFilter},
	}
	return append(table, insertRoutes(tag)...)
}

// insertRoutes are the same operation by several paths, as published clients use
// them, and its form in octets.
func insertRoutes(tag string) []route {
	const vectors = `"vectors": [
		{"id": "d", "vector": [0, 0, 0, 1], "payload": {"title": "fourth", "year": 2024}},
		{"embedding": [0.1, 0.2, 0.3, 0.4]}]`
	errors := append([]int{http.StatusConflict}, onWrite...)
	var table []route
	for _, r := range []struct{ method, path, id, example string }{
		{"POST", "/insert_vectors", "insertVectors", `{"collection": "docs", ` + vectors + `}`},
		{"POST", vectorsPath, "upsertVectors", `{` + vectors + `}`},
		{"PUT", vectorsPath, "putVectors", `{` + vectors + `, "mode": "insert"}`},
	} {
		h := (*call).insertPath
		if r.path == "/insert_vectors" {
			h = (*call).insertBody
		}
		table = append(table, route{Operation: openapi.Operation{Method: r.method, Path: r.path,
			ID: r.id, Tag: tag, Summary: "Upsert many vectors, with a result for each",
			Body: body("InsertVectors", r.example), Reply: replies("Inserted"),
			Errors: errors}, handler: h})
	}
	for _, r := range []struct{ method, id string }{
		{"PUT", "putVectorsBulk"}, {"POST", "postVectorsBulk"},
	} {
		table = append(table, route{Operation: openapi.Operation{Method: r.method,
			Path: vectorsPath + "/bulk", ID: r.id, Tag: tag,
			Summary: "Upsert any number of vectors in octets, committed in groups as they arrive",
			Body:    &openapi.Body{Octets: bulkHelp, OctetExample: bulkExample},
			Reply:   replies("BulkInserted"), Errors: errors}, handler: (*call).bulk,
			untimed: true})
	}
	return table
}
