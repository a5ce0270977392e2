package gpu

import "github.com/vectorizer-go/vectorizer/engine/compute"

// Queries of one launch may leave different rows out: their bitmaps stand in a table on
// the device, and each query has the number of its own. Tables are bounded
// (Options.MaskBytes), so that queries over many rows are searched in several passes.

// common is the source of the bitmap that is the request's.
const common = -1

// uploadMasks uploads what the queries from first on leave out. It returns how many of
// them, up to n, found room; lane.names says which bitmap is whose.
func (t *task) uploadMasks(l *lane, first, n int) (at uint64, taken int, err error) {
	rows := (t.rows + 63) / 64
	err = t.j.borrow(func() {
		if !t.masked {
			l.sources = append(l.sources[:0], common)
			t.words = min(len(t.req.Skip), rows)
			return
		}
		t.words = rows // a bitmap of one query reaches over all rows
		n = l.nameMasks(t.req, first, n, max(1, l.o.MaskBytes/max(1, 8*rows)))
	})
	if err != nil || t.words == 0 {
		return 0, n, err
	}
	size := t.words * 8
	if at, err = l.buffer(bufSkip, uint64(len(l.sources)*size)); err != nil {
		return 0, n, err
	}
	return at, n, l.upload(at, len(l.sources)*size, func(dst []byte, from int) error {
		return t.j.borrow(func() {
			for len(dst) > 0 { // a piece may begin and end inside a bitmap
				source := l.sources[from/size]
				part := dst[:min(len(dst), size-from%size)]
				fillMask(part, t.req, source, from%size)
				dst, from = dst[len(part):], from+len(part)
			}
		})
	})
}

// nameMasks lists the bitmaps of the queries from first on, no more than most, and names
// each query's. It returns for how many queries it did.
func (l *lane) nameMasks(req *compute.SearchRequest, first, n, most int) int {
	l.sources, l.names = l.sources[:0], l.names[:0]
	var last []uint64
	for q := first; q < first+n; q++ {
		mask := req.Skips[q]
		if q == first || !compute.SameBitmap(mask, last) {
			if len(l.sources) == most {
				return q - first
			}
			source := q
			if mask == nil {
				source = common
			}
			l.sources = append(l.sources, source)
		}
		last = mask
		l.names = append(l.names, uint32(len(l.sources)-1))
	}
	return n
}

// fillMask writes a bitmap from byte from on: the request's lets the rows beyond it
// through, a query's leaves them out.
func fillMask(dst []byte, req *compute.SearchRequest, source, from int) {
	words, rest := req.Skip, byte(0)
	if source != common {
		words, rest = req.Skips[source], 0xff
	}
	n := 0
	if raw := bytesOf(words); from < len(raw) {
		n = copy(dst, raw[from:])
	}
	for i := range dst[n:] {
		dst[n+i] = rest
	}
}

// uploadNames uploads the numbers of the queries' bitmaps.
func (p *pass) uploadNames() error {
	if !p.masked {
		return nil
	}
	l, first := p.l, p.l.first
	return l.upload(p.masks(), len(p.which)*4, func(dst []byte, from int) error {
		for ; len(dst) > 0; dst, from = dst[4:], from+4 {
			q := p.which[from/4]
			*(*[4]byte)(dst) = [4]byte(bytesOf(l.names[q-first : q-first+1]))
		}
		return nil
	})
}
