// Package codes holds quantised vectors: a few bytes a row from which distances
// are estimated, so that a search waits for less memory. What it finds is ranked
// again by full vectors.
//
// # The model
//
// Training looks at a sample of rows. Vectors are centred, projected onto the
// directions in which the sample varies most, turned by a random rotation so
// that every component varies alike, and rounded to a few bits with one step for
// all. How many directions are kept is decided by measurement: as few as keep
// the true neighbours among the first candidates (see Train). This is the idea
// of Tepper et al. 2023, "LeanVec: Searching vectors faster by making them fit",
// with the rotation of Gao and Long 2024, "RaBitQ". Where all directions but a few are
// kept, the others are folded away and what is left is mixed instead, without a matrix: see fold.
//
// Under L2 and cosine the estimate is the squared distance of the rounded
// vectors plus a share of what the projection left out, under dot the inner
// product with the rounded vector. Both are
//
//	distance = query's constant + row's constant - scale × (integer product)
//
// # A row
//
// Stride bytes, a multiple of a cache line: the codes, padding, and in the last
// eight bytes the row's constant, a float32, and the sum of its codes, an int32, in
// the machine's byte order (SQ4 and Binary: the row's scale, a float32). A query's codes are
// zero where these lie, so a kernel runs over whole lines.
package codes
