package hnsw

import (
	"math"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// rerankStep is how many candidates are compared by vector in one call, at least;
// of a longer list a rerankShare, because who asks for one wants the last of them.
const (
	rerankStep  = 8
	rerankShare = 8
)

// use has the walk use codes as asked for.
func (w *walk) use(how index.CodeUse) {
	w.how = how
	if how.Ignore {
		w.src.codes = nil
	}
	if c := w.src.codes; c != nil {
		w.tr.Bits = c.model.Kind().Bits()
	}
}

// places is how long the list of a search for k rows must be that would have ef places
// if vectors ordered it.
func (w *walk) places(ef, k int) int {
	if w.src.codes == nil {
		return ef
	}
	return min(max(ef, w.least(k))+w.src.codes.model.Slack(), MaxEf)
}

// least is how many rows are compared by vector in any case for k of them.
func (w *walk) least(k int) int {
	return max(k, int(math.Ceil(float64(w.how.Oversampling)*float64(k)-1e-3)))
}

// rerank orders what a walk by codes found, ascending, by vectors. It stops where
// a step brings nothing that belongs among the first k: the order by codes is
// nearly right, so what follows would bring less.
func (w *walk) rerank(found []cand, k int) []cand {
	if w.src.codes == nil {
		return found
	}
	if w.how.Estimate {
		w.possible(found)
		return found
	}
	f := &w.s.ranked
	f.reset(k + rerankStep)
	if w.how.Oversampling == 0 && w.src.codes.model.Coarse() {
		w.rerankDoubted(found, k)
		return f.c
	}
	first, step := w.least(k), max(rerankStep, len(found)/rerankShare)
	for i := 0; i < len(found); {
		w.s.ids = w.s.ids[:0]
		for ; i < len(found) && len(w.s.ids) < max(first, step); i++ {
			if found[i].row&hidden == 0 {
				w.s.ids = append(w.s.ids, found[i].row&rowMask)
			}
		}
		if first > 0 {
			w.m.fetchState(w.s.ids)
		}
		first = 0
		if len(w.s.ids) == 0 {
			break
		}
		w.tr.Ranked += len(w.s.ids)
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

// doubts is by how many deviations an estimate is taken to be off at most. On
// code-lsa-256 recall at ef 64 is 0.9911, 0.9918 and 0.9920 with 2, 2.5 and 3, and 0.9920
// when the whole list of 81 rows is compared; 45, 54 and 62 are.
const doubts = 3

// rerankDoubted ranks all rows that a walk by coarse codes found, but for those that the
// bound of their estimate puts behind the k-th (Gao and Long 2024, "RaBitQ", section 4).
func (w *walk) rerankDoubted(found []cand, k int) {
	f, c := &w.s.ranked, w.src.codes
	for i, step := 0, k; i < len(found); step = rerankStep {
		bound, _ := f.kth(k)
		w.s.ids = w.s.ids[:0]
		for ; i < len(found) && len(w.s.ids) < step; i++ {
			row := found[i].row & rowMask
			if found[i].row&hidden != 0 {
				continue
			}
			if found[i].dist-doubts*c.model.Doubt(&w.s.query.code, c.row(row)) < bound {
				w.s.ids = append(w.s.ids, row)
			}
		}
		if len(w.s.ids) == 0 {
			continue
		}
		w.tr.Ranked += len(w.s.ids)
		for j, d := range w.exactly() {
			f.insert(d, w.s.ids[j])
		}
	}
}

// possible moves estimates that no two vectors have to the nearest that some have. Their
// order stays.
func (w *walk) possible(found []cand) {
	low, high := -inf, inf
	switch w.x.cfg.Metric {
	case compute.L2:
		low = 0
	case compute.Cosine:
		low, high = -1, 1
	}
	for i := range found {
		found[i].dist = min(max(found[i].dist, low), high)
	}
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
