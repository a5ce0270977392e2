package hnsw

// rerankStep is how many candidates are compared by vector in one call, at least;
// of a longer list a rerankShare, because who asks for one wants the last of them.
const (
	rerankStep  = 8
	rerankShare = 8
)

// slack is how many places more a list needs when codes order it.
func (w *walk) slack() int {
	if w.src.codes == nil {
		return 0
	}
	return w.src.codes.model.Slack()
}

// rerank orders what a walk by codes found, ascending, by vectors. It stops where
// a step brings nothing that belongs among the first k: the order by codes is
// nearly right, so what follows would bring less.
func (w *walk) rerank(found []cand, k int) []cand {
	if w.src.codes == nil {
		return found
	}
	f := &w.s.ranked
	f.reset(k + rerankStep)
	first, step := k, max(rerankStep, len(found)/rerankShare)
	if w.src.codes.model.Coarse() {
		first = len(found)
	}
	for i := 0; i < len(found); {
		w.s.ids = w.s.ids[:0]
		for ; i < len(found) && len(w.s.ids) < max(first, step); i++ {
			if found[i].row&hidden == 0 {
				w.s.ids = append(w.s.ids, found[i].row&rowMask)
			}
		}
		first = 0
		if len(w.s.ids) == 0 {
			break
		}
		bound, full := f.kth(k)
		better := !full
		for j, d := range w.exactly() {
			if d < bound {
				better = true
			}
			f.insert(d, w.s.ids[j])
		}
		if !better {
			break
		}
	}
	return f.c
}

// ranking is a list of rows in ascending distance.
type ranking struct {
	c     []cand
	limit int
}

func (r *ranking) reset(limit int) { r.c, r.limit = r.c[:0], limit }

// kth is the distance of the k-th row, and whether there are so many.
func (r *ranking) kth(k int) (float32, bool) {
	if len(r.c) < k {
		return inf, false
	}
	return r.c[k-1].dist, true
}

// insert adds a row if it is among the first.
func (r *ranking) insert(d float32, row uint32) {
	n := len(r.c)
	switch {
	case n < r.limit:
		r.c = append(r.c, cand{})
	case d < r.c[n-1].dist:
		n--
	default:
		return
	}
	for ; n > 0 && d < r.c[n-1].dist; n-- {
		r.c[n] = r.c[n-1]
	}
	r.c[n] = cand{d, row}
}
