// Package index defines what an index is to the engine: nearest rows of one
// collection. A row is a dense uint32; the engine maps rows to ids.
package index

import (
	"errors"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// ErrFull says that the index has reached its row limit. Nothing was added.
var ErrFull = errors.New("index: full")

// ErrCorrupt says that an image failed a checksum or a bound. Nothing was
// loaded; the caller rebuilds from its records.
var ErrCorrupt = errors.New("index: corrupt image")

// Hit is one result.
type Hit struct {
	Row  uint32  // dense row number inside the collection
	Dist float32 // smaller is better
}

// Params are the knobs of one search. Zero means the index's default.
type Params struct {
	K  int // results wanted, 1..10000
	Ef int // candidate list size; raised to K when smaller
	// Allow, when not nil, is a bitmap over rows: only rows whose bit is set
	// are returned; rows beyond its end are not. Owned by the caller.
	Allow []uint64
	// Codes says how a search uses codes, where the index has some.
	Codes CodeUse
	// Trace, when not nil, receives what the search did.
	Trace *Trace
}

// CodeUse is how one search uses codes. Zero walks by them and compares as many of the
// rows that it finds by vector as change the result.
type CodeUse struct {
	Ignore   bool // walks by vectors
	Estimate bool // answers what codes say, without a look at vectors; scans by vectors are exact
	// Oversampling, when not 0, has at least so many times K rows compared by vector,
	// and makes the candidate list as long.
	Oversampling float32
}

// Trace counts the work of one search.
type Trace struct {
	Hops      int // rows whose links were read
	Distances int // distances computed
	Pending   int // rows scanned because they are not linked yet
	Filtered  int // rows rejected by Params.Allow
	Bits      int // of a component of the codes that led the walk, 0 without
	Ranked    int // rows that a walk by codes found and that were compared by vector
}

// Memory is what an index holds, in bytes, and how wide its codes are.
type Memory struct {
	Vectors int64 // rows×stride×4 in use
	Links   int64 // graph blocks in use
	Codes   int64 // quantised codes in use, 0 without quantisation
	Bits    int   // of a component of the codes, 0 without
	Other   int64 // levels, stamps, bitmaps, scratch
	Mapped  int64 // part of the above that is backed by an image file
}

// Graph is a mutable approximate index. Put and Delete are called by one writer
// at a time; every other method may be called from any goroutine beside it.
//
// A row that Put has returned for is found by every Search that starts later,
// although it may be linked into the graph in the background: until then it is
// scanned. A row that Delete has returned for is in no later result.
type Graph interface {
	// Put stores vec (len = Dim; unit length under cosine) at row and makes it
	// searchable. The row may be new, deleted or alive; an alive row is
	// re-linked in place, at a cost that grows with how far it moved; one that has
	// vec already only counts as changed. It blocks while too many rows wait to be
	// linked.
	// Errors: ErrFull.
	Put(row uint32, vec []float32) error
	// Delete hides row. Its links are repaired in the background. Deleting a
	// row that is not alive does nothing.
	Delete(row uint32)
	// Search appends up to p.K hits in ascending distance to dst and returns
	// the extended slice. It takes no lock and allocates only when dst lacks
	// capacity. q has Dim components (unit length under cosine).
	Search(q []float32, p Params, dst []Hit) []Hit
	// Epoch returns a number that grows with every Put and Delete.
	Epoch() uint64
	// ChangedSince reports whether row was put or deleted after Epoch returned
	// epoch: a hit of a search started then may no longer match its row.
	ChangedSince(row uint32, epoch uint64) bool
	// Rows is the number of rows ever used (the highest row + 1), Live how many
	// of them are alive, Pending how many are not linked yet.
	Rows() int
	Live() int
	Pending() int
	// AliveWords appends the bitmap of alive rows to dst[:0].
	AliveWords(dst []uint64) []uint64
	// Vector returns row's stored vector; valid until the next Put of the row.
	Vector(row uint32) []float32
	// HostRows describes the stored vectors for exact search. It stays readable
	// while the index is open; rows added later need a new call.
	HostRows() compute.HostRows
	// Wait returns when every row is linked and every deleted row repaired.
	Wait()
	// Memory returns the bytes held.
	Memory() Memory
	// Close stops the background work and frees the memory. No method may be
	// running or called later.
	Close() error
}
