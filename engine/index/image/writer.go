package image

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// Writer writes an image front to back. Use: Section for each part, then Finish.
// After an error it refuses everything.
type Writer struct {
	w        io.Writer
	at       int64
	sections []Section
	err      error
}

// NewWriter starts an image on w, which should be buffered or take large writes
// well: sections are passed on as they are written.
func NewWriter(w io.Writer) (*Writer, error) {
	iw := &Writer{w: w}
	iw.raw(encodeHead())
	return iw, iw.err
}

// raw writes b and keeps the first error.
func (w *Writer) raw(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	w.at += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	w.err = err
}

// Section adds a part that fill writes.
func (w *Writer) Section(name string, fill func(io.Writer) error) error {
	if w.err != nil {
		return w.err
	}
	if name == "" || len(name) > MaxNameBytes || len(w.sections) == MaxSections ||
		slices.ContainsFunc(w.sections, func(s Section) bool { return s.Name == name }) {
		panic(fmt.Sprintf("BUG: image: section %q cannot be added to %d others",
			name, len(w.sections)))
	}
	p := &part{w: w, s: Section{Name: name, Off: w.at}}
	if err := fill(p); err != nil && w.err == nil {
		w.err = err
	}
	p.end()
	w.sections = append(w.sections, p.s)
	w.raw(make([]byte, roundUp(w.at)-w.at))
	if w.err != nil {
		return fmt.Errorf("image section %s: %w", name, w.err)
	}
	return nil
}

// Finish writes the table and the end mark, and returns the length of the file.
// It does not close or sync what it writes to.
func (w *Writer) Finish() (int64, error) {
	table := encodeTable(w.sections)
	t := trailer{tableOff: w.at, tableLen: int64(len(table)), tableCRC: Checksum(table),
		total: w.at + int64(len(table)) + trailerBytes}
	w.raw(table)
	w.raw(t.encode())
	if w.err != nil {
		return 0, fmt.Errorf("image: %w", w.err)
	}
	w.err = errors.New("image: finished")
	return w.at, nil
}

// part is a section being written.
type part struct {
	w    *Writer
	s    Section
	sum  uint32 // of the chunk under way
	fill int    // bytes of it
}

// Write implements io.Writer.
func (p *part) Write(b []byte) (int, error) {
	p.w.raw(b)
	if p.w.err != nil {
		return 0, p.w.err
	}
	p.s.Len += int64(len(b))
	for rest := b; len(rest) > 0; {
		n := min(len(rest), ChunkBytes-p.fill)
		p.sum = crc32.Update(p.sum, castagnoli, rest[:n])
		rest = rest[n:]
		if p.fill += n; p.fill == ChunkBytes {
			p.end()
		}
	}
	return len(b), nil
}

// end closes the chunk under way.
func (p *part) end() {
	if p.fill > 0 {
		p.s.sums = append(p.s.sums, p.sum)
		p.sum, p.fill = 0, 0
	}
}
