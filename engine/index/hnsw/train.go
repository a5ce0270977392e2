package hnsw

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

// Codes come to a graph that already has rows: a trainer looks at some of them,
// encodes all beside searches and writers, then stops the linkers for a moment to
// encode what changed meanwhile, and publishes.

// trainDue reports whether there are rows enough for codes that are wanted, or
// others than those that the codes were made from. The caller holds work.mu.
func (w *work) trainDue(x *Index) bool {
	return !w.closed && !w.training && x.codesWanted() &&
		(w.refused == 0 || x.Live() >= growthFactor*w.refused)
}

// codesWanted reports whether codes should be made now.
func (x *Index) codesWanted() bool {
	c := x.mem.Load().codes.Load()
	if x.wanted() == codes.None {
		return c != nil
	}
	live := x.Live()
	if c != nil {
		return x.recode.Load() || c.outgrown(live)
	}
	return live-int(x.work.count.Load()) >= x.cfg.TrainRows
}

// wanted is the kind of codes that is asked for.
func (x *Index) wanted() codes.Kind { return codes.Kind(x.kind.Load()) }

// Requantize asks for codes of another kind, or none. Searches go on by those that
// are there until the others are made, in the background.
// Errors: errs.Validation.
func (x *Index) Requantize(kind codes.Kind) error {
	if !kind.Valid() {
		return errInvalidKind(kind)
	}
	x.kind.Store(uint32(kind))
	x.recode.Store(true)
	x.work.mu.Lock()
	x.work.refused = 0
	x.work.mu.Unlock()
	x.maybeTrain()
	return nil
}

// maybeTrain starts the training when it is due.
func (x *Index) maybeTrain() {
	if !x.codesWanted() {
		return
	}
	w := &x.work
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trainDue(x) {
		w.training = true
		x.wg.Go(x.train)
	}
}

// train makes a model and publishes codes of it. Without memory for them, or when
// they are not faithful and the kind is Auto, the index goes on with full vectors,
// until it has growthFactor times the rows.
func (x *Index) train() {
	ok := x.trainOnce()
	w := &x.work
	w.mu.Lock()
	w.training = false
	if !ok {
		w.refused = max(x.Live(), 1)
	}
	w.change.Broadcast()
	w.mu.Unlock()
	if x.recode.Load() { // asked for meanwhile
		x.maybeTrain()
	}
}

func (x *Index) trainOnce() bool {
	x.recode.Store(false)
	kind := x.wanted()
	if kind == codes.None {
		x.dropCodes()
		return true
	}
	epoch := x.epoch.Load()
	m := x.mem.Load()
	sample := x.sample(m)
	if len(sample) < codes.MinRows*x.cfg.Dim {
		return true // rows went meanwhile; more will come
	}
	model := codes.Train(kind, x.cfg.Metric, x.cfg.Dim, sample, x.cfg.Seed)
	if !kind.Takes(model) {
		x.dropCodes()
		return false
	}
	next, err := newCodeRows(model, m.capRows)
	if err != nil {
		return false
	}
	next.trained = x.Live()
	done, rows := make([]uint64, groupsFor(m.capRows)), int(m.rows.Load())
	if err := next.commit(rows); err != nil {
		next.block.Release()
		return false
	}
	next.encodeLinked(x, m, rows, done, epoch)
	runtime.KeepAlive(m)
	return x.publish(next, rows, done, epoch)
}

// dropCodes has searches and links read vectors again: no codes are wanted, or those
// there are do not fit the rows any more, and no others do.
func (x *Index) dropCodes() {
	x.jobs.Lock()
	defer x.jobs.Unlock()
	x.mem.Load().codes.Store(nil)
}

// publish encodes what is missing in next, which has codes of the first have rows
// at most, and makes it the codes of the index.
func (x *Index) publish(next *codeRows, have int, done []uint64, epoch uint64) bool {
	x.jobs.Lock()
	defer x.jobs.Unlock()
	if !x.wanted().Takes(next.model) {
		return true // another kind was asked for meanwhile, and comes next
	}
	m := x.mem.Load()
	m.extent.Lock() // rows that come meanwhile find the codes, or are counted here
	defer m.extent.Unlock()
	rows := int(m.rows.Load())
	if next.room() < m.capRows {
		bigger, err := next.grown(have, m.capRows)
		if err != nil {
			return false
		}
		next = bigger
		done = append(done, make([]uint64, groupsFor(m.capRows)-len(done))...)
	}
	if err := next.commit(rows); err != nil {
		return false
	}
	next.encodeLinked(x, m, rows, done, epoch)
	m.codes.Store(next)
	return true
}

// encodeLinked encodes the linked ones of the first rows rows that are not marked in done or changed
// after epoch, on all processors, and marks them.
func (c *codeRows) encodeLinked(x *Index, m *memory, rows int, done []uint64, epoch uint64) {
	groups := groupsFor(rows)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(x.linkers(), groups) {
		wg.Go(func() {
			var s codes.Scratch
			for {
				i := int(next.Add(1)) - 1
				if i >= groups {
					return
				}
				linked := atomic.LoadUint64(&m.groups[i].linked)
				if rest := rows - i<<6; rest < 64 {
					linked &= 1<<rest - 1
				}
				for word := linked; word != 0; word &= word - 1 {
					bit := bits.TrailingZeros64(word)
					row := uint32(i<<6 + bit)
					if done[i]>>bit&1 != 0 && !newer(atomic.LoadUint32(m.stamp(row)), epoch) {
						continue
					}
					c.model.Encode(c.row(row), m.vector(row)[:x.cfg.Dim], &s)
				}
				done[i] |= linked
			}
		})
	}
	wg.Wait()
}

// sample returns the vectors of random live rows, as many as training uses.
func (x *Index) sample(m *memory) []float32 {
	rng := rand.New(rand.NewPCG(x.cfg.Seed, 1))
	rows := int(m.rows.Load())
	var out []float32
	add := func(row uint32) {
		if m.isAlive(row) && m.isLinked(row) {
			n := len(out)
			out = append(out, make([]float32, x.cfg.Dim)...)
			copyFloats(out[n:], m.vector(row))
		}
	}
	if rows <= codes.MaxRows {
		for row := range rows {
			add(uint32(row))
		}
		return out
	}
	for tries := 0; tries < 8*codes.MaxRows && len(out) < codes.MaxRows*x.cfg.Dim; tries++ {
		add(uint32(rng.IntN(rows)))
	}
	return out
}
