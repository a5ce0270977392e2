package hnsw

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

// OpenImage makes an index from an image that WriteImage made, with all of it
// verified. Dim, Metric and M of cfg must be the image's; the seed comes from
// the image. Rows that waited when it was written are linked in the background.
// With cfg.MapVectors the vectors stay in the file.
// Errors: index.ErrCorrupt, errs.Validation, index.ErrFull, an error of the file.
func OpenImage(cfg Config, r *image.Reader) (*Index, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	if err := h.check(cfg); err != nil {
		return nil, err
	}
	cfg.Seed = h.Seed
	x := newIndex(cfg)
	l := &loader{x: x, r: r, h: h}
	if err := l.load(); err != nil {
		if l.m != nil {
			l.m.release()
		}
		return nil, err
	}
	x.mem.Store(l.m)
	if e := h.Entry; e != noEntry {
		x.entry.Store(entryOf(uint32(e), x.lv.of(uint32(e))))
	}
	x.start(l.pending)
	return x, nil
}

// readHead reads the head of an image.
func readHead(r *image.Reader) (head, error) {
	b, err := r.ReadAll(sectionHead, int64(headBytes))
	if err != nil {
		return head{}, err
	}
	var h head
	if len(b) != headBytes {
		return h, corrupt("head of %d bytes", len(b))
	}
	if err := binary.Read(bytes.NewReader(b), binary.NativeEndian, &h); err != nil {
		return h, corrupt("head: %v", err)
	}
	return h, nil
}

// check compares the head with what the caller wants and with the limits.
func (h *head) check(cfg Config) error {
	s := shapeOf(cfg)
	switch {
	case h.ByteOrder != byteOrder:
		return corrupt("made on a machine of the other byte order")
	case h.Version != headVersion:
		return corrupt("graph version %d, this program reads %d", h.Version, headVersion)
	case h.Dim != uint32(cfg.Dim), h.Metric != uint32(cfg.Metric), h.M != uint32(cfg.M),
		h.Stride != uint32(s.stride):
		return corrupt("an index of dimension %d, metric %d, m %d; want %d, %d, %d",
			h.Dim, h.Metric, h.M, cfg.Dim, cfg.Metric, cfg.M)
	case h.Rows > MaxRows || h.Pending > h.Rows:
		return corrupt("%d rows, %d of them pending", h.Rows, h.Pending)
	case h.Entry != noEntry && (uint32(h.Entry) >= h.Rows || h.Entry>>32 > maxLevel):
		return corrupt("entry %x among %d rows", h.Entry, h.Rows)
	}
	return nil
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", index.ErrCorrupt, fmt.Sprintf(format, args...))
}

// loader fills the memory of a new index.
type loader struct {
	x       *Index
	r       *image.Reader
	h       head
	m       *memory
	pending []uint32
}

// load reads everything. Nothing is allocated before the file has shown that it
// holds as much.
func (l *loader) load() error {
	rows := int(l.h.Rows)
	s := l.x.shape
	want := map[string]int64{
		sectionState:   int64(groupsFor(rows))*16 + int64(l.h.Pending)*4,
		sectionVectors: int64(rows) * int64(s.stride) * 4,
		sectionLinks:   int64(rows) * int64(s.m0) * 4,
		sectionUpper:   int64(l.h.Upper) * int64(s.m) * 4,
	}
	sections := make(map[string]image.Section, len(want))
	for name, n := range want {
		sec, ok := l.r.Section(name)
		if !ok || sec.Len != n {
			return corrupt("section %s is missing or not of %d bytes", name, n)
		}
		sections[name] = sec
	}
	m, err := newMemoryFor(s, rows, int(l.h.Upper))
	if err != nil {
		return full(err)
	}
	l.m = m
	if err := l.fill(sections); err != nil {
		return err
	}
	if err := l.state(sections[sectionState]); err != nil {
		return err
	}
	if err := l.codes(); err != nil {
		return err
	}
	if err := l.early(); err != nil {
		return err
	}
	m.rows.Store(l.h.Rows)
	l.x.upperBlocks = int(l.h.Upper)
	return l.count()
}

