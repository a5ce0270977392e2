package gpu

import (
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// task is one Search on a lane.
type task struct {
	j        *job
	m        *matrix
	req      *compute.SearchRequest // the caller's: only inside j.borrow
	queries  int
	rows     int  // prefix that is searched
	slots    int  // of results a query, in the request
	halfK    int  // most results of a query that tensor cores may answer
	masked   bool // queries have bitmaps of their own
	words    int  // of each bitmap
	halfable int  // such queries
	halfOnly bool // use tensor cores whatever the sizes are, for the self-test
	// sampleRows is Options.SampleRows, but for the self-test.
	sampleRows int
}

func newTask(j *job, m *matrix, req *compute.SearchRequest) *task {
	t := &task{
		j: j, m: m, req: req, queries: len(req.Queries) / m.spec.Dim, rows: m.Len(),
		slots: req.K, masked: req.Skips != nil, sampleRows: m.s.b.o.SampleRows,
	}
	t.countHalfable(&m.s.b.o)
	return t
}

// work is what the whole search may take.
func (t *task) work() time.Duration {
	if t.m.host != nil {
		return t.scanWork(t.queries) + t.tilesWork(t.queries)
	}
	return t.scanWork(t.queries)
}

// scanWork is what one scan for n queries may take: in f32, which reads the rows
// once for 8 queries.
func (t *task) scanWork(n int) time.Duration {
	return expected(float64(t.rows) * float64(t.m.stride) * 4 * float64((n+7)/8))
}

// half reports whether the batch is searched on tensor cores first, but for queries of
// large k.
func (t *task) half(o *Options) bool {
	if t.m.halfStride == 0 || o.HalfQueries < 0 && !t.halfOnly || t.halfable == 0 || t.rows == 0 {
		return false
	}
	return t.halfOnly || t.halfable >= o.HalfQueries && t.rows >= o.HalfRows
}

func (t *task) run(l *lane) error {
	l.startClock()
	if err := t.passes(l); err != nil {
		return fatalOr(err, l.drain())
	}
	times := l.clock.times()
	l.clock = clock{}
	return t.j.borrow(func() { t.req.Times = times })
}

// passes uploads the bitmap and searches the queries in passes of as many as the
// lane's buffers hold.
func (t *task) passes(l *lane) error {
	group, k, half := kernels.Group, t.slots, t.half(l.o)
	if half {
		group, k = kernels.HalfGroup, t.halfK
	}
	plan := t.sample(k, group, l.o)
	size := min(t.queries, passQueries(t.m.spec.Dim, k, plan.groups, half || t.m.host != nil, l.o))
	var skip uint64
	for first := 0; first < t.queries; {
		n := min(size, t.queries-first)
		var err error
		if t.masked || first == 0 {
			if skip, n, err = t.uploadMasks(l, first, n); err != nil {
				return err
			}
		}
		l.first = first
		if err := t.divide(l, n, half); err != nil {
			return err
		}
		k := t.slots
		if half && len(l.which[0]) > 0 {
			if len(l.which[1]) == 0 {
				k = t.halfK
			}
			if err := t.searchHalf(l, skip, plan); err != nil {
				return err
			}
		}
		if err := t.searchF32(l, l.which[1], skip, k); err != nil {
			return err
		}
		first += n
	}
	return nil
}

// searchF32 searches the queries in f32 for k results each, as many at a time as fit.
func (t *task) searchF32(l *lane, which []int, skip uint64, k int) error {
	plan := t.sample(k, kernels.Group, l.o)
	if t.m.host != nil {
		plan = t.sampleOf(min(t.rows, t.m.host.rows), k, kernels.Group, l.o)
	}
	size := passQueries(t.m.spec.Dim, k, plan.groups, t.m.host != nil, l.o)
	for len(which) > 0 {
		n := min(size, len(which))
		p := fullPass{pass: pass{task: t, l: l, which: which[:n], skip: skip, k: k, plan: plan}}
		if err := p.run(); err != nil {
			return err
		}
		which = which[n:]
	}
	return nil
}

// passQueries is how many queries fit into the stage and the lane's buffers; wide makes
// more room, for passes that cost much to begin.
func passQueries(dim, k, groups int, wide bool, o *Options) int {
	const leastBytes = 32 << 20
	listBytes := 8 << 20 // of candidates
	if wide {
		listBytes = 32 << 20
	}
	n := min(o.Queries, o.StageBytes/2/(dim*4), o.StageBytes/2/(k*8+4))
	n = min(n, max(8, listBytes/(o.ListKeys*8)), max(8, leastBytes/(4*max(groups, 1))))
	return max(n, 1)
}

// sampling is which rows a pass samples.
type sampling struct {
	step   int // every step-th row; 0 = no sample
	items  int
	groups int
}

// sample chooses a sample so that the lists fill to a third: the k-th least
// of a sample of s of n rows is within about k*n/s rows. Groups hide all but their
// least row, so there are at least 4k of them where the rows allow it.
func (t *task) sample(k, group int, o *Options) sampling {
	return t.sampleOf(t.rows, k, group, o)
}

// sampleOf is sample for a part of the rows.
func (t *task) sampleOf(rows, k, group int, o *Options) sampling {
	if rows <= t.sampleRows {
		return sampling{}
	}
	want := max(3*k*(rows/o.ListKeys+1), 4*group*k)
	step := max(1, rows/want)
	items := (rows + step - 1) / step
	groups := (items + group - 1) / group
	if group == kernels.HalfGroup { // whole tiles
		groups = (items + kernels.HalfTile - 1) / kernels.HalfTile * (kernels.HalfTile / kernels.HalfGroup)
	}
	return sampling{step: step, items: items, groups: groups}
}

// pass is what a pass in f32 and one in bf16 share.
type pass struct {
	*task
	l     *lane
	which []int  // queries of the request
	skip  uint64 // bitmap on the device
	k     int    // results of each
	plan  sampling
	at    [bufferCount]uint64
	limit kernels.LimitArgs
}

// small is the layout of bufSmall: limits, then counts, flags, work and, last, masks.
func (p *pass) small() (limit, count, flags, work uint64) {
	n := uint64(len(p.which)+31) &^ 31
	limit = p.at[bufSmall]
	return limit, limit + n*8, limit + n*12, limit + n*16
}

// masks is where the queries' bitmaps are named, 0 if all have the first.
func (p *pass) masks() uint64 {
	if !p.masked {
		return 0
	}
	return p.at[bufSmall] + (uint64(len(p.which)+31)&^31)*20
}

// prepare makes room and uploads the queries; half is their stride in bf16, or 0.
func (p *pass) prepare(half int) error {
	l, dim := p.l, p.m.spec.Dim
	n, k, stride := uint64(len(p.which)), uint64(p.k), uint64(p.m.stride)
	sizes := [bufferCount]uint64{
		bufSrc: n * uint64(dim) * 4, bufQueries: n * stride * 4, bufHalf: n * uint64(half) * 2,
		bufList: n * uint64(l.o.ListKeys) * 8, bufLeast: max(1, n*uint64(p.plan.groups)) * 4,
		bufBest: n * k * 8, bufSmall: ((n + 31) &^ 31) * 24, bufOut: n * k * 8,
	}
	if half > 0 {
		sizes[bufHalf] += n * statsBytes
	}
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		var err error
		if p.at[i], err = l.buffer(i, size); err != nil {
			return err
		}
	}
	if err := errors.Join(p.uploadQueries(), p.uploadNames()); err != nil {
		return err
	}
	limit, count, _, _ := p.small()
	p.limit = kernels.LimitArgs{
		Least: p.at[bufLeast], Limit: limit, Count: count, Groups: uint32(p.plan.groups), K: uint32(k),
	}
	a := kernels.StoreArgs{
		Src: p.at[bufSrc], Rows: p.at[bufQueries],
		Count: uint32(n), Dim: uint32(dim), Stride: uint32(stride), Metric: uint32(p.m.spec.Metric),
	}
	if half > 0 {
		a.Half, a.Stats, a.HalfStride = p.at[bufHalf]+n*statsBytes, p.at[bufHalf], uint32(half)
	}
	return launch(l, p.m.storing(), [2]int{(len(p.which) + 7) / 8, 1}, 256, 0, &a)
}

