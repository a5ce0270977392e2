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

// copyBytes is stored for a large full copy, whose log has it too, as far as it
// is kept.
const copyBytes = 20 << 20
