package gpu

import (
	"math"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// A matrix that does not fit into the device's memory is kept in host memory and
// searched tile by tile: while one tile is scanned and the next is under way, the
// host fills the stage for the one after. What a tile found limits the scans after
// it, so later tiles append little. The rows themselves are not pinned: they outlive
// a lost context, which takes pinned memory along. The bus is the bound, some 25 to
// 50 GB/s: a host with many cores is faster for small batches, so the server does not
// ask for it (HostBytes is 0) until a cost model of its own says when it pays.

// keepOnHost makes room for the rows in host memory, if Options allow it.
func (m *matrix) keepOnHost(bytes uint64) bool {
	b := m.s.b
	if bytes > b.o.HostBytes || uint64(b.tiled.Add(int64(bytes))) > b.o.HostBytes {
		if bytes <= b.o.HostBytes {
			b.tiled.Add(-int64(bytes))
		}
		return false
	}
	m.host = make([]float32, bytes/4)
	m.halfStride, m.bytes = 0, bytes
	return true
}

func (m *matrix) dropHost() {
	if m.host != nil {
		m.s.b.tiled.Add(-int64(m.bytes))
		m.host = nil
	}
}

// storeHost is store for rows in host memory.
func (m *matrix) storeHost(row int, src []float32) error {
	dim := m.spec.Dim
	for ; len(src) > 0; row, src = row+1, src[dim:] {
		dst := m.host[row*m.stride : row*m.stride+dim]
		copy(dst, src)
		if m.spec.Metric == compute.Cosine {
			normalise(dst)
		}
	}
	return nil
}

func normalise(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}

// tileRows is how many rows a tile has.
func (m *matrix) tileRows(o *Options) int { return max(1, o.TileBytes/(m.stride*4)) }

// tiles searches the rows tile by tile, each into the best of those before.
func (p *fullPass) tiles() error {
	l, size := p.l, p.m.tileRows(p.l.o)
	if l.second == nil {
		var err error
		if l.second, err = l.device.NewStream(); err != nil {
			return err
		}
	}
	var at [2]uint64
	for i := range at {
		var err error
		if at[i], err = l.buffer(bufTile0+i, uint64(size*p.m.stride)*4); err != nil {
			return err
		}
	}
	if err := l.wait(); err != nil { // the queries are there: the stage is the tiles' now
		return err
	}
	if err := p.copyTile(at[0], 0, size); err != nil {
		return err
	}
	for first, i := 0, 0; first == 0 || first < p.rows; first, i = first+size, i+1 {
		if err := l.second.Wait(l.o.HangAfter + p.scanWork(1)); err != nil {
			return err
		}
		p.tile(at[i%2], first, min(size, p.rows-first))
		p.meanwhile = func() error { return p.copyTile(at[(i+1)%2], first+size, size) }
		if err := p.search(); err != nil {
			return err
		}
	}
	return nil
}

// tile sets the arguments for a tile.
func (p *fullPass) tile(at uint64, first, rows int) {
	p.scan.Rows, p.scan.First, p.scan.Items = at, uint32(first), uint32(rows)
	p.plan = p.sampleOf(rows, kernels.Group, p.l.o)
	p.scan.Groups, p.limit.Groups = uint32(p.plan.groups), uint32(p.plan.groups)
	if first > 0 {
		p.limit.Best, p.pick.Seeded = p.at[bufBest], 1
		p.pick.Room = uint32(powerOfTwo(p.l.o.ListKeys + p.k))
		p.plan, p.scan.Groups, p.limit.Groups = sampling{}, 0, 0 // the best so far limits better
	}
}

// copyTile queues the copy of a tile through the second half of the stage, by the
// second stream; it returns when the last piece is queued.
func (p *fullPass) copyTile(to uint64, first, size int) error {
	if first >= p.rows {
		return nil
	}
	l := p.l
	rows := bytesOf(p.m.host[first*p.m.stride : min(p.rows, first+size)*p.m.stride])
	half := l.stage[len(l.stage)/2:]
	piece := len(half) / 2
	for n := 0; len(rows) > 0; n++ {
		if n >= 2 { // the piece before the last is done when both are
			if err := l.second.Wait(l.o.HangAfter + p.scanWork(1)); err != nil {
				return err
			}
		}
		part := half[n%2*piece:][:min(piece, len(rows))]
		copy(part, rows)
		if err := l.second.CopyIn(driver.Ptr(to), part); err != nil {
			return err
		}
		to, rows = to+uint64(len(part)), rows[len(part):]
	}
	return nil
}
