package gpu

import "github.com/vectorizer-go/vectorizer/kernels"

// halfPass is one pass on tensor cores, over bf16, f16 or codes.
type halfPass struct {
	pass
	scan   kernels.HalfArgs
	refine kernels.RefineArgs
}

// searchHalf searches the first part of the pass on tensor cores and adds to the second
// the queries whose candidates did
// not fit into their list: bounds that overlap for too many rows, as with vectors
// far from the origin and close to each other. They are searched in f32.
func (t *task) searchHalf(l *lane, skip uint64, plan sampling) error {
	which := l.which[0]
	p := halfPass{pass: pass{task: t, l: l, which: which, skip: skip, k: t.halfK, plan: plan}}
	if err := p.prepare(t.m.halfStride); err != nil {
		return err
	}
	p.arguments()
	if err := p.launch(); err != nil {
		return err
	}
	flagged, err := p.results(p.refine.Flags)
	if err != nil {
		return err
	}
	stats := &l.s.b.stats
	stats.halfQueries.Add(int64(len(which) - flagged))
	stats.halfLeft.Add(int64(flagged))
	for i, q := range which {
		if l.flags[i] != 0 {
			l.which[1] = append(l.which[1], q)
		}
	}
	return nil
}

func (p *halfPass) arguments() {
	n, k, lists := uint64(len(p.which)), uint64(p.k), uint32(p.l.o.ListKeys)
	limit, count, flags, work := p.small()
	p.scan = kernels.HalfArgs{
		Rows: uint64(p.m.words()), Stats: uint64(p.m.stats),
		Queries: p.at[bufHalf] + n*statsBytes, Qstats: p.at[bufHalf], Skip: p.skip, Masks: p.masks(),
		List: p.at[bufList], Count: count, Limit: limit, Least: p.at[bufLeast],
		Items: uint32(p.rows), Step: 1, Stride: uint32(p.m.halfStride), Nq: uint32(n),
		Cap: lists, Groups: uint32(p.plan.groups),
		Metric: uint32(p.m.spec.Metric), SkipWords: uint32(p.words),
	}
	p.refine = kernels.RefineArgs{
		Rows: uint64(p.m.rows), Queries: p.at[bufQueries], Stats: uint64(p.m.stats), List: p.at[bufList], Count: count,
		Ids: p.at[bufOut], Dist: p.at[bufOut] + n*k*4, Flags: flags, Work: work,
		Cap: lists, K: uint32(k), Stride: uint32(p.m.stride), Metric: uint32(p.m.spec.Metric),
		Room: uint32(powerOfTwo(max(p.l.o.ListKeys, p.k))),
	}
}

// launch queues sample, limit, scan and refinement.
func (p *halfPass) launch() error {
	p.l.work += p.scanWork(len(p.which))
	if p.plan.step > 0 {
		a := p.scan
		a.Items, a.Step = uint32(p.plan.items), uint32(p.plan.step)
		if err := launch(p.l, "sample"+p.m.tensor(), p.grid(p.plan.items), 256, kernels.HalfShared, &a); err != nil {
			return err
		}
	}
	if err := launch(p.l, "pick_limit", [2]int{len(p.which), 1}, 256, 0, &p.limit); err != nil {
		return err
	}
	if err := launch(p.l, "scan"+p.m.tensor(), p.grid(p.rows), 256, kernels.HalfShared, &p.scan); err != nil {
		return err
	}
	return launch(p.l, p.m.refine(), [2]int{len(p.which), 1}, 256, int(p.refine.Room)*8, &p.refine)
}

// grid has two blocks a multiprocessor, as many of them on the same rows as there
// are tiles of queries: those share the rows through the second-level cache.
func (p *halfPass) grid(items int) [2]int {
	queries := (len(p.which) + kernels.HalfTile - 1) / kernels.HalfTile
	rows := (items + kernels.HalfTile - 1) / kernels.HalfTile
	return [2]int{max(1, min(rows, 2*p.l.device.Info().Processors/queries)), queries}
}
