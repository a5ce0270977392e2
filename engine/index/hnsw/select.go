package hnsw

// tied marks a candidate that is exactly as far from a kept row as from the base.
const tied = 1 << 31

// choose sets s.kept to at most limit rows of pool, which is ascending, by the
// heuristic of Malkov and Yashunin 2016, algorithm 4: a candidate is kept when
// it is nearer to the base than to every row kept before it. Of several
// copies of the base one is kept. pool is not changed. Each row that is kept is compared
// with all candidates that are left, in one call: most of them fall to the first few.
func (w *walk) choose(pool []cand, limit int) {
	s := w.s
	s.kept, s.rivals = s.kept[:0], s.rivals[:0]
	s.rest = append(s.rest[:0], pool...)
	for _, c := range pool {
		s.rivals = append(s.rivals, c.row&rowMask)
	}
	rest, rivals := s.rest, s.rivals
	for len(rest) > 0 && len(s.kept) < limit {
		c, row := rest[0], rivals[0]
		rest, rivals = rest[1:], rivals[1:]
		if c.row&tied != 0 && c.dist == pool[0].dist {
			continue
		}
		s.kept = append(s.kept, row)
		rest, rivals = w.outdo(row, rest, rivals)
	}
}

// outdo returns what is left of candidates, their rows in rivals, without those that are
// nearer to a row that is kept than to the base. It works in place.
func (w *walk) outdo(row uint32, rest []cand, rivals []uint32) ([]cand, []uint32) {
	if len(rest) == 0 {
		return rest, rivals
	}
	w.src.takeRow(&w.s.from, row)
	d := w.s.roomDist(len(rest))
	w.src.gather(&w.s.from, rivals, d)
	n := 0
	for i, c := range rest {
		if d[i] < c.dist {
			continue
		}
		if d[i] == c.dist {
			c.row |= tied
		}
		rest[n], rivals[n] = c, rivals[i]
		n++
	}
	return rest[:n], rivals[:n]
}

// keepStep is how many selected rows a candidate is compared with in one call.
// Most candidates that fall, fall to one of the nearest.
const keepStep = 4

// spans reports whether no kept row is nearer to c than the base is.
func (w *walk) spans(c cand) bool {
	var dist [keepStep]float32
	w.src.takeRow(&w.s.from, c.row&rowMask)
	for kept := w.s.kept; len(kept) > 0; {
		n := min(len(kept), keepStep)
		w.src.gather(&w.s.from, kept[:n], dist[:n])
		for _, d := range dist[:n] {
			if d < c.dist {
				return false
			}
		}
		kept = kept[n:]
	}
	return true
}
