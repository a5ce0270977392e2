//go:build !long

package crashtest

// rounds is how often the server is killed.
const rounds = 6
