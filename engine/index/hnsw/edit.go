package hnsw

import (
	"slices"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// Every change of a link list is made here, under the list's lock, and keeps
// the counts of H7 for layer 0.

// setOwn replaces row's list on level by rows. It returns, in s.lost, the rows
// that nobody links to any more.
func (w *walk) setOwn(row uint32, level int, rows []uint32) {
	lock := w.x.listLock(row)
	lock.Lock()
	defer lock.Unlock()
	s := w.s
	list := w.m.links(&w.x.lv, row, level)
	s.lost = s.lost[:0]
	if level == 0 {
		s.list = appendLinks(s.list[:0], list)
		for _, r := range rows {
			if !slices.Contains(s.list, r) {
				w.m.linkAdded(r)
			}
		}
		for _, r := range s.list {
			if !slices.Contains(rows, r) && w.m.linkGone(r) {
				s.lost = append(s.lost, r)
			}
		}
	}
	storeLinks(list, rows)
}

// linkBack adds a link from one row to another, and thins the list out when it
// is full. It reports whether the link is there: thinning may drop it, unless it
// is forced.
func (w *walk) linkBack(from, to uint32, level int, force bool) bool {
	lock := w.x.listLock(from)
	lock.Lock()
	defer lock.Unlock()
	s := w.s
	list := w.m.links(&w.x.lv, from, level)
	s.list = appendLinks(s.list[:0], list)
	if slices.Contains(s.list, to) {
		return true
	}
	if level == 0 {
		w.m.linkAdded(to)
	}
	s.list = append(s.list, to)
	if len(s.list) > len(list) {
		w.thin(from, to, len(list), level, force)
	}
	storeLinks(list, s.list)
	return slices.Contains(s.list, to)
}

// linkIfRoom adds a link from one row to another if the list is not full.
func (w *walk) linkIfRoom(from, to uint32, level int) {
	lock := w.x.listLock(from)
	lock.Lock()
	defer lock.Unlock()
	list := w.m.links(&w.x.lv, from, level)
	n := listLen(list)
	if n == len(list) || contains(list, to) {
		return
	}
	if level == 0 {
		w.m.linkAdded(to)
	}
	atomic.StoreUint32(&list[n], to)
}

// swapLink replaces from's link to gone by one to to, or takes it away where that is
// NoRow or linked to already. It reports whether it added a link. The last link to gone
// stays.
func (w *walk) swapLink(from, gone, to uint32, level int) bool {
	lock := w.x.listLock(from)
	lock.Lock()
	defer lock.Unlock()
	s := w.s
	list := w.m.links(&w.x.lv, from, level)
	s.list = appendLinks(s.list[:0], list)
	at := slices.Index(s.list, gone)
	if at < 0 || level == 0 && !w.m.mayDrop(gone) {
		return false
	}
	add := to != NoRow && !slices.Contains(s.list, to)
	if add {
		s.list[at] = to
		if level == 0 {
			w.m.linkAdded(to)
		}
	} else {
		s.list = slices.Delete(s.list, at, at+1)
	}
	storeLinks(list, s.list)
	return add
}

// thin reduces s.list, the links of from, to at most limit by the heuristic. It
// keeps last links, and the row to when that is forced.
func (w *walk) thin(from, to uint32, limit, level int, force bool) {
	s := w.s
	w.nearestOf(from, s.list, len(s.list))
	w.choose(s.sorted, limit)
	s.list = append(s.list[:0], s.kept...)
	for _, c := range s.sorted {
		if !slices.Contains(s.kept, c.row) && !w.mayDrop(c.row, to, level, force) {
			s.list = append(s.list, c.row)
		}
	}
	for i := len(s.list) - 1; len(s.list) > limit && i >= 0; i-- {
		if r := s.list[i]; r != to && w.mayDrop(r, to, level, force) {
			s.list = slices.Delete(s.list, i, i+1)
		}
	}
	for len(s.list) > limit { // every link is a last one
		last := len(s.list) - 1
		if s.list[last] == to {
			last--
		}
		if level == 0 {
			w.m.linkGone(s.list[last])
		}
		s.list = slices.Delete(s.list, last, last+1)
	}
}

// mayDrop counts one link to r less and returns true, unless r must stay: as the
// row to that is forced, or because the link is the last one to a live row.
func (w *walk) mayDrop(r, to uint32, level int, force bool) bool {
	switch {
	case r == to && force:
		return false
	case level > 0:
		return true
	case r == to || !w.m.isAlive(r):
		w.m.linkGone(r)
		return true
	}
	return w.m.mayDrop(r)
}

// refill adds at most limit rows of s.ids to s.list, the links of from: first the
// nearest ones to which no link of the list leads nearer, then, because a list
// that is mended often would shrink to its bones, the nearest of the others.
func (w *walk) refill(from uint32, level, limit int) {
	s := w.s
	if len(s.ids) == 0 || limit <= 0 {
		return
	}
	w.nearestOf(from, s.ids, 2*limit+6)
	had := len(s.list)
	s.kept = append(s.kept[:0], s.list...)
	for _, c := range s.sorted {
		if len(s.kept)-had == limit {
			break
		}
		if w.spans(c) {
			s.kept = append(s.kept, c.row)
		}
	}
	for _, c := range s.sorted {
		if len(s.kept)-had == limit {
			break
		}
		if !slices.Contains(s.kept[had:], c.row) {
			s.kept = append(s.kept, c.row)
		}
	}
	if level == 0 {
		for _, r := range s.kept[had:] {
			w.m.linkAdded(r)
		}
	}
	s.list = append(s.list[:0], s.kept...)
}

// nearestOf fills s.sorted with the nearest rows and their distances from a row,
// ascending, at most limit.
func (w *walk) nearestOf(from uint32, rows []uint32, limit int) {
	s := w.s
	d := s.roomDist(len(rows))
	if fetch, stride, lines := w.src.fetch(); len(rows) > keepStep {
		simd.FetchRows(rows, fetch, stride, lines)
	}
	w.src.takeRow(&s.from, from)
	w.src.gather(&s.from, rows, d)
	s.sorted = s.sorted[:0]
	for i, r := range rows {
		n := len(s.sorted)
		switch {
		case n < limit:
			s.sorted = append(s.sorted, cand{})
		case d[i] < s.sorted[n-1].dist:
			n--
		default:
			continue
		}
		for ; n > 0 && d[i] < s.sorted[n-1].dist; n-- {
			s.sorted[n] = s.sorted[n-1]
		}
		s.sorted[n] = cand{d[i], r}
	}
}

// adoptLeaving finds another link to each row that only row links to and that is
// not in s.mine, row's next list: a search meanwhile would not find it.
func (w *walk) adoptLeaving(row uint32) {
	list := w.m.links0(row)
	for i := range list {
		r := atomic.LoadUint32(&list[i])
		if r == NoRow {
			return
		}
		if w.m.linksTo(r) < 2 && w.m.isAlive(r) && !slices.Contains(w.s.mine, r) {
			w.adopt(r)
		}
	}
}

// adopt gives a row that nobody links to a link from one of its own neighbours,
// the nearest with room if it is among the first few. It reports whether there
// was a neighbour that lives.
func (w *walk) adopt(row uint32) bool {
	s := w.s
	s.links = appendLinks(s.links[:0], w.m.links0(row))
	s.links = slices.DeleteFunc(s.links, func(r uint32) bool { return !w.m.isAlive(r) })
	if len(s.links) == 0 {
		return false
	}
	w.nearestOf(row, s.links, len(s.links))
	for i, c := range s.sorted {
		s.links[i] = c.row
	}
	for _, p := range s.links[:min(3, len(s.links))] {
		if listLen(w.m.links0(p)) < w.m.m0 {
			return w.linkBack(p, row, 0, false)
		}
	}
	return w.linkBack(s.links[0], row, 0, true)
}
