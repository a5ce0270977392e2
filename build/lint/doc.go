// Package lint holds checks of the code itself: import directions, sizes,
// banned calls, documentation. They are ordinary tests and run with every
// `go test ./...`.
//
// The checks parse files themselves instead of asking the go command: it sees
// one platform and one set of build tags only, and a test that shells out is
// served from go test's cache after the code has changed. Files that a test
// opens are part of its cache key.
package lint
