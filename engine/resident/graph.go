package resident

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// GraphCost is what searches of one kind in one collection's graph took, by effort: the part of
// the cost model that nothing but the graph itself can tell. Its methods may be
// called from any goroutine; the zero value knows nothing yet.
type GraphCost struct {
	seen      atomic.Uint32
	perEffort atomic.Uint64 // float64 bits: nanoseconds per place of the candidate list
}

const (
	graphCostLeast = 16       // searches before the cost is trusted
	graphCostUp    = 1.0 / 32 // share of a slower search in the average
	graphCostDown  = 1.0 / 4  // and of a faster one: slow ones may have had to read the graph first
	// graphCostEvery is how many searches the device gets until one goes to the graph
	// all the same, so that what is known of the graph stays true.
	graphCostEvery = 128
)

// Took notes one search of effort ef. Of two that end at once one may be lost.
func (g *GraphCost) Took(ef int, d time.Duration) {
	x := float64(d) / float64(max(ef, 1))
	if n := g.seen.Load(); n < graphCostLeast {
		if n > 0 { // the first ones count the same
			x = (math.Float64frombits(g.perEffort.Load())*float64(n) + x) / float64(n+1)
		}
		g.perEffort.Store(math.Float64bits(x))
		g.seen.Add(1)
		return
	}
	old := math.Float64frombits(g.perEffort.Load())
	share := graphCostDown
	if x > old {
		x = min(x, 8*old) // one that was put off the processor is no measure of the graph
		share = graphCostUp
	}
	g.perEffort.Store(math.Float64bits(old + (x-old)*share))
}

// Predict is the time of queries searches of effort ef that come at once, until the
// last of them ends: they share so many processors. It is false until enough were seen.
func (g *GraphCost) Predict(ef, queries, processors int) (time.Duration, bool) {
	if g.seen.Load() < graphCostLeast {
		return 0, false
	}
	one := math.Float64frombits(g.perEffort.Load()) * float64(max(ef, 1))
	rounds := max(1, float64(queries)/float64(processors))
	return time.Duration(one * rounds), true
}

// InsteadOfGraph reports whether queries searches that come at once are to be exact
// on the device, because that is predicted to take less time than the graph does.
// While only the copy is missing it is made, and the answer is no. The note says why.
func (c *Copy) InsteadOfGraph(queries int, graph time.Duration) (compute.Note, bool) {
	return c.insteadOf(queries, graph, 0, &c.p.planned)
}

// InsteadOfWalk is InsteadOfGraph of searches under filters, each with a bitmap of its own.
func (c *Copy) InsteadOfWalk(queries int, walk time.Duration) (compute.Note, bool) {
	masks := c.p.deviceModel.Masks(c.src.Rows(), queries)
	return c.insteadOf(queries, walk, masks, &c.p.plannedFiltered)
}

func (c *Copy) insteadOf(
	queries int, graph, masks time.Duration, planned *[reasonCount]atomic.Uint64,
) (compute.Note, bool) {
	n := compute.Note{
		Backend: "graph", Why: GraphFaster.String(), Queries: queries, Host: graph,
		Device: c.predict(c.where(), c.src.Rows(), queries) + masks,
	}
	reason := GraphFaster
	switch {
	case n.Device >= graph:
	case c.p.suspended():
		reason = Failed
	default:
		reason = c.readyOrAsk(false)
	}
	if reason == DeviceFaster && planned[DeviceFaster].Load()%graphCostEvery == graphCostEvery-1 {
		planned[DeviceFaster].Add(1)
		reason = Measuring
	}
	n.Why = reason.String()
	if reason == DeviceFaster {
		n.Backend = c.p.deviceName
	}
	planned[reason].Add(1)
	return n, reason == DeviceFaster
}

// InsteadOfHost reports whether queries searches that come at once and look at some
// rows each are to be one batch over all rows on the device, because that is predicted
// to take less time than as many scans of their rows on the host. While only the copy
// is missing it is made, and the answer is no.
func (c *Copy) InsteadOfHost(rows, queries int) bool {
	all := c.src.Rows()
	masks := c.p.deviceModel.Masks(all, queries)
	host := c.p.hostModel.Predict(rows, c.dim, 1) * time.Duration(queries)
	return c.predict(c.where(), all, queries)+masks < host && !c.p.suspended() &&
		c.readyOrAsk(c.p.predictTiled(all, c.dim, queries) < host-masks) == DeviceFaster
}

// readyOrAsk is DeviceFaster if the copy is there; if not, it is asked for, as current
// does. It never waits: whoever holds the lock is making the copy or uploading to it.
func (c *Copy) readyOrAsk(tiles bool) Reason {
	if c.where() != nowhere {
		return DeviceFaster
	}
	if !c.mu.TryLock() {
		return Loading
	}
	defer c.mu.Unlock()
	reason := c.missing()
	if !c.closed && c.m == nil && c.state != StateLoading && (!time.Now().Before(c.retryAt) || c.tilesNow(tiles)) {
		c.load(tiles)
	}
	return reason
}
