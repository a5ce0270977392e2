// Package testdata carries a small real data set inside the binary, so that the
// demo and the tests have one wherever they run. README.md says where it is from.
package testdata

import "embed"

// Files holds one folder per data set, in the form that dataset.OpenFS reads.
//
//go:embed code-lsa-256
var Files embed.FS
