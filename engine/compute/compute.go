// Package compute is the contract between the engine and the devices that do
// its arithmetic. It holds types and interfaces only: no device code, no
// goroutines, no imports outside the standard library.
package compute

import (
	"context"
	"errors"
	"time"
)

// Metric selects the score. Every metric is oriented so that SMALLER IS BETTER;
// backends negate inner products so that callers never branch on direction.
type Metric uint8

const (
	// L2 is the squared Euclidean distance, without the square root.
	L2 Metric = iota + 1
	// Dot is the negated inner product -<q, v>.
	Dot
	// Cosine is 1 - cos(q, v). Rows are normalised on Write, queries by the
	// caller, so a backend computes 1 - <q, v>.
	Cosine
)

// Elem is the storage type of one vector component.
type Elem uint8

const (
	// F32 is IEEE 754 single precision, 4 bytes.
	F32 Elem = iota + 1
	// F16 is IEEE 754 half precision, 2 bytes.
	F16
	// I8 is a signed byte with a symmetric scale per row, 1 byte.
	I8
)

// MaxDim is the largest number of components of a vector.
const MaxDim = 65536

// MaxK is the largest K of one SearchRequest.
const MaxK = 1024

// NoRow marks an unused result slot. Its distance is +Inf.
const NoRow = ^uint32(0)

var (
	// ErrUnsupported says that this backend cannot run the operation for this
	// metric, element or shape. Nothing ran. The caller falls back to the CPU.
	ErrUnsupported = errors.New("compute: unsupported operation")
	// ErrNoMemory says that device memory is exhausted. State is unchanged; the
	// caller may evict and retry.
	ErrNoMemory = errors.New("compute: out of device memory")
	// ErrDeviceLost says that the device is unusable until reopened. Every
	// Matrix made by the backend is dead; outputs of the failing call are
	// undefined.
	ErrDeviceLost = errors.New("compute: device lost")
)

// Info describes a backend. All fields are fixed for its lifetime.
type Info struct {
	Name        string // "cuda:0", "metal:0", "cpu"
	MemoryBytes uint64 // usable device memory at open; 0 = host memory
	BatchRows   int    // queries per call at which throughput saturates
	Exact       bool   // results are bit-identical to the scalar reference
}

// Backend runs batched vector arithmetic on one device. All methods may be
// called concurrently. A Backend never keeps a caller's slice after returning.
type Backend interface {
	// Info returns the fixed description of the device.
	Info() Info

	// NewMatrix reserves capacity for rows×dim elements on the device.
	// Errors: ErrUnsupported, ErrNoMemory, ErrDeviceLost.
	NewMatrix(s MatrixSpec) (Matrix, error)

	// Search scores every query against rows [0, m.Len()) and keeps the best
	// req.K per query. It returns when req.IDs and req.Dist are filled.
	// Cancelling ctx abandons the wait, not the device work: req's slices must
	// stay untouched until Search returns.
	// Errors: ErrUnsupported, ErrDeviceLost, ctx.Err().
	Search(ctx context.Context, m Matrix, req *SearchRequest) error

	// Close frees the device. Matrices must be closed first.
	Close() error
}

// MatrixSpec is the shape of a device-resident matrix.
type MatrixSpec struct {
	Rows   int    // capacity in rows, > 0
	Dim    int    // components per row, 1..MaxDim
	Elem   Elem   // storage type
	Metric Metric // fixes normalisation on Write
}

// Matrix is a row-major block of vectors resident on a device, owned by the
// Backend that made it. Write and Len are safe beside Search: a search sees a
// prefix of rows that is complete, never a torn row.
type Matrix interface {
	// Write stores len(src)/Dim rows starting at row. row must be <= Len().
	// src is float32 row-major and is converted to the matrix's Elem.
	Write(row int, src []float32) error
	// Len is the number of rows written, in rows.
	Len() int
	// SizeBytes is the device memory held, in bytes.
	SizeBytes() uint64
	// Close releases the device memory.
	Close() error
}

