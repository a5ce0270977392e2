package hnsw

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

// Sections of an image.
const (
	sectionHead    = "hnsw.head"
	sectionState   = "hnsw.state"
	sectionVectors = "hnsw.vectors"
	sectionLinks   = "hnsw.links"
	sectionUpper   = "hnsw.upper"
	// With quantization: the model, versioned for itself, and the codes of all rows.
	// A program that does not know them trains anew.
	sectionModel = "hnsw.codes.model"
	sectionCodes = "hnsw.codes"
	// When walks end early, a float32, where that is known. A program that does not know
	// it learns it again.
	sectionEarly = "hnsw.early"
)

// head is the content of sectionHead, as it lies in memory: the byte order mark
// shows an image that was made on a machine of the other kind.
type head struct {
	ByteOrder      uint32
	Version        uint32
	Dim            uint32
	Metric         uint32
	M              uint32
	EfConstruction uint32
	Stride         uint32
	Rows           uint32
	Upper          uint32 // upper blocks
	Pending        uint32 // rows listed at the end of sectionState
	Seed           uint64
	Entry          uint64 // noEntry when it is not among Rows
}

const (
	headVersion = 1
	byteOrder   = 0x01020304
	headBytes   = int(unsafe.Sizeof(head{}))
)

// snapshot is what WriteImage notes before it copies: see WriteImage.
type snapshot struct {
	m       *memory
	rows    int
	upper   int
	entry   uint64
	pending []uint32
	codes   *codeRows
	state   []uint64 // alive and linked words of each group, alternating
}

// WriteImage adds the index to an image. Put and Delete may run beside it. All
// that returned before it began is in the image; of later changes parts may be,
// and repeating them, in order, completes them.
//
// It notes the rows, which of them live, are linked and wait, and copies vectors
// and links afterwards. Links to rows that came later are left out; a row that
// waited is linked again when the image is opened; a row whose links changed
// under the copy was put or deleted later, or is near one that was.
// Errors: those of w.
func (x *Index) WriteImage(w *image.Writer) error {
	s := x.snapshot()
	defer runtime.KeepAlive(s.m)
	if err := w.Section(sectionHead, s.writeHead(x)); err != nil {
		return err
	}
	if err := w.Section(sectionState, s.writeState); err != nil {
		return err
	}
	if err := w.Section(sectionVectors, s.writeVectors); err != nil {
		return err
	}
	err := w.Section(sectionLinks, func(w io.Writer) error {
		return s.writeLinks(w, s.m.link[:s.rows*s.m.m0], s.m.m0)
	})
	if err != nil {
		return err
	}
	err = w.Section(sectionUpper, func(w io.Writer) error {
		return s.writeLinks(w, s.m.upper[:s.upper*s.m.m], s.m.m)
	})
	if err != nil {
		return err
	}
	if share := x.early.Load(); share != 0 {
		err := w.Section(sectionEarly, func(w io.Writer) error {
			return binary.Write(w, binary.NativeEndian, share)
		})
		if err != nil {
			return err
		}
	}
	if s.codes == nil {
		return nil
	}
	return s.writeCodes(w)
}

