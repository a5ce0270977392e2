//go:build !unix

package doctor

// limitChecks finds none: this system has no such limits of a process.
func limitChecks() []Check { return nil }
