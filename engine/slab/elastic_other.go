//go:build !(linux || darwin || windows)

package slab

// Elastic says whether reserved memory is free until it is touched.
const Elastic = false
