//go:build !long

package crashtest

// rounds is how often the server is killed.
const rounds = 6

// killRounds is how often a node of a replicated set is killed.
const killRounds = 3

// histories are recorded, with so many changes of masters in each.
const (
	histories = 1
	changes   = 2
)
