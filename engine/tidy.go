package engine

import "time"

// tidyPoll is how long a collection must not have changed before the rows that
// its last deletions left are repaired. A pass reads every list of the graph: for
// a million rows some 0.2 s, too much for each of a trickle of deletions.
const tidyPoll = time.Second

// tidyLoop repairs what is left when the writers have gone quiet: while they are
// not, the index waits for enough deletions to be worth a pass.
func (e *Engine) tidyLoop() {
	t := time.NewTicker(tidyPoll)
	defer t.Stop()
	seen := map[*collection]uint64{} // epochs at the last tick
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-t.C:
		}
		next := make(map[*collection]uint64, len(seen))
		for _, c := range e.cat.all() {
			c.tidy(seen, next)
		}
		seen = next
	}
}

// tidy starts the repair of c if it has not changed since seen, and notes in next
// what it was found at.
func (c *collection) tidy(seen, next map[*collection]uint64) {
	v, err := c.acquire()
	if err != nil {
		return // not serving: nothing to repair
	}
	defer v.release()
	at := v.graph.Epoch()
	old, ok := seen[c]
	quiet := ok && old == at && v.graph.Pending() == 0
	if v.graph.Repair(quiet) > 0 {
		next[c] = at
	}
}
