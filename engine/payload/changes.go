package payload

import "sync/atomic"

// changes numbers the writer's changes and remembers the rows of the last ones.
// A reader that notes done before it reads, and asks since behind, learns every
// row that it may have seen half changed: what it saw of a change happened after
// started had counted it.
type changes struct {
	started atomic.Uint64
	done    atomic.Uint64
	ring    [ringSize]atomic.Uint32
}

const ringSize = 1024

// begin is called before a row changes, end when it has.
func (c *changes) begin(row uint32) {
	n := c.started.Load() + 1
	c.ring[n%ringSize].Store(row)
	c.started.Store(n)
}

func (c *changes) end() { c.done.Store(c.started.Load()) }

// since appends the rows of the changes that ran after done had returned from.
// ok is false when there were more than the ring holds.
func (c *changes) since(dst []uint32, from uint64) (rows []uint32, ok bool) {
	to := c.started.Load()
	if to == from {
		return dst, true
	}
	if to-from > ringSize/2 {
		return dst, false
	}
	for n := from + 1; n <= to; n++ {
		dst = append(dst, c.ring[n%ringSize].Load())
	}
	// The slot of change n is used again by n+ringSize, which may be written
	// although it is not counted yet.
	return dst, c.started.Load()+1-from < ringSize
}