// writeCodes adds the model and the codes.
func (s *snapshot) writeCodes(w *image.Writer) error {
	c := s.codes
	defer runtime.KeepAlive(c)
	err := w.Section(sectionModel, func(w io.Writer) error {
		_, err := w.Write(c.model.Append(nil))
		return err
	})
	if err != nil {
		return err
	}
	return w.Section(sectionCodes, func(w io.Writer) error {
		buf := make([]byte, copyBytes)
		for rest := c.bytes[:s.rows*c.stride]; len(rest) > 0; {
			n := min(len(rest), len(buf))
			copyBytesOf(buf[:n], rest)
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// copyBytesOf copies codes that may be changing: see C2.
//
//go:norace
func copyBytesOf(dst, src []byte) {
	for i := range dst {
		dst[i] = src[i]
	}
}

// snapshot notes the state. The pending rows come before the linked ones: a row
// that is in neither was not put yet.
func (x *Index) snapshot() *snapshot {
	m := x.mem.Load()
	rows := int(m.rows.Load())
	s := &snapshot{m: m, rows: rows, upper: m.upperUsed(&x.lv, rows), entry: x.entry.Load()}
	if uint32(s.entry) >= uint32(rows) {
		s.entry = noEntry
	}
	for i := range x.work.high.Load() {
		if r := atomic.LoadUint32(&x.work.slots[i]); r < uint32(rows) {
			s.pending = append(s.pending, r)
		}
	}
	for i := range groupsFor(rows) {
		g := &m.groups[i]
		valid := ^uint64(0)
		if rest := rows - i*64; rest < 64 {
			valid = 1<<rest - 1
		}
		linked := atomic.LoadUint64(&g.linked) & valid
		s.state = append(s.state, atomic.LoadUint64(&g.alive)&valid, linked)
	}
	// After the linked rows were noted: these codes have all of them.
	s.codes = m.codes.Load()
	return s
}

// upperUsed is the number of upper blocks of the first rows rows.
func (m *memory) upperUsed(lv *levels, rows int) int {
	if rows == 0 {
		return 0
	}
	last := uint32(rows-1) &^ 63
	n := int(atomic.LoadUint32(&m.groups[last>>6].base))
	for r := last; r < uint32(rows); r++ {
		n += lv.of(r)
	}
	return n
}

func (s *snapshot) writeHead(x *Index) func(io.Writer) error {
	h := head{
		ByteOrder: byteOrder, Version: headVersion,
		Dim: uint32(x.cfg.Dim), Metric: uint32(x.cfg.Metric), M: uint32(x.cfg.M),
		EfConstruction: uint32(x.cfg.EfConstruction), Stride: uint32(s.m.stride),
		Rows: uint32(s.rows), Upper: uint32(s.upper), Pending: uint32(len(s.pending)),
		Seed: x.cfg.Seed, Entry: s.entry,
	}
	return func(w io.Writer) error {
		b, err := binary.Append(nil, binary.NativeEndian, h)
		if err != nil {
			return fmt.Errorf("hnsw: %w", err)
		}
		_, err = w.Write(b)
		return err
	}
}

func (s *snapshot) writeState(w io.Writer) error {
	if _, err := w.Write(bytesOf(s.state)); err != nil {
		return err
	}
	_, err := w.Write(bytesOf(s.pending))
	return err
}

// copyBytes is how much is copied out of the living index at a time, so that a
// checksum sees the bytes that are written.
const copyBytes = 1 << 20

func (s *snapshot) writeVectors(w io.Writer) error {
	step := max(1, copyBytes/4/s.m.stride)
	buf := make([]float32, step*s.m.stride)
	for row := 0; row < s.rows; row += step {
		n := min(step, s.rows-row) * s.m.stride
		copyFloats(buf[:n], s.m.vec[row*s.m.stride:])
		if _, err := w.Write(bytesOf(buf[:n])); err != nil {
			return err
		}
	}
	return nil
}

// copyFloats copies vectors that may be changing; see storeVector.
//
//go:norace
func copyFloats(dst, src []float32) {
	for i := range dst {
		dst[i] = src[i]
	}
}

// writeLinks writes lists of per links each, without links to later rows.
func (s *snapshot) writeLinks(w io.Writer, lists []uint32, per int) error {
	step := max(1, copyBytes/4/per)
	buf := make([]uint32, step*per)
	for len(lists) > 0 {
		n := min(step*per, len(lists))
		for i := 0; i < n; i += per {
			s.copyList(buf[i:i+per], lists[i:i+per])
		}
		if _, err := w.Write(bytesOf(buf[:n])); err != nil {
			return err
		}
		lists = lists[n:]
	}
	return nil
}

// copyList copies the links to rows of the snapshot. A list that is replaced
// meanwhile can be read with the same link in two places: a search does not mind, but
// the counts of H7 would never be right again.
func (s *snapshot) copyList(dst, list []uint32) {
	n := 0
	for i := range list {
		r := atomic.LoadUint32(&list[i])
		if r == NoRow {
			break
		}
		if r < uint32(s.rows) && !slices.Contains(dst[:n], r) {
			dst[n] = r
			n++
		}
	}
	fill(dst[n:])
}

// bytesOf is the memory of s.
func bytesOf[T uint32 | uint64 | float32](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
