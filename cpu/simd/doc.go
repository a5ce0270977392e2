// Package simd holds the arithmetic on vectors: distances of one query to one
// row, to rows in sequence and to rows gathered by number, in float32, float16,
// int8 and bits, and the conversions between them.
//
// Rules that every function keeps:
//
//  1. Lengths come from the slices: n = len(q) components per row, count =
//     len(out) rows. A length that does not fit panics with "BUG:"; it is an
//     error of the calling code, never of a user's data.
//  2. Nothing is read past the n components of a row, of q, of ids, and nothing
//     is written past out. Slices need no alignment.
//  3. Row numbers in ids are TRUSTED: row*stride+n must lie inside rows. They
//     are checked only in builds with the tag race or invariants.
//  4. The result is the plain inner product for Dot… and the squared distance
//     for L2…; the caller orients and offsets them. NaN and Inf travel through.
//  5. No function allocates, keeps a slice, or starts a goroutine.
//  6. A row may be overwritten while it is read. The result is then
//     meaningless for that row and no other; callers that allow it check the
//     row's stamp afterwards. The race detector does not see into assembly and
//     the Go kernels are excluded from it for the same reason.
//
// Float sums run in several lanes, so levels differ in the last bits: the
// relative error against exact arithmetic is below 1e-5 of the sum of the
// absolute terms for up to 4,096 components (and grows with the square root of
// their number beyond). Integer and bit kernels are exact.
//
// The level is chosen once, at start, and VECTORIZER_SIMD
// (generic|avx2|avx512|neon) caps it. Dispatch is a switch that calls assembly
// directly: a call through a function variable would hide the callee from
// escape analysis and put every caller's buffer on the heap. The amd64 assembly
// is written by the generator in _gen; the Go kernels are compiled everywhere
// and are the oracle of the tests.
package simd

//go:generate sh -c "cd _gen && go run . -dir .."
