//go:build !profile

package main

// profiled runs f; see profile_on.go.
func profiled(f func() int) int { return f() }
