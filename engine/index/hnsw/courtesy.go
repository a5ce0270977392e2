package hnsw

import (
	"sync/atomic"
	"time"
)

// Courtesy lets searches and single writes go before linking, over all indexes that
// share one. While somebody searches or waits for a write, an index links with one goroutine less than there are
// processors, so that one is free to be woken by what comes in: a linker that yields
// between two rows is not enough, because the scheduler looks for input only when a
// processor has nothing else to do, or every 10 ms. While somebody searches, each
// linker also rests for a part of the time, because what feeds it takes processors
// too. Writes wait for linking again when writeBacklog rows are not linked: these
// cost every search.
//
// 200 searches a second over HTTP beside an import into another collection, two
// cores, p99 and rows linked a second: 1.2 ms alone; 35 ms and 13,400 without
// courtesy; 13 and 11,700 without rests; 4.7 and 5,300 with a share of 50; 2.5 and
// 3,200 with 23; 1.8 and 1,500 with a rest after each row.
type Courtesy struct {
	processors int // of the machine

	stretch time.Duration // of work before a rest; 0 = no rests
	asked   atomic.Bool   // a search began since a linker looked
	until   atomic.Int64  // nanoseconds since 1970 until when searches are expected
	written atomic.Int64  // likewise, writes
}

const (
	// DefaultLinkShare is the percentage of the time that a linker works while
	// searches run.
	DefaultLinkShare = 50
	// searchesAfter is how long after a search or a write others are expected.
	searchesAfter = 20 * time.Millisecond
	// writeBacklog is how many rows may wait before linking goes before writes.
	writeBacklog = 2048
	// restStretch is how long a linker rests: shorter sleeps last as long.
	restStretch = time.Millisecond
)

// NewCourtesy makes one by which a linker works for linkShare percent of the time, 1
// to 100, while searches run, on a machine of so many processors.
func NewCourtesy(linkShare, processors int) *Courtesy {
	c := &Courtesy{processors: processors}
	if linkShare < 100 {
		c.stretch = restStretch * time.Duration(linkShare) / time.Duration(100-linkShare)
	}
	return c
}

// searching notes that a search begins. The line that it writes to is shared by all
// searches, so it is written to only when that says something new.
func (c *Courtesy) searching() {
	if !c.asked.Load() {
		c.asked.Store(true)
	}
}

// Writing notes that writes begin whose callers wait for them.
func (c *Courtesy) Writing() { c.written.Store(time.Now().UnixNano() + int64(searchesAfter)) }

// linkers is how many of at most limit goroutines may link now, while backlog rows
// wait for it.
func (c *Courtesy) linkers(limit, backlog int) int {
	now := time.Now().UnixNano()
	if c.asked.Load() {
		c.asked.Store(false)
		c.until.Store(now + int64(searchesAfter))
	}
	if now > c.until.Load() && (now > c.written.Load() || backlog > writeBacklog) {
		return limit
	}
	return max(1, min(limit, c.processors-1))
}

// rest lets a linker sleep that last did so at since, if searches are expected and it
// has worked for a stretch. It returns when it last rested.
func (c *Courtesy) rest(since time.Time) time.Time {
	now := time.Now()
	switch {
	case c.stretch == 0 || now.UnixNano() > c.until.Load():
		return now
	case now.Sub(since) < c.stretch:
		return since
	}
	time.Sleep(restStretch)
	return time.Now()
}

// linkers is how many goroutines may link rows now.
func (x *Index) linkers() int {
	return x.cfg.Courtesy.linkers(x.cfg.LinkWorkers, int(x.work.count.Load()))
}
