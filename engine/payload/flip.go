package payload

import "math/bits"

// flipper applies the difference of two entries of a row to the columns. It is
// the writer's.
type flipper struct {
	old, now reader
	row      uint32
	tired    []*column // columns most of whose values are unused
}

// run takes row out of the values that only old has, and puts it into those that
// only now has.
func (f *flipper) run(columns []*column, row uint32, old, now []byte) {
	f.old.b, f.now.b, f.row = old, now, row
	f.old.next()
	f.now.next()
	for f.old.col != noColumn || f.now.col != noColumn {
		col := min(f.old.col, f.now.col)
		var a, b *reader
		if f.old.col == col {
			a = &f.old
		}
		if f.now.col == col {
			b = &f.now
		}
		f.column(columns[col], a, b)
		if a != nil {
			a.next()
		}
		if b != nil {
			b.next()
		}
	}
}

// column applies the difference at one column; a or b is nil when the row has
// or had nothing there.
func (f *flipper) column(c *column, a, b *reader) {
	g := c.gen.Load()
	dict := g.dict
	var was, is uint8
	var from, to []uint32
	if a != nil {
		was, from = a.flags, a.ids
	}
	if b != nil {
		is, to = b.flags, b.ids
	}
	for changed := was ^ is; changed != 0; changed &= changed - 1 {
		flag := bits.TrailingZeros8(changed)
		if is>>flag&1 == 1 {
			dict.entry(uint32(flag)).add(f.row)
		} else {
			dict.entry(uint32(flag)).remove(f.row)
		}
	}
	f.values(c, dict, from, to)
	g.setDense(f.row, to)
	g.growDense()
	if c.unused > minUnused && c.unused*2 > int(dict.count.Load()) {
		f.tired = append(f.tired, c)
	}
}

// minUnused values of a column may be unused without a thought.
const minUnused = 1024

func (f *flipper) values(c *column, dict *dictionary, from, to []uint32) {
	for len(from) > 0 || len(to) > 0 {
		switch {
		case len(to) == 0 || len(from) > 0 && from[0] < to[0]:
			e := dict.entry(from[0])
			e.remove(f.row)
			if e.rows.Load() == 0 {
				c.unused++
			}
			from = from[1:]
		case len(from) == 0 || to[0] < from[0]:
			e := dict.entry(to[0])
			if e.rows.Load() == 0 {
				c.unused--
			}
			e.add(f.row)
			to = to[1:]
		default:
			from, to = from[1:], to[1:]
		}
	}
}

// renew gives c a dictionary without its unused values. Readers that hold the
// old one see it as it is now: what changes later they learn from changes.
func (x *Index) renew(c *column) {
	old := c.gen.Load()
	g := &generation{dict: newDictionary()}
	ids := make([]uint32, old.dict.count.Load())
	for id := range uint32(len(ids)) {
		e := old.dict.entry(id)
		if id >= numFlags && e.rows.Load() == 0 {
			continue
		}
		ids[id] = g.adopt(id, e)
	}
	c.unused = 0
	g.growDense()
	c.gen.Store(g)
	x.renumber(c.id, ids)
}

// adopt gives g the value and the rows of another generation's entry.
func (g *generation) adopt(id uint32, e *entry) uint32 {
	switch e.kind {
	case kindString:
		id, _ = g.stringID([]byte(e.str))
	case kindNumber:
		id, _ = g.numberID(e.number())
	case kindCount:
		id, _ = g.countID(e.bits)
	}
	to := g.dict.entry(id)
	to.rows.Store(e.rows.Load())
	if p := e.big.Load(); p != nil {
		to.big.Store(p.copy())
	}
	to.one.Store(e.one.Load())
	return id
}

// copy returns a posting that may be changed while p may be read.
func (p *posting) copy() *posting {
	q := &posting{list: p.list, set: p.set, delta: make([]uint64, len(p.delta))}
	n := p.n.Load()
	copy(q.delta, p.delta[:n])
	q.n.Store(n)
	return q
}

// renumber rewrites the ids of column col in every row's entry.
func (x *Index) renumber(col uint32, ids []uint32) {
	var r reader
	var out []byte
	fix := func(row uint32, b []byte) {
		r.b, out = b, out[:0]
		found := false
		for r.next(); r.col != noColumn; r.next() {
			if r.col == col {
				found = true
				for i, id := range r.ids {
					r.ids[i] = ids[id]
				}
			}
			out = appendColumn(out, r.col, r.flags, r.ids)
		}
		if found {
			x.rows.put(row, out)
		}
	}
	large := make([]uint32, 0, len(x.rows.large))
	for row := range x.rows.large {
		large = append(large, row)
	}
	for row := range x.rows.rows() {
		if x.rows.refs[row] != 0 {
			fix(row, x.rows.get(row))
		}
	}
	for _, row := range large {
		fix(row, append([]byte(nil), x.rows.large[row]...))
	}
}
