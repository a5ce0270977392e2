package gpu

import (
	"time"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// Rows that do not fit into the device's memory are searched tile by tile: while one
// tile is scanned, the next is copied by a stream of its own from the pinned memory
// that it lies in. What a tile found limits the scans after it, so later tiles append
// little. The bus is the bound, some 25 to 50 GB/s, and one search saturates it: there
// is one at a time, and what waits meanwhile is its next batch.

// leastBus is a rate in bytes a second that every bus copies pinned memory at, by far.
const leastBus = 1e9

// tilesWork is what copying the rows to the device may take, for every pass of n queries.
func (t *task) tilesWork(n int) time.Duration {
	size := passQueries(t.m.spec.Dim, t.slots, 0, true, &t.m.s.b.o)
	bytes := float64(t.rows) * float64(t.m.stride) * 4
	return time.Duration(float64((n+size-1)/size) * bytes / leastBus * float64(time.Second))
}

// tiles searches the rows tile by tile, each into the best of those before.
func (p *fullPass) tiles() (err error) {
	l, size := p.l, p.m.host.rows
	if l.second == nil {
		if l.second, err = l.device.NewStream(); err != nil {
			return err
		}
	}
	for i := range p.tileAt {
		if p.tileAt[i], err = l.buffer(bufTile0+i, uint64(size*p.m.stride)*4); err != nil {
			return err
		}
	}
	defer func() { err = fatalOr(err, p.landed()) }()
	if err := p.copyTile(0); err != nil {
		return err
	}
	for i := 0; i == 0 || i*size < p.rows; i++ {
		if err := p.landed(); err != nil {
			return err
		}
		p.tile(i)
		p.meanwhile = func() error { return p.copyTile(i + 1) }
		if err := p.search(); err != nil {
			return err
		}
	}
	return nil
}

// tile sets the arguments for a tile.
func (p *fullPass) tile(i int) {
	first := i * p.m.host.rows
	rows := min(p.m.host.rows, p.rows-first)
	p.scan.Rows, p.scan.First, p.scan.Items = p.tileAt[i%2], uint32(first), uint32(rows)
	p.plan = p.sampleOf(rows, p.k, kernels.Group, p.l.o)
	p.scan.Groups, p.limit.Groups = uint32(p.plan.groups), uint32(p.plan.groups)
	if first > 0 {
		p.limit.Best, p.pick.Seeded = p.at[bufBest], 1
		p.pick.Room = uint32(powerOfTwo(p.l.o.ListKeys + p.k))
		p.plan, p.scan.Groups, p.limit.Groups = sampling{}, 0, 0 // the best so far limits better
	}
}

// copyTile queues the copy of a tile, if there is one. Its rows are not written until
// it has landed.
func (p *fullPass) copyTile(i int) error {
	h := p.m.host
	first := i * h.rows
	if first >= p.rows {
		return nil
	}
	h.mu.RLock()
	if h.tiles == nil {
		h.mu.RUnlock()
		return errTilesGone()
	}
	p.copying = true
	n := min(h.rows, p.rows-first) * h.stride * 4
	return p.l.second.CopyIn(driver.Ptr(p.tileAt[i%2]), h.tiles[i][:n])
}

// landed waits for the tile that is being copied, if one is.
func (p *fullPass) landed() error {
	if !p.copying {
		return nil
	}
	p.copying = false
	defer p.m.host.mu.RUnlock()
	return p.l.second.Wait(p.l.o.HangAfter + p.scanWork(1))
}
