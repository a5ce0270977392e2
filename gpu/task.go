package gpu

import (
	"fmt"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// task is one Search on a lane.
type task struct {
	j    *job
	m    *matrix
	req  *compute.SearchRequest // the caller's: only inside j.borrow
	rows int                    // prefix that is searched
	k    int
	skip int // words of the bitmap
}

// maxScans bounds how often a pass is scanned again because its lists overflowed.
// Each time the limits tighten; rows that tie by the thousand, in the worst
// order, could take long, and the CPU answers those.
const maxScans = 8

func (t *task) run(l *lane) error {
	if err := t.passes(l); err != nil {
		return fatalOr(err, l.drain())
	}
	return nil
}

// passes uploads the bitmap and searches the queries in passes of as many as the
// lane's buffers hold.
func (t *task) passes(l *lane) error {
	queries := 0
	if err := t.j.borrow(func() { queries = len(t.req.Queries) / t.m.spec.Dim }); err != nil {
		return err
	}
	var skip uint64
	if t.skip > 0 {
		at, err := l.buffer(bufSkip, uint64(t.skip)*8)
		if err == nil {
			err = l.upload(at, t.skip*8, func(dst []byte, from int) error {
				return t.j.borrow(func() { copy(dst, bytesOf(t.req.Skip)[from:]) })
			})
		}
		if err != nil {
			return err
		}
		skip = at
	}
	plan := samplePlan(t.rows, t.k, kernels.Group, l.o)
	pass := min(queries, passQueries(t.m.spec.Dim, t.k, plan.groups, l.o))
	for first := 0; first < queries; first += pass {
		p := pass1{task: t, l: l, first: first, n: min(pass, queries-first), skip: skip, plan: plan}
		if err := p.run(); err != nil {
			return err
		}
	}
	return nil
}

// passQueries is how many queries fit into the stage and the lane's buffers.
func passQueries(dim, k, groups int, o *Options) int {
	const (
		listBytes  = 8 << 20 // of candidates
		leastBytes = 32 << 20
	)
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

// samplePlan chooses a sample so that the lists fill to a third: the k-th least
// of a sample of s of n rows is within about k*n/s rows. Groups hide all but their
// least row, so there are at least 4k of them where the rows allow it.
func samplePlan(rows, k, group int, o *Options) sampling {
	if rows <= o.SampleRows {
		return sampling{}
	}
	want := max(3*k*(rows/o.ListKeys+1), 4*group*k)
	step := max(1, rows/want)
	items := (rows + step - 1) / step
	return sampling{step: step, items: items, groups: (items + group - 1) / group}
}

// pass1 is one pass in f32.
type pass1 struct {
	*task
	l     *lane
	first int // query of the request
	n     int // queries
	skip  uint64
	plan  sampling

	scan  kernels.ScanArgs
	limit kernels.LimitArgs
	pick  kernels.SelectArgs
}

func (p *pass1) run() error {
	if err := p.prepare(); err != nil {
		return err
	}
	if err := p.limits(); err != nil {
		return err
	}
	for range maxScans {
		again, err := p.scanOnce()
		if err != nil {
			return err
		}
		if !again {
			return nil
		}
		p.l.s.b.stats.rescans.Add(1)
	}
	return &driver.Error{
		Code: driver.LaunchFailed, Op: "search",
		Detail: fmt.Sprintf("candidate lists overflowed %d times", maxScans),
	}
}

// prepare uploads the queries and sets up the argument blocks.
func (p *pass1) prepare() error {
	l, dim := p.l, p.m.spec.Dim
	n, k, stride := uint64(p.n), uint64(p.k), uint64(p.m.stride)
	small := (n + 31) &^ 31
	var at [bufferCount]uint64
	sizes := [bufferCount]uint64{
		bufSrc: n * uint64(dim) * 4, bufQueries: n * stride * 4,
		bufList: n * uint64(l.o.ListKeys) * 8, bufLeast: max(1, n*uint64(p.plan.groups)) * 4,
		bufBest: n * k * 8, bufSmall: small * 16, bufOut: n * k * 8,
	}
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		var err error
		if at[i], err = l.buffer(i, size); err != nil {
			return err
		}
	}
	err := l.upload(at[bufSrc], p.n*dim*4, func(dst []byte, from int) error {
		return p.j.borrow(func() { copy(dst, bytesOf(p.req.Queries[p.first*dim:])[from:]) })
	})
	if err != nil {
		return err
	}
	limit := at[bufSmall]
	count, flags := limit+small*8, limit+small*12
	p.scan = kernels.ScanArgs{
		Rows: uint64(p.m.rows), Queries: at[bufQueries], Skip: p.skip,
		List: at[bufList], Count: count, Limit: limit, Least: at[bufLeast],
		Items: uint32(p.rows), Step: 1, Stride: uint32(stride), Nq: uint32(n),
		Cap: uint32(l.o.ListKeys), Groups: uint32(p.plan.groups),
		Metric: uint32(p.m.spec.Metric), SkipWords: uint32(p.task.skip),
	}
	p.limit = kernels.LimitArgs{
		Least: at[bufLeast], Limit: limit, Count: count, Groups: uint32(p.plan.groups), K: uint32(k),
	}
	p.pick = kernels.SelectArgs{
		List: at[bufList], Count: count, Limit: limit, Best: at[bufBest],
		Ids: at[bufOut], Dist: at[bufOut] + n*k*4, Flags: flags,
		Cap: uint32(l.o.ListKeys), K: uint32(k), Room: uint32(powerOfTwo(max(l.o.ListKeys, p.k))),
	}
	a := kernels.StoreArgs{
		Src: at[bufSrc], Rows: at[bufQueries],
		Count: uint32(n), Dim: uint32(dim), Stride: uint32(stride), Metric: uint32(p.m.spec.Metric),
	}
	return launch(l, "store_rows", [2]int{(p.n + 7) / 8, 1}, 256, 0, &a)
}

// kernel is the variant for the number of queries, and its grid over items.
func (p *pass1) kernel(name string, items int) (kernel string, grid [2]int) {
	const warps = 8
	groups := (items + kernels.Group - 1) / kernels.Group
	blocks := min((groups+warps-1)/warps, 8*p.l.device.Info().Processors)
	if p.n == 1 {
		return name + "_1", [2]int{max(1, blocks), 1}
	}
	return name + "_8", [2]int{max(1, blocks), (p.n + 7) / 8}
}

// limits samples the rows, if there are enough to make it worth while, and sets
// the limits.
func (p *pass1) limits() error {
	if p.plan.step > 0 {
		a := p.scan
		a.Items, a.Step = uint32(p.plan.items), uint32(p.plan.step)
		name, grid := p.kernel("sample_f32", p.plan.items)
		if err := launch(p.l, name, grid, 256, 0, &a); err != nil {
			return err
		}
	}
	return launch(p.l, "pick_limit", [2]int{p.n, 1}, 256, 0, &p.limit)
}

// scanOnce scans every row and selects. It reports whether a list overflowed.
func (p *pass1) scanOnce() (again bool, err error) {
	l := p.l
	if p.rows > 0 {
		name, grid := p.kernel("scan_f32", p.rows)
		if err := launch(l, name, grid, 256, 0, &p.scan); err != nil {
			return false, err
		}
	}
	err = launch(l, "select_keys", [2]int{p.n, 1}, 256, int(p.pick.Room)*8, &p.pick)
	if err != nil {
		return false, err
	}
	return p.results()
}

// results copies the results back and hands them out, if no list overflowed.
func (p *pass1) results() (again bool, err error) {
	l, keys := p.l, p.n*p.k
	out, err := l.room(keys*8 + p.n*4)
	if err != nil {
		return false, err
	}
	if err := l.stream.CopyOut(out[:keys*8], driver.Ptr(p.pick.Ids)); err != nil {
		return false, err
	}
	if err := l.stream.CopyOut(out[keys*8:], driver.Ptr(p.pick.Flags)); err != nil {
		return false, err
	}
	if err := l.wait(); err != nil {
		return false, err
	}
	l.flags = append(l.flags[:0], make([]uint32, p.n)...)
	copy(bytesOf(l.flags), out[keys*8:])
	for _, f := range l.flags {
		if f != 0 {
			return true, nil
		}
	}
	at := p.first * p.k
	return false, p.j.borrow(func() {
		copy(bytesOf(p.req.IDs[at:at+keys]), out[:keys*4])
		copy(bytesOf(p.req.Dist[at:at+keys]), out[keys*4:keys*8])
	})
}

func powerOfTwo(n int) int {
	p := 2
	for p < n {
		p *= 2
	}
	return p
}
