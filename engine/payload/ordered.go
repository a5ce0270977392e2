package payload

import (
	"cmp"
	"slices"
	"sort"
	"sync/atomic"
)

// ordered keeps (key, value id) pairs for range queries: a sorted run, and an
// unsorted head of those added since, merged when it is full. The writer adds,
// any goroutine reads.
type ordered[K float64 | int64] struct {
	run   atomic.Pointer[sortedRun[K]]
	byRow atomic.Pointer[dense] // nil while there are few
}

// sortedRun is immutable but for the head behind n.
type sortedRun[K float64 | int64] struct {
	keys []K // ascending
	ids  []uint32
	head []pair[K]
	n    atomic.Uint32 // pairs of head in use
}

type pair[K float64 | int64] struct {
	key K
	id  uint32
}

const (
	minHead = 32
	maxHead = 32 << 10
	// headShare is the part of the run that its head may reach: a larger head
	// makes merges rarer and reads slower.
	headShare = 32
)

// add adds a pair; the id is new.
func (o *ordered[K]) add(key K, id uint32) {
	r := o.run.Load()
	if r == nil {
		r = &sortedRun[K]{head: make([]pair[K], minHead)}
		o.run.Store(r)
	}
	n := r.n.Load()
	if int(n) == len(r.head) {
		r = r.merge()
		o.run.Store(r)
		n = 0
	}
	r.head[n] = pair[K]{key, id}
	r.n.Store(n + 1)
}

// merge returns a run of everything in r, with an empty head.
func (r *sortedRun[K]) merge() *sortedRun[K] {
	head := slices.Clone(r.head)
	slices.SortFunc(head, func(a, b pair[K]) int { return cmp.Compare(a.key, b.key) })
	n := len(r.keys) + len(head)
	m := &sortedRun[K]{
		keys: make([]K, 0, n), ids: make([]uint32, 0, n),
		head: make([]pair[K], min(max(n/headShare, minHead), maxHead)),
	}
	i := 0
	for _, h := range head {
		for ; i < len(r.keys) && r.keys[i] <= h.key; i++ {
			m.keys, m.ids = append(m.keys, r.keys[i]), append(m.ids, r.ids[i])
		}
		m.keys, m.ids = append(m.keys, h.key), append(m.ids, h.id)
	}
	m.keys, m.ids = append(m.keys, r.keys[i:]...), append(m.ids, r.ids[i:]...)
	return m
}

// ends appends the ids whose key is low or high, if keep says yes.
func (o *ordered[K]) ends(dst []uint32, low, high K, keep func(id uint32) bool) []uint32 {
	dst = o.between(dst, low, low, keep)
	if high > low {
		dst = o.between(dst, high, high, keep)
	}
	return dst
}

// between appends the ids whose keys are in [low, high], for which keep, asked
// only about those at the two ends, says yes.
func (o *ordered[K]) between(dst []uint32, low, high K, keep func(id uint32) bool) []uint32 {
	r := o.run.Load()
	if r == nil || low > high {
		return dst
	}
	i := sort.Search(len(r.keys), func(i int) bool { return r.keys[i] >= low })
	j := sort.Search(len(r.keys), func(i int) bool { return r.keys[i] > high })
	for ; i < j && r.keys[i] == low; i++ {
		if keep(r.ids[i]) {
			dst = append(dst, r.ids[i])
		}
	}
	end := j
	for ; end > i && r.keys[end-1] == high; end-- {
		if keep(r.ids[end-1]) {
			dst = append(dst, r.ids[end-1])
		}
	}
	dst = append(dst, r.ids[i:end]...)
	for _, h := range r.head[:r.n.Load()] {
		if h.key > low && h.key < high || (h.key == low || h.key == high) && keep(h.id) {
			dst = append(dst, h.id)
		}
	}
	return dst
}

// span returns about how many keys are in [low, high].
func (o *ordered[K]) span(low, high K) int {
	r := o.run.Load()
	if r == nil || low > high {
		return 0
	}
	i := sort.Search(len(r.keys), func(i int) bool { return r.keys[i] >= low })
	j := sort.Search(len(r.keys), func(i int) bool { return r.keys[i] > high })
	n := j - i
	for _, h := range r.head[:r.n.Load()] {
		if h.key >= low && h.key <= high {
			n++
		}
	}
	return n
}

// len returns how many pairs there are.
func (o *ordered[K]) len() int {
	r := o.run.Load()
	if r == nil {
		return 0
	}
	return len(r.keys) + int(r.n.Load())
}

// memory returns the bytes held.
func (o *ordered[K]) memory() int64 {
	r := o.run.Load()
	if r == nil {
		return 0
	}
	if d := o.byRow.Load(); d != nil {
		return d.memory() + int64(cap(r.keys))*12 + int64(len(r.head))*16
	}
	return int64(cap(r.keys))*8 + int64(cap(r.ids))*4 + int64(len(r.head))*16
}
