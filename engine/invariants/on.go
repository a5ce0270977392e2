//go:build invariants

// Package invariants switches expensive checks on at compile time: build with
// -tags invariants.
package invariants

// Enabled says that the expensive checks are compiled in.
const Enabled = true