// HostMatrix is an optional ability of a Backend whose memory is host memory:
// it searches rows that the caller holds, without a copy. The engine checks for
// it once, when a backend is opened.
type HostMatrix interface {
	// SearchHost is Search over rows, a row-major block of len(rows)/stride
	// rows of dim components each, stride >= dim. rowIDs, when not nil, lists
	// the rows to score (a gather); otherwise all are scored.
	// Errors: ErrUnsupported, ctx.Err().
	SearchHost(ctx context.Context, h HostRows, req *SearchRequest) error
}

// HostRows is a block of rows in host memory.
type HostRows struct {
	Rows   []float32 // row-major, len = n*Stride
	Dim    int       // components per row
	Stride int       // floats from one row to the next, >= Dim
	Metric Metric
	Subset []uint32 // rows to score, ascending; nil = all
}

// Tiler is an optional ability of a Backend with memory of its own: to search rows
// that do not fit there, tile by tile, from memory of the host that it copies from
// without a detour. The engine checks for it once, when a backend is opened.
type Tiler interface {
	// NewTiled is NewMatrix of rows that stay in host memory; SizeBytes is of that.
	// Errors: ErrUnsupported, ErrNoMemory, ErrDeviceLost.
	NewTiled(s MatrixSpec) (Matrix, error)
	// Fits reports whether NewMatrix would find room for s now.
	Fits(s MatrixSpec) bool
}

// SearchRequest is one batch. The caller owns every slice; a backend allocates
// nothing per query.
type SearchRequest struct {
	Queries []float32 // Q×Dim row-major, len = Q*Dim
	K       int       // results per query, 1..MaxK
	// Ks, if not nil, is how many of its K results each query wants, 1..K. A backend may
	// leave what is beyond undefined, where it saves work by that.
	Ks   []int
	Skip []uint64 // optional bitmap over rows, bit set = exclude; nil = none
	// Skips, if not nil, has a bitmap for each query, which stands for Skip where it is
	// not nil; rows beyond such a bitmap are excluded. Queries of one bitmap stand
	// together, so that a backend can tell by comparing neighbours.
	Skips [][]uint64
	IDs   []uint32  // out, Q×K row numbers, ascending distance, NoRow padded
	Dist  []float32 // out, Q×K, +Inf padded
	Times Times     // out, of a device that can tell; zero = not measured
	Note  Note      // out, of who chooses between backends; backends leave it alone
}

// Times is what a batch took on a device, by its own clock. Waiting for the device
// and what the host does in between are not in it.
type Times struct {
	Upload   time.Duration // queries and bitmaps to the device
	Kernels  time.Duration
	Download time.Duration // results from it
}

// Measured reports whether the device could tell.
func (t Times) Measured() bool { return t != Times{} }

// Note says who computed a batch and why.
type Note struct {
	Backend string        // Info.Name of who computed; "" = not noted
	Why     string        // a word for the choice
	Queries int           // of the batch
	Device  time.Duration // predicted on the device
	Host    time.Duration // predicted on the host
	Times   Times         // what it took on the device
}

// Status is how a backend is. A Backend that can be lost has a method Status.
type Status struct {
	Device   string // what it runs on
	Driver   string // version of the driver
	Kernels  string // image that was loaded
	Degraded bool   // lost, and to be opened again
	Reason   string // why
	Losses   int    // times it was lost
}

// Monitored is an optional ability of a Backend that can be lost.
type Monitored interface{ Status() Status }

// Alike is the number of queries from the first on whose Skips are the same bitmap, and
// that bitmap; nil is Skip. It is for backends that know one bitmap a search.
func (r *SearchRequest) Alike(first, queries int) (n int, mask []uint64) {
	if r.Skips == nil {
		return queries - first, nil
	}
	mask = r.Skips[first]
	for n = 1; first+n < queries && SameBitmap(mask, r.Skips[first+n]); n++ { //nolint:revive // counts
	}
	return n, mask
}

// SameBitmap reports whether a and b are the same memory, or both nil.
func SameBitmap(a, b []uint64) bool {
	if len(a) == 0 || len(b) == 0 {
		return (a == nil) == (b == nil) && len(a) == len(b)
	}
	return &a[0] == &b[0] && len(a) == len(b)
}
