//go:build !race && !invariants

package simd

const checkIDs = false
