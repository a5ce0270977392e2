// Package cpu is the compute backend that runs everywhere: exact search over
// rows in host memory, as blocked products of queries and rows on the SIMD
// kernels of cpu/simd, with the selection of the k best fused in.
//
// How a search runs. Queries are taken in blocks, rows in chunks. A chunk is cut
// into tiles that stay in the first-level cache while every query of the block
// passes over them, four at a time, or 32 at a time in a panel where the level has
// those; the chunk's distances go into a small buffer, and those that
// beat a query's k-th best so far go into its heap. Idle workers join a search
// and take chunks by an atomic counter; each has heaps of its own, merged at the
// end. The caller works too, so a small search costs no hop to another goroutine.
//
// Invariants:
//
//	C1: distances are computed directly (L2 as a sum of squared differences),
//	    never by expanding |q|²+|v|²-2qv, so they do not lose digits to large norms.
//	C2: results are ordered by (distance, row) and do not depend on how many
//	    workers took part.
//	C3: a search allocates nothing once its buffers exist; they belong to the
//	    backend and are bounded by the number of concurrent searches.
package cpu

import (
	"runtime"
	"sync"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Options configure a Backend. The zero value is right for a server.
type Options struct {
	Workers int // goroutines on one search, the caller's included; 0 = GOMAXPROCS
	// MatrixBytes bounds one matrix: Go ends the process when the system has no
	// memory left, so what cannot fit is refused before. 0 = the machine's memory.
	MatrixBytes uint64
	// Fetch is how far ahead rows by number are fetched; zero = a table.
	Fetch simd.Fetch
}

// Backend is a compute.Backend and a compute.HostMatrix. Its methods may be
// called concurrently.
type Backend struct {
	workers     int
	matrixBytes uint64
	fetch       simd.Fetch

	help    chan *job  // unbuffered: a send succeeds only to an idle worker
	parts   chan *part // free parts, see part
	jobs    chan *job  // free jobs
	done    sync.WaitGroup
	closing chan struct{}
	once    sync.Once
}

var (
	_ compute.Backend    = (*Backend)(nil)
	_ compute.HostMatrix = (*Backend)(nil)
)

// New starts a backend. Close stops its workers.
func New(o Options) *Backend {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	limit := o.MatrixBytes
	if limit == 0 {
		limit = machineBytes()
	}
	b := &Backend{
		workers: workers, matrixBytes: limit, fetch: o.Fetch,
		help:    make(chan *job),
		parts:   make(chan *part, 4*workers),
		jobs:    make(chan *job, 2*workers),
		closing: make(chan struct{}),
	}
	// The caller is one of the hands, so one worker fewer fills the machine.
	for range workers - 1 {
		b.done.Add(1)
		go b.work()
	}
	return b
}

// Info describes the backend. It is not exact: levels sum in different orders.
func (b *Backend) Info() compute.Info {
	return compute.Info{Name: "cpu", BatchRows: maxBlock}
}

// Close stops the workers and waits for them. No search may be running.
func (b *Backend) Close() error {
	b.once.Do(func() { close(b.closing) })
	b.done.Wait()
	return nil
}

// work joins one search after another.
func (b *Backend) work() {
	defer b.done.Done()
	for {
		select {
		case j := <-b.help:
			j.run(b)
			j.hands.Done()
		case <-b.closing:
			return
		}
	}
}

// takePart and givePart keep parts for reuse. The free list is bounded: what
// does not fit is left to the garbage collector.
func (b *Backend) takePart() *part {
	select {
	case p := <-b.parts:
		return p
	default:
		return new(part)
	}
}

func (b *Backend) givePart(p *part) {
	select {
	case b.parts <- p:
	default:
	}
}

func (b *Backend) takeJob() *job {
	select {
	case j := <-b.jobs:
		return j
	default:
		return &job{parts: make([]*part, b.workers)}
	}
}

func (b *Backend) giveJob(j *job) {
	j.reset()
	select {
	case b.jobs <- j:
	default:
	}
}
