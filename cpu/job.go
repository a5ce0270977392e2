package cpu

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const (
	// maxBlock is the most queries that pass over the rows together. At 64 a
	// row that came from memory is used 64 times, which hides its transfer.
	maxBlock = 64
	// chunkRows is how many rows a worker takes at a time: 192 is whole register
	// tiles of two or three rows and whole words of the selection's mask, and the
	// distances to 64 queries fill 48 KiB.
	chunkRows = 192
	// soloWork is the multiplications below which waking a worker costs more
	// than it saves: about 40 µs of one core.
	soloWork = 1 << 20
)

// job is one block of queries over all rows, shared by the hands working on it.
type job struct {
	ctx     context.Context
	src     source
	metric  compute.Metric
	k       int
	skip    []uint64
	ahead   int // rows that one by number is fetched early
	queries []float32
	panels  []float32 // the queries in panels of simd.PanelQueries; empty = in tiles

	next    atomic.Int64 // first row of the next chunk
	joined  atomic.Int64 // parts taken
	stopped atomic.Bool  // ctx was done
	hands   sync.WaitGroup
	parts   []*part // of the hands that joined, index by joined
}

// reset drops what belongs to the caller.
func (j *job) reset() {
	j.ctx, j.src, j.skip, j.queries = nil, source{}, nil, nil
}

// runBlock searches j's queries and writes the k best of each.
func (b *Backend) runBlock(j *job, ids []uint32, dist []float32) error {
	j.next.Store(0)
	j.joined.Store(0)
	j.stopped.Store(false)
	j.pack()
	chunks := (j.src.count + chunkRows - 1) / chunkRows
	helpers := min(b.workers, chunks) - 1
	if len(j.queries)*j.src.count < soloWork {
		helpers = 0
	}
	for range helpers {
		if !b.callHelp(j) {
			break
		}
	}
	j.run(b)
	j.hands.Wait()
	j.merge(ids, dist)
	joined := int(j.joined.Load())
	for i, p := range j.parts[:joined] {
		b.givePart(p)
		j.parts[i] = nil
	}
	if j.stopped.Load() {
		return j.ctx.Err()
	}
	return nil
}

// callHelp hands j to an idle worker, if there is one.
func (b *Backend) callHelp(j *job) bool {
	j.hands.Add(1)
	select {
	case b.help <- j:
		return true
	default:
		j.hands.Done()
		return false
	}
}

// run takes chunks until none is left or the context is done.
func (j *job) run(b *Backend) {
	p := b.takePart()
	p.prepare(j)
	j.parts[j.joined.Add(1)-1] = p
	for {
		if j.ctx.Err() != nil {
			j.stopped.Store(true)
			return
		}
		first := int(j.next.Add(chunkRows)) - chunkRows
		if first >= j.src.count {
			return
		}
		p.chunk(j, first, min(chunkRows, j.src.count-first))
	}
}

// merge folds every hand's heaps into the first's and writes the results.
func (j *job) merge(ids []uint32, dist []float32) {
	parts := j.parts[:j.joined.Load()]
	for q := range parts[0].heaps {
		best := &parts[0].heaps[q]
		for _, p := range parts[1:] {
			for _, x := range p.heaps[q].keys {
				best.push(x)
			}
		}
		best.drain(ids[q*j.k:(q+1)*j.k], dist[q*j.k:(q+1)*j.k])
	}
}
