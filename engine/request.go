package engine

import (
	"encoding/json"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// OpKind says what an Op does.
type OpKind uint8

const (
	// OpUpsert writes id with Vector and Payload, replacing what was there.
	OpUpsert OpKind = iota + 1
	// OpInsert is OpUpsert that fails with errs.VectorExists if id is present.
	OpInsert
	// OpUpdate changes the Vector and/or Payload of a present id, or fails with
	// errs.VectorNotFound.
	OpUpdate
	// OpDelete removes id, or fails with errs.VectorNotFound.
	OpDelete
)

// PayloadMode says how OpUpdate treats Payload.
type PayloadMode uint8

const (
	// PayloadKeep leaves the payload alone (OpUpdate) or stores none (upsert).
	PayloadKeep PayloadMode = iota
	// PayloadReplace stores Payload; a nil Payload clears it.
	PayloadReplace
	// PayloadMerge applies Payload as a JSON merge patch (RFC 7396).
	PayloadMerge
)

// Op is one mutation of one id. The engine copies what it keeps: the caller's
// slices may be reused when Write returns.
type Op struct {
	Kind        OpKind
	ID          string          // 1..MaxIDBytes bytes of UTF-8
	Vector      []float32       // as given by the user, not normalised; nil = keep (OpUpdate)
	Payload     json.RawMessage // a JSON object, or nil
	PayloadMode PayloadMode     // OpUpsert and OpInsert store Payload whatever it says
}

// Mutation is a list of ops on one collection. Its items succeed or fail one by
// one; all that succeed are committed in one atomic batch.
type Mutation struct {
	Collection string
	Ops        []Op
}

// OpResult is the outcome of one Op.
type OpResult struct {
	Err     error // nil, or an *errs.Error; the op then changed nothing
	Created bool  // the id was not present before
}

// Position is a place in the node's log; a later Position is greater.
type Position struct {
	Epoch  uint64 `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// WriteResult is the outcome of a Write.
type WriteResult struct {
	Items    []OpResult // one per op, in order, over all mutations
	Position Position   // of the last entry committed by this call
}

// Record is a stored vector.
type Record struct {
	ID      string
	Vector  []float32       // as written; nil unless asked for
	Payload json.RawMessage // nil if none, or not asked for
	Offset  uint64          // log offset of the write that made it
}

// Fields says which parts of a record a read wants.
type Fields struct {
	Vector  bool
	Payload bool
}

// SearchRequest is one query. The engine does not keep its slices.
type SearchRequest struct {
	Vector    []float32
	K         int            // 1..MaxLimit, results after Offset
	Offset    int            // 0..MaxOffset, results skipped
	Ef        int            // 0 = the collection's
	Threshold *float32       // drop hits whose Score is below; nil = keep all
	Filter    *filter.Filter // nil = all
	Fields    Fields
	Codes     CodeUse
	Exact     bool // scan instead of the graph
	Explain   bool // fill SearchResult.Explain
}

// CodeUse says how a search uses the codes of its collection.
type CodeUse struct {
	Ignore       bool    // the graph is walked by vectors
	Rescore      *bool   // nil = the collection's
	Oversampling float32 // 0 = the collection's
}

// Hit is one result. Score is larger for nearer: cosine similarity, inner
// product, or 1/(1+d) for euclidean.
type Hit struct {
	Record
	Score    float32
	Distance float32 // euclidean distance d; 1-score for cosine; -score for dot
}

// SearchResult is the answer to a SearchRequest. Hits are ordered by descending
// score, ties by id.
type SearchResult struct {
	Hits    []Hit
	Explain *Explain
}

// Explain tells how a search was answered. Times are measured, never estimated.
type Explain struct {
	Plan        string // "graph", "exact", "filtered_graph", "filtered_exact"
	Reason      string // why the planner chose it
	Backend     string // that computed the distances
	Choice      string // why that backend, where there was a choice
	Ef          int
	Visited     int            // rows whose links were read
	Distances   int            // distances computed
	Pending     int            // rows scanned because they are not linked yet
	Matching    int            // rows that pass the filter; -1 = not counted
	Exhaustive  bool           // every matching row was scored
	FilterEvals int            // payloads evaluated one by one
	CodeBits    int            // of a component of the codes that led the walk, 0 without
	Rescored    int            // rows found by codes that were compared by vector
	Stages      []ExplainStage // in order
}

// ExplainStage is the time of one part of a search.
type ExplainStage struct {
	Name string
	Took time.Duration
}

// ScrollRequest asks for a page of records in ascending order of id.
type ScrollRequest struct {
	Limit  int            // 1..MaxLimit
	Cursor string         // "" = start; else ScrollResult.Next
	Offset int            // records skipped after the cursor
	Filter *filter.Filter // nil = all
	Fields Fields
}

// ScrollResult is one page. Next is "" when there is no more.
type ScrollResult struct {
	Records []Record
	Next    string
}
