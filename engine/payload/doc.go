// Package payload indexes the payloads of one collection and edits payload
// texts.
//
// # Index
//
// An Index answers which rows may satisfy a filter. Per path it holds a
// dictionary of the values met, and per value the set of rows that have it:
// the row itself while it is the only one, a sorted list for some, a roaring
// bitmap for many. Numbers and times are also kept in order for ranges.
//
// One writer changes it (Set, Clear); everything else may be called from any
// goroutine beside it and takes no lock. It rests on three rules:
//
//   - What a reader can reach is never changed, only added to: a set of rows is
//     an immutable base and a short list of changes with an atomic length;
//     dictionaries only grow, and are replaced as a whole when half of their
//     values are gone.
//   - A reader does not see one row's change as a whole, so the writer numbers
//     its changes and notes their rows in a ring. A reader that finds that
//     changes ran beside it takes their rows for unknown: the caller checks them
//     against the payload. If more ran than the ring holds it starts again, and
//     the second time it makes the writer wait.
//   - What the index does not know exactly (strings over MaxStringBytes, paths
//     beyond the limit, places on the globe, nested conditions) makes rows
//     unknown, never wrong. Conditions are worked out with three values.
package payload

// Limits of an Index.
const (
	// MaxStringBytes is the longest string that is indexed. A row with a longer
	// one is unknown to conditions on strings at that path.
	MaxStringBytes = 256
	// MaxAutoPaths is the number of paths indexed without being named.
	MaxAutoPaths = 64
	// MaxNamedPaths is the number of paths that may be named.
	MaxNamedPaths = 1024
	// maxRowValues is the number of values of one row indexed at one path; a row
	// with more is unknown to conditions on values there.
	maxRowValues = 256
	// maxNodes bounds the tree of names met.
	maxNodes = 4096
	// maxObjectPaths bounds the paths remembered as having held objects.
	maxObjectPaths = 1024
)
