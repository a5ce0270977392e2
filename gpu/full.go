package gpu

import "github.com/vectorizer-go/vectorizer/kernels"

// fullPass is one pass in f32.
type fullPass struct {
	pass
	scan kernels.ScanArgs
	pick kernels.SelectArgs
	// meanwhile, when not nil, is called once while the next scan runs.
	meanwhile func() error
	tileAt    [2]uint64
	copying   bool // a tile is on its way
}

func (p *fullPass) run() error {
	if err := p.prepare(0); err != nil {
		return err
	}
	p.arguments()
	if p.m.host != nil {
		return p.tiles()
	}
	return p.search()
}

// search finds the k least among the rows that p.scan names.
func (p *fullPass) search() error {
	if err := p.limits(); err != nil {
		return err
	}
	for range maxScans {
		flagged, err := p.scanOnce()
		if err != nil || flagged == 0 {
			return err
		}
		p.l.s.b.stats.rescans.Add(1)
	}
	return errOverflow()
}

func (p *fullPass) arguments() {
	n, k, lists := uint64(len(p.which)), uint64(p.k), uint32(p.l.o.ListKeys)
	limit, count, flags, _ := p.small()
	p.scan = kernels.ScanArgs{
		Rows: uint64(p.m.rows), Queries: p.at[bufQueries], Stats: uint64(p.m.stats), Skip: p.skip, Masks: p.masks(),
		List: p.at[bufList], Count: count, Limit: limit, Least: p.at[bufLeast],
		Items: uint32(p.rows), Step: 1, Stride: uint32(p.m.stride), Nq: uint32(n),
		Cap: lists, Groups: uint32(p.plan.groups),
		Metric: uint32(p.m.spec.Metric), SkipWords: uint32(p.words),
	}
	if n == 1 && p.masked { // the kernels for one query know one bitmap
		q := p.which[0] - p.l.first
		p.scan.Skip, p.scan.Masks = p.skip+uint64(p.l.names[q])*uint64(p.words)*8, 0
	}
	p.pick = kernels.SelectArgs{
		List: p.at[bufList], Count: count, Limit: limit, Best: p.at[bufBest],
		Ids: p.at[bufOut], Dist: p.at[bufOut] + n*k*4, Flags: flags,
		Cap: lists, K: uint32(k), Room: uint32(powerOfTwo(max(p.l.o.ListKeys, p.k))),
	}
}

// kernel is the variant for the number of queries, and its grid over items.
func (p *fullPass) kernel(name string, items int) (kernel string, grid [2]int) {
	const warps, queries = 8, 8
	groups := (items + kernels.Group - 1) / kernels.Group
	name += p.m.full()
	blocks := max(1, min((groups+warps-1)/warps, 8*p.l.device.Info().Processors))
	if len(p.which) == 1 {
		return name + "_1", [2]int{blocks, 1}
	}
	return name + "_8", [2]int{blocks, (len(p.which) + queries - 1) / queries}
}

// limits samples the rows, if there are enough to make it worth while, and sets
// the limits.
func (p *fullPass) limits() error {
	if p.plan.step > 0 {
		a := p.scan
		a.Items, a.Step = uint32(p.plan.items), uint32(p.plan.step)
		name, grid := p.kernel("sample", p.plan.items)
		if err := launch(p.l, name, grid, 256, 0, &a); err != nil {
			return err
		}
	}
	return launch(p.l, "pick_limit", [2]int{len(p.which), 1}, 256, 0, &p.limit)
}

// scanOnce scans every row and selects. It returns how many lists overflowed.
func (p *fullPass) scanOnce() (flagged int, err error) {
	p.l.work += p.scanWork(len(p.which))
	if p.scan.Items > 0 {
		name, grid := p.kernel("scan", int(p.scan.Items))
		if err := launch(p.l, name, grid, 256, 0, &p.scan); err != nil {
			return 0, err
		}
	}
	err = launch(p.l, "select_keys", [2]int{len(p.which), 1}, 256, int(p.pick.Room)*8, &p.pick)
	if err != nil {
		return 0, err
	}
	if f := p.meanwhile; f != nil {
		p.meanwhile = nil
		if err := f(); err != nil {
			return 0, err
		}
	}
	return p.results(p.pick.Flags)
}
