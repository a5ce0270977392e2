package hnsw

// keepStep is how many selected rows a candidate is compared with in one call.
// Most candidates that fall, fall to one of the nearest.
const keepStep = 4

// choose sets s.kept to at most limit rows of pool, which is ascending, by the
// heuristic of Malkov and Yashunin 2016, algorithm 4: a candidate is kept when
// it is nearer to the base than to every row kept before it. Of several
// copies of the base one is kept. pool is not changed.
func (w *walk) choose(pool []cand, limit int) {
	s := w.s
	s.kept = s.kept[:0]
	for i, c := range pool {
		if len(s.kept) >= limit {
			return
		}
		tied, ok := w.spans(c)
		if ok && !(tied && i > 0 && c.dist == pool[0].dist) {
			s.kept = append(s.kept, c.row&rowMask)
		}
	}
}

// spans reports whether no kept row is nearer to c than the base is, and whether
// one is exactly as near.
func (w *walk) spans(c cand) (tied, ok bool) {
	var dist [keepStep]float32
	w.src.takeRow(&w.s.from, c.row&rowMask)
	for kept := w.s.kept; len(kept) > 0; {
		n := min(len(kept), keepStep)
		w.src.gather(&w.s.from, kept[:n], dist[:n])
		for _, d := range dist[:n] {
			if d < c.dist {
				return false, false
			}
			tied = tied || d == c.dist
		}
		kept = kept[n:]
	}
	return tied, true
}
