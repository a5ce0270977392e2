//go:build arm64 && !noasm && gc

package simd

// The NEON kernels; see the functions without the level's name. n counts
// components, strideBytes bytes. They are in neon_f32_arm64.s,
// neon_i8_arm64.s and neon_score_arm64.s.

//go:noescape
func dotF32NEON(q, row *float32, n int) (r float32)

//go:noescape
func l2F32NEON(q, row *float32, n int) (r float32)

//go:noescape
func dotRowsF32NEON(q, rows *float32, n, strideBytes int, out *float32, count int)

//go:noescape
func l2RowsF32NEON(q, rows *float32, n, strideBytes int, out *float32, count int)

//go:noescape
func dotGatherF32NEON(q, rows *float32, n, strideBytes int, ids *uint32, out *float32, count int)

//go:noescape
func l2GatherF32NEON(q, rows *float32, n, strideBytes int, ids *uint32, out *float32, count int)

//go:noescape
func dotI8NEON(q, row *int8, n int) (r int32)

//go:noescape
func l2I8NEON(q, row *int8, n int) (r int32)

//go:noescape
func dotRowsI8NEON(q, rows *int8, n, strideBytes int, out *int32, count int)

//go:noescape
func l2RowsI8NEON(q, rows *int8, n, strideBytes int, out *int32, count int)

//go:noescape
func dotGatherI8NEON(q, rows *int8, n, strideBytes int, ids *uint32, out *int32, count int)

//go:noescape
func l2GatherI8NEON(q, rows *int8, n, strideBytes int, ids *uint32, out *int32, count int)

//go:noescape
func dotRowsU8I8NEON(q *int8, rows *uint8, n, strideBytes int, out *int32, count int)

//go:noescape
func dotGatherU8I8NEON(q *int8, rows *uint8, n, strideBytes int, ids *uint32, out *int32, count int)

// productsU4NEON sets out to the products of ScoreGatherU4, count of them.
//
//go:noescape
func productsU4NEON(q *int8, rows *uint8, stride int, ids *uint32, out *int32, count int)

// productsU1NEON does so for ScoreGatherU1.
//
//go:noescape
func productsU1NEON(planes *uint64, rows *uint8, stride int, ids *uint32, out *int32, count int)
