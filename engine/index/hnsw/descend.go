package hnsw

import "github.com/vectorizer-go/vectorizer/cpu/simd"

// How many rows a walk keeps on the upper levels. One, as in algorithm 5 of Malkov and
// Yashunin 2016, finds its way in a graph that grew: its first rows have long links. Where
// clusters are larger than efConstruction and rows were deleted and inserted again, a greedy
// walk ends in a wrong cluster now and then, probably because few links between clusters are left:
// a search misses all its neighbours, and an inserted row has all its links where nobody
// looks for it. On level 1, which has many rows of each cluster, searches go on
// greedily. cpu/NOTES.md has what each width costs and saves.
const (
	searchWidth, searchWide = 4, 2 // rows, and the lowest level
	linkWidth, linkWide     = 16, 1
)

// step is a row on the way down.
type step struct {
	row  uint32
	dist float32
	done bool // its links were looked at
}

// descend goes from row on level down to stop, exclusive, as a search does, and
// returns the row where it arrives and its distance.
func (w *walk) descend(row uint32, level, stop int) (uint32, float32) {
	return w.down(row, level, stop, searchWidth, searchWide)
}

// approach is descend for a row that is linked. It keeps no more rows than its list: with
// a list of one, the way that it took has to be that of a search.
func (w *walk) approach(row uint32, level, stop int) uint32 {
	row, _ = w.down(row, level, stop, min(linkWidth, w.x.cfg.EfConstruction), linkWide)
	return row
}

// down keeps the nearest width rows on the levels from wide up, and one below.
func (w *walk) down(row uint32, level, stop, width, wide int) (uint32, float32) {
	w.s.ids = append(w.s.ids[:0], row)
	dist := w.distances()[0]
	w.early.floor = earlyFloor * (dist + w.x.zero())
	way := append(w.s.way[:0], step{row: row, dist: dist})
	for ; level > stop; level-- {
		if level < wide {
			width = 1
		}
		way = way[:min(len(way), width)]
		for i := range way {
			way[i].done = false
		}
		for at := 0; at < len(way); {
			if way[at].done {
				at++
				continue
			}
			way[at].done = true
			way = w.onward(way, way[at].row, level, width)
			at = 0
		}
	}
	w.s.way = way
	return way[0].row, way[0].dist
}

// onward puts the links of row among the nearest width rows of way, which ascend.
func (w *walk) onward(way []step, row uint32, level, width int) []step {
	rows, stride, lines := w.src.fetch()
	w.s.ids = appendLinks(w.s.ids[:0], w.m.links(&w.x.lv, row, level))
	w.tr.Hops++
	simd.FetchRows(w.s.ids, rows, stride, lines)
	for i, d := range w.distances() {
		id := w.s.ids[i]
		if len(way) == width && !(d < way[width-1].dist) || id == w.skip || onWay(way, id) {
			continue
		}
		if len(way) < width {
			way = append(way, step{})
		}
		j := len(way) - 1
		for ; j > 0 && d < way[j-1].dist; j-- {
			way[j] = way[j-1]
		}
		way[j] = step{row: id, dist: d}
	}
	return way
}

func onWay(way []step, row uint32) bool {
	for i := range way {
		if way[i].row == row {
			return true
		}
	}
	return false
}
