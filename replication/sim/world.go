package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// Options say what a run is like. The zero value of everything but Seed is drawn
// from the seed.
type Options struct {
	Seed  uint64
	Nodes int           // 3 to 5
	Time  time.Duration // of faults, virtual
	Break replication.Bug
	// SkipFsync makes disks report what is not on them.
	SkipFsync bool
	// Trace keeps a transcript.
	Trace bool
}

// Result is the outcome of a run.
type Result struct {
	Events     int
	Writes     int // committed by a master
	Confirmed  int // with concern all
	Promotions int
	Copies     int
	Crashes    int
	Violation  string // "" = none
	Transcript string
}

// Add adds what happened in another run.
func (r *Result) Add(o Result) {
	r.Events += o.Events
	r.Writes += o.Writes
	r.Confirmed += o.Confirmed
	r.Promotions += o.Promotions
	r.Copies += o.Copies
	r.Crashes += o.Crashes
}

// faults are the kinds of trouble of a run, each on or off by the seed: a run with
// all of them at once finds less than many with a few (swarm testing, Groce et al.
// 2012).
type faults struct {
	crash, partition, oneWay, cut, duplicate, reorder, slowDisk, jump, handover, takeover bool
}

// item is something that will happen.
type item struct {
	at  int64
	seq int
	fn  func()
}

type queue []item

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(item)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// world is one run.
type world struct {
	opts    Options
	rng     *rand.Rand
	now     int64
	seq     int
	todo    queue
	nodes   []*node
	on      faults
	calm    bool // faults are over
	cut     map[[2]int]bool
	conns   int
	changed int64 // when an operator last ordered a change of masters
	check   checker
	res     Result
	trace   strings.Builder
}

const millisecond = int64(time.Millisecond)

// Run makes one run.
func Run(o Options) Result {
	w := &world{opts: o, rng: rand.New(rand.NewPCG(o.Seed, 0x5eed)), cut: make(map[[2]int]bool)}
	w.check.w = w
	w.begin()
	w.until(w.now + int64(w.opts.Time))
	if w.res.Violation == "" {
		w.heal()
	}
	w.res.Transcript = w.trace.String()
	return w.res
}

// begin draws the options and starts the nodes: the first is the master.
func (w *world) begin() {
	if w.opts.Nodes == 0 {
		w.opts.Nodes = 3 + w.rng.IntN(3)
	}
	if w.opts.Time == 0 {
		w.opts.Time = time.Duration(2+w.rng.IntN(4)) * time.Second
	}
	for _, f := range []*bool{&w.on.crash, &w.on.partition, &w.on.oneWay, &w.on.cut, &w.on.duplicate,
		&w.on.reorder, &w.on.slowDisk, &w.on.jump, &w.on.handover, &w.on.takeover} {
		*f = w.rng.IntN(2) == 0
	}
	w.logf("seed %d: %d nodes, %v, %+v", w.opts.Seed, w.opts.Nodes, w.opts.Time, w.on)
	for i := range w.opts.Nodes {
		n := &node{w: w, id: i, streams: make(map[replication.ConnID]*stream),
			conns: make(map[replication.ConnID]*pipe)}
		n.disk.entries = []entry{{}}
		n.disk.first = 1
		n.disk.promise = replication.Promise{Role: replication.Replica,
			Master: replication.Address{Peer: peerName(0)}}
		if i == 0 {
			n.disk.promise = replication.Promise{Role: replication.Master}
		}
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		n.start()
	}
	w.every(20*millisecond, w.client)
	w.every(50*millisecond, w.trouble)
	w.every(100*millisecond, w.operate)
}

func peerName(i int) string { return fmt.Sprintf("n%d", i) }

// after plans fn.
func (w *world) after(d int64, fn func()) {
	w.seq++
	heap.Push(&w.todo, item{w.now + max(d, 1), w.seq, fn})
}

// every runs fn again and again, at about this interval.
func (w *world) every(d int64, fn func()) {
	w.after(d/2+w.rng.Int64N(d), func() {
		fn()
		w.every(d, fn)
	})
}

// until runs what happens up to a time.
func (w *world) until(end int64) {
	for len(w.todo) > 0 && w.todo[0].at <= end && w.res.Violation == "" {
		it := heap.Pop(&w.todo).(item)
		w.now = it.at
		it.fn()
		w.res.Events++
		w.check.all()
	}
	w.now = max(w.now, end)
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }

func (w *world) logf(format string, args ...any) {
	if w.opts.Trace {
		fmt.Fprintf(&w.trace, "%9.3f ", float64(w.now)/float64(time.Second))
		fmt.Fprintf(&w.trace, format+"\n", args...)
	}
}

// violated ends the run.
func (w *world) violated(format string, args ...any) {
	if w.res.Violation == "" {
		w.res.Violation = fmt.Sprintf("seed %d at %.3fs: ", w.opts.Seed, float64(w.now)/float64(time.Second)) +
			fmt.Sprintf(format, args...)
		w.logf("VIOLATION %s", w.res.Violation)
	}
}

// client writes to a node that takes writes, if there is one.
func (w *world) client() {
	var open []*node
	for _, n := range w.nodes {
		if n.up && !n.sealed && n.core.Role() == replication.Master {
			open = append(open, n)
		}
	}
	if len(open) == 0 {
		return
	}
	n := open[w.rng.IntN(len(open))]
	for range 1 + w.rng.IntN(3) {
		n.write(w.chance(2))
	}
}

// convergeWithin is how long the nodes may take to agree once all is well.
const convergeWithin = 20 * time.Second

// heal ends all trouble and requires agreement.
func (w *world) heal() {
	w.logf("all is well")
	w.calm = true
	clear(w.cut)
	for _, n := range w.nodes {
		if !n.up {
			n.start()
		}
	}
	end := w.now + int64(convergeWithin)
	for w.now < end && w.res.Violation == "" {
		w.until(w.now + 200*millisecond)
		if w.converged() {
			return
		}
	}
	if w.res.Violation == "" {
		w.violated("the nodes do not agree %v after the last fault: %s", convergeWithin, w.describe())
	}
}

// converged reports whether there is one master and everybody has what it has.
func (w *world) converged() bool {
	var master *node
	for _, n := range w.nodes {
		if n.core.Role() == replication.Master {
			if master != nil {
				return false
			}
			master = n
		}
	}
	if master == nil {
		return false
	}
	tip := master.disk.tip()
	for _, n := range w.nodes {
		// Writes go on, so a replica is level if it is a little behind.
		at := n.disk.tip()
		if at.Offset > tip.Offset || at.Offset+10 < tip.Offset ||
			at.Rolling != master.disk.entries[at.Offset].rolling || n.core.Epoch() != master.core.Epoch() {
			return false
		}
	}
	return true
}

func (w *world) describe() string {
	var parts []string
	for _, n := range w.nodes {
		parts = append(parts, fmt.Sprintf("n%d %v epoch %d follows %q tip %d/%d", n.id, n.core.Role(),
			n.core.Epoch(), n.core.MasterAddress().Peer, n.disk.tip().Epoch, n.disk.tip().Offset))
	}
	return strings.Join(parts, "; ")
}
