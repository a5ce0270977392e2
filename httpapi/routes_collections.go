package httpapi

import (
	"net/http"

	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
)

// onePath is the path of a collection.
const onePath = "/collections/{collection}"

func collectionRoutes() []route {
	const tag = "collections"
	return []route{
		{Operation: openapi.Operation{Method: "GET", Path: "/collections", ID: "listCollections",
			Tag: tag, Summary: "Every collection, by name", Reply: replies("CollectionList")},
			handler: (*call).listCollections},
		{Operation: openapi.Operation{Method: "POST", Path: "/collections",
			ID: "createCollection", Tag: tag, Summary: "Create a collection",
			Body: body("CreateCollection", `{"name": "docs-new", "dimension": 4, "metric": "cosine",
				"hnsw": {"m": 16, "ef_construction": 200}, "quantization": "auto",
				"description": "an example"}`),
			Reply:  replies("CollectionCreated"),
			Errors: []int{http.StatusConflict, http.StatusInsufficientStorage}},
			handler: (*call).createCollection},
		{Operation: openapi.Operation{Method: "GET", Path: "/collections/empty",
			ID: "listEmptyCollections", Tag: tag, Summary: "Collections without vectors",
			Reply: replies("EmptyCollections")}, handler: (*call).listEmpty},
		{Operation: openapi.Operation{Method: "DELETE", Path: "/collections/cleanup",
			ID: "cleanupCollections", Tag: tag, Summary: "Delete collections without vectors",
			Query: []openapi.Param{boolParam("dry_run", "only say which", false)},
			Reply: replies("Cleanup"), Errors: onWrite}, handler: (*call).cleanup},
		{Operation: openapi.Operation{Method: "GET", Path: onePath, ID: "getCollection",
			Tag: tag, Summary: "One collection", Reply: replies("CollectionInfo"),
			Errors: onCollection}, handler: (*call).getCollection},
		{Operation: openapi.Operation{Method: "PUT", Path: onePath, ID: "updateCollection",
			Tag: tag, Summary: "Change what may change of a collection",
			Body:  body("UpdateCollection", `{"description": "changed", "ef_search": 100}`),
			Reply: replies("CollectionInfo"), Errors: onWrite}, handler: (*call).updateCollection},
		{Operation: openapi.Operation{Method: "DELETE", Path: onePath, ID: "deleteCollection",
			Tag: tag, Summary: "Delete a collection and all it holds", Reply: replies("Message"),
			Errors: onWrite}, handler: (*call).deleteCollection},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/rename",
			ID: "renameCollection", Tag: tag, Summary: "Rename a collection",
			Body: body("Rename", `{"new_name": "docs-renamed"}`), Reply: replies("Renamed"),
			Errors: append([]int{http.StatusConflict}, onWrite...)},
			handler: (*call).renameCollection},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/reindex",
			ID: "reindexCollection", Tag: tag,
			Summary: "Build the graph anew, with other parameters; the old one serves meanwhile",
			Body:    optional("HNSW", `{"m": 8, "ef_construction": 100}`),
			Reply:   replies("Reindexed"), Errors: onWrite},
			handler: (*call).reindex, untimed: true},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/force-save",
			ID: "saveCollection", Tag: tag, Summary: "Sync the log and write the index image",
			Reply: replies("Saved"), Errors: onWrite},
			handler: (*call).flushCollection, untimed: true},
	}
}