// fill reads or maps the large sections.
func (l *loader) fill(sections map[string]image.Section) error {
	m := l.m
	vectors := sections[sectionVectors]
	if f, ok := l.r.File(); ok && l.x.cfg.MapVectors && !m.blocks[0].OnHeap() {
		if err := m.blocks[0].MapFile(f, vectors.Off, int(vectors.Len)); err != nil {
			return fmt.Errorf("hnsw: mapping vectors: %w", err)
		}
	}
	if err := m.commit(int(l.h.Rows), int(l.h.Upper)); err != nil {
		return full(err)
	}
	for i, name := range []string{sectionVectors, sectionLinks, sectionUpper} {
		sec, b := sections[name], m.blocks[i]
		var err error
		switch {
		case b.Mapped() == 0:
			err = l.r.Load(sec, b.Bytes()[:sec.Len])
		case l.coded():
			// Searches touch few of the vectors: they stay out of the resident memory.
			err = l.r.VerifySection(sec)
		default:
			err = sec.Check(b.Bytes()[:sec.Len])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// coded reports whether the image has codes and the index wants some.
func (l *loader) coded() bool {
	_, ok := l.r.Section(sectionModel)
	return ok && l.x.cfg.Quantization != codes.None
}

// early reads when walks end early, where that is known.
func (l *loader) early() error {
	if _, ok := l.r.Section(sectionEarly); !ok {
		return nil
	}
	b, err := l.r.ReadAll(sectionEarly, 4)
	if err != nil {
		return err
	}
	if len(b) != 4 {
		return corrupt("section %s of %d bytes", sectionEarly, len(b))
	}
	bits := binary.NativeEndian.Uint32(b)
	if share := math.Float32frombits(bits); !(share > 0 && share <= 1) {
		return corrupt("walks end early by %g", share)
	}
	l.x.early.Store(bits)
	return nil
}

// codes reads the codes when there are some of the kind that is wanted; without,
// the index trains anew.
func (l *loader) codes() error {
	cfg := &l.x.cfg
	if !l.coded() {
		return nil
	}
	b, err := l.r.ReadAll(sectionModel, codes.MaxModelBytes)
	if err != nil {
		return err
	}
	model, err := codes.Parse(b)
	if err != nil {
		return corrupt("%v", err)
	}
	if model.Dim() != cfg.Dim || model.Metric() != cfg.Metric {
		return corrupt("codes of dimension %d, metric %d", model.Dim(), model.Metric())
	}
	if !cfg.Quantization.Takes(model) {
		return nil
	}
	sec, ok := l.r.Section(sectionCodes)
	if !ok || sec.Len != int64(l.h.Rows)*int64(model.Stride()) {
		return corrupt("section %s is missing or not of %d bytes a row", sectionCodes, model.Stride())
	}
	c, err := newCodeRows(model, l.m.capRows)
	if err != nil {
		return full(err)
	}
	c.trained = max(int(l.x.live.Load()), 1)
	l.m.codes.Store(c) // released with the memory from here on
	if err := c.commit(int(l.h.Rows)); err != nil {
		return full(err)
	}
	return l.r.Load(sec, c.bytes[:sec.Len])
}

// state sets up the groups of rows.
func (l *loader) state(sec image.Section) error {
	b := make([]byte, sec.Len)
	if err := l.r.Load(sec, b); err != nil {
		return err
	}
	upper := uint32(0)
	rows := l.h.Rows
	for row := range rows {
		g := &l.m.groups[row>>6]
		if row&63 == 0 {
			g.base = upper
		}
		if n := l.x.lv.of(row); n > 0 {
			g.upper |= 1 << (row & 63)
			upper += uint32(n)
		}
	}
	if upper != l.h.Upper {
		return corrupt("%d upper blocks, %d rows have %d", l.h.Upper, rows, upper)
	}
	for i := range groupsFor(int(rows)) {
		g := &l.m.groups[i]
		g.alive = binary.NativeEndian.Uint64(b[16*i:])
		g.linked = binary.NativeEndian.Uint64(b[16*i+8:])
		if rest := int(rows) - i*64; rest < 64 && (g.alive|g.linked)>>rest != 0 {
			return corrupt("rows beyond the last are alive")
		}
		l.x.live.Add(int64(bits.OnesCount64(g.alive)))
	}
	for b = b[16*groupsFor(int(rows)):]; len(b) > 0; b = b[4:] {
		row := binary.NativeEndian.Uint32(b)
		if row >= rows {
			return corrupt("pending row %d of %d", row, rows)
		}
		l.pending = append(l.pending, row)
	}
	return nil
}

// count checks that every link is a row, and on upper layers one that has a list
// there, that the padding of vectors is zero, and counts the links to each row.
func (l *loader) count() error {
	groups := groupsFor(int(l.h.Rows))
	workers := min(runtime.GOMAXPROCS(0), groups/64+1)
	var next atomic.Int64
	var bad atomic.Bool
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for !bad.Load() {
				i := int(next.Add(1)) - 1
				if i >= groups {
					return
				}
				if !l.countGroup(uint32(i) << 6) {
					bad.Store(true)
				}
			}
		})
	}
	wg.Wait()
	if bad.Load() {
		return corrupt("a link leads out of the graph, or a vector out of its dimension")
	}
	return nil
}

// countGroup does the rows of the group that starts at first.
func (l *loader) countGroup(first uint32) bool {
	m, lv := l.m, &l.x.lv
	for row := first; row < min(first+64, l.h.Rows); row++ {
		for _, v := range m.vector(row)[l.x.cfg.Dim:] {
			if v != 0 {
				return false
			}
		}
		if !l.checkList(m.links0(row), 0) {
			return false
		}
		for _, r := range m.links0(row) {
			if r == NoRow {
				break
			}
			m.linkAdded(r)
		}
		if !m.hasUpper(row) {
			continue
		}
		for level := lv.of(row); level > 0; level-- {
			if !l.checkList(m.links(lv, row, level), level) {
				return false
			}
		}
	}
	return true
}

// checkList checks a list and wipes what is behind its end: H1 relies on it.
func (l *loader) checkList(list []uint32, level int) bool {
	for i, r := range list {
		if r == NoRow {
			fill(list[i:])
			return true
		}
		if r >= l.h.Rows || level > 0 && l.x.lv.of(r) < level {
			return false
		}
	}
	return true
}

// start puts the rows of a loaded index where they belong.
func (x *Index) start(pending []uint32) {
	m := x.mem.Load()
	waits := make(map[uint32]bool, len(pending))
	for _, r := range pending {
		waits[r] = true
	}
	x.pickEntry(nil)
	for row := range m.rows.Load() {
		alive, linked := m.isAlive(row), m.isLinked(row)
		switch {
		case alive && (!linked || waits[row]):
			if x.work.add(row, x.linkers()) {
				x.wg.Go(x.linkRows)
			}
		case !alive:
			x.work.sortOut(x, row)
		}
	}
	x.maybeRepair()
	x.maybeTrain()
}
