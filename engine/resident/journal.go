package resident

import (
	"slices"
	"sync"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// journal notes rows that changed since they were uploaded, and the one that is
// being written: whoever takes the notes meanwhile gets it too, and it stays noted.
// A reader may see parts of the write before it is over, so noting only its end
// would be too late, and noting only its beginning too early.
type journal struct {
	mu   sync.Mutex // guards: everything below
	on   bool
	rows []uint32
	busy uint32 // row that is being written, or compute.NoRow
}

// start begins to note.
func (j *journal) start() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.on, j.rows = true, j.rows[:0]
}

// stop forgets everything.
func (j *journal) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.on, j.rows = false, nil
}

// begin says that row is about to be written, end that it was. There is one writer.
func (j *journal) begin(row uint32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.busy = row
}

func (j *journal) end(row uint32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.busy = compute.NoRow
	if j.on {
		j.rows = append(j.rows, row)
	}
}

// take moves the noted rows to dst, ascending, each once.
func (j *journal) take(dst []uint32) []uint32 {
	j.mu.Lock()
	dst = append(dst[:0], j.rows...)
	j.rows = j.rows[:0]
	if j.busy != compute.NoRow {
		dst = append(dst, j.busy)
	}
	j.mu.Unlock()
	slices.Sort(dst)
	return slices.Compact(dst)
}

func (j *journal) length() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.rows)
}
