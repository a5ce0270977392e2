//go:build arm64 && !noasm && gc

package cpulevel

// available needs no detection: ASIMD is part of the arm64 baseline.
func available() []Level { return []Level{Generic, NEON} }

// wide does not apply.
func wide() bool { return false }