func (p *pass) uploadQueries() error {
	dim := p.m.spec.Dim
	return p.l.upload(p.at[bufSrc], len(p.which)*dim*4, func(dst []byte, from int) error {
		return p.j.borrow(func() {
			// A piece may begin and end inside a query.
			for len(dst) > 0 {
				q := p.which[from/(dim*4)]
				n := copy(dst, bytesOf(p.req.Queries[q*dim : (q+1)*dim])[from%(dim*4):])
				dst, from = dst[n:], from+n
			}
		})
	})
}

// results copies ids, distances and flags back. It hands out those of queries
// whose flag is 0 and returns how many are set.
func (p *pass) results(flags uint64) (flagged int, err error) {
	l, n := p.l, len(p.which)
	keys := n * p.k
	out, err := l.room(keys*8 + n*4)
	if err != nil {
		return 0, err
	}
	if err := l.lap(stageKernels); err != nil {
		return 0, err
	}
	if err := l.stream.CopyOut(out[:keys*8], driver.Ptr(p.at[bufOut])); err != nil {
		return 0, err
	}
	if err := l.stream.CopyOut(out[keys*8:], driver.Ptr(flags)); err != nil {
		return 0, err
	}
	if err := errors.Join(l.lap(stageDownload), l.wait()); err != nil {
		return 0, err
	}
	if cap(l.flags) < n {
		l.flags = make([]uint32, n)
	}
	l.flags = l.flags[:n]
	copy(bytesOf(l.flags), out[keys*8:])
	err = p.j.borrow(func() {
		for i, q := range p.which {
			if l.flags[i] != 0 {
				flagged++
				continue
			}
			from, to := i*p.k*4, q*p.slots
			copy(bytesOf(p.req.IDs[to:to+p.k]), out[from:])
			copy(bytesOf(p.req.Dist[to:to+p.k]), out[keys*4+from:])
		}
	})
	return flagged, err
}

// maxScans bounds how often a pass is scanned again because its lists overflowed.
// Each time the limits tighten; rows that tie by the thousand, in the worst
// order, could take long, and the CPU answers those.
const maxScans = 8

func errOverflow() error {
	return &driver.Error{
		Code: driver.LaunchFailed, Op: "search",
		Detail: fmt.Sprintf("candidate lists overflowed %d times", maxScans),
	}
}

func powerOfTwo(n int) int {
	p := 2
	for p < n {
		p *= 2
	}
	return p
}
