package httpapi

import (
	"net/http"

	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
)

// queryExample asks for 2 hits of the vector (1, 0, 0, 0).
const queryExample = "VlpRMQEAAAAEAAAAAQAAAAIAAAAAAAAAAAAAAAAAAAAAAIA/AAAAAAAAAAAAAAAA"

const (
	queryHelp   = "a batch search in octets: see package codec, or docs/api.md"
	resultsHelp = "ids and scores in octets, in reply to a search in octets"
)

func searchRoutes() []route {
	const (
		tag    = "search"
		query  = `"vector": [1, 0, 0, 0], "limit": 2, "filter": {"must": [{"key": "lang", "match": {"value": "en"}}]}`
		many   = `"queries": [{"vector": [1, 0, 0, 0]}, {"vector": [0, 1, 0, 0], "limit": 1}], "limit": 3`
		inBody = `{"collection": "docs", `
	)
	notAcceptable := append([]int{http.StatusNotAcceptable}, onCollection...)
	octets := openapi.Reply{Octets: resultsHelp}
	one, batch := octets, octets
	one.Schema, batch.Schema = "SearchReply", "BatchSearchReply"
	withOctets := func(schema, example string) *openapi.Body {
		return &openapi.Body{Schema: schema, Example: example, Octets: queryHelp,
			OctetExample: queryExample}
	}
	return []route{
		{Operation: openapi.Operation{Method: "POST", Path: "/search", ID: "search", Tag: tag,
			Summary: "Search a collection named in the body",
			Body:    body("SearchRequest", inBody+query+`}`), Reply: replies("SearchReply"),
			Errors: onCollection}, handler: (*call).searchBody},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/search",
			ID: "searchCollection", Tag: tag, Summary: "Search a collection",
			Body:  withOctets("SearchRequest", `{`+query+`, "with_vector": true}`),
			Reply: one, Errors: notAcceptable}, handler: (*call).searchPath},
		{Operation: openapi.Operation{Method: "POST", Path: "/batch_search", ID: "batchSearch",
			Tag: tag, Summary: "Many searches of a collection named in the body",
			Body:   body("BatchSearchRequest", inBody+many+`}`),
			Reply:  replies("BatchSearchReply"),
			Errors: onCollection}, handler: (*call).batchSearchBody},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/search/batch",
			ID: "searchCollectionBatch", Tag: tag, Summary: "Many searches of a collection",
			Body:  withOctets("BatchSearchRequest", `{`+many+`}`),
			Reply: batch, Errors: notAcceptable}, handler: (*call).batchSearchPath},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/explain",
			ID: "explainSearch", Tag: tag, Summary: "Search, and say how it was answered",
			Body:  body("SearchRequest", `{"vector": [1, 0, 0, 0], "k": 3}`),
			Reply: replies("ExplainReply"), Errors: onCollection}, handler: (*call).explainSearch},
		{Operation: openapi.Operation{Method: "GET", Path: onePath + "/count",
			ID: "countVectors", Tag: tag, Summary: "Number of vectors",
			Reply: replies("Counted"), Errors: onCollection}, handler: (*call).count},
		{Operation: openapi.Operation{Method: "POST", Path: onePath + "/count",
			ID: "countMatchingVectors", Tag: tag, Summary: "Number of vectors that match a filter",
			Body: optional("CountRequest", `{"filter": {"must": [{"key": "year",
				"range": {"gte": 2020}}]}}`),
			Reply: replies("Counted"), Errors: onCollection}, handler: (*call).count},
	}
}
