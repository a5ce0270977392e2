package wire

import (
	"fmt"

	"github.com/vectorizer-go/vectorizer/replication"
)

// CopyRequest asks for a full copy, or for the rest of one. It opens a connection
// of its own.
type CopyRequest struct {
	NodeID string
	CopyID string // of a copy that was begun; "" = a new one
	File   int    // where to go on
	Offset int64
}

// Manifest describes the copy that follows.
type Manifest struct {
	CopyID    string // "" in answer to a CopyID that is gone: begin anew
	HistoryID string
	Epoch     uint64
	Position  replication.Position
	Files     []File
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// File is one file of a copy.
type File struct {
	Name  string
	Bytes int64
}

// Chunk is a piece of a file. Data is valid until the next read.
type Chunk struct {
	File   int
	Offset int64
	Data   []byte
}

// CopyEnd ends a copy.
type CopyEnd struct {
	Files int
	Bytes int64
	Sums  [][]byte // SHA-256 of every file
}

// WriteCopyRequest sends m.
func (w *Writer) WriteCopyRequest(m *CopyRequest) error {
	return w.frame(kindCopyRequest, func(buf []byte) []byte {
		b := body(buf)
		b.text(m.NodeID)
		b.text(m.CopyID)
		b.u32(uint32(m.File))
		b.u64(uint64(m.Offset))
		return b
	})
}

// WriteManifest sends m.
func (w *Writer) WriteManifest(m *Manifest) error {
	return w.frame(kindManifest, func(buf []byte) []byte {
		b := body(buf)
		b.text(m.CopyID)
		b.text(m.HistoryID)
		b.u64(m.Epoch)
		b.position(m.Position)
		b.u32(uint32(len(m.Files)))
		for _, f := range m.Files {
			b.text(f.Name)
			b.u64(uint64(f.Bytes))
		}
		return b
	})
}

// WriteWait says that a manifest, or the next chunk, is still being made.
func (w *Writer) WriteWait() error {
	return w.frame(kindWait, func(b []byte) []byte { return b })
}

// ReadManifest reads a manifest; nil without an error means that the peer is alive
// and still makes it.
func (r *Reader) ReadManifest() (*Manifest, error) {
	kind, b, err := r.frame()
	if err != nil || kind == kindWait && len(b) == 0 {
		return nil, err
	}
	return decodeManifest(kind, b)
}

func decodeManifest(kind byte, b []byte) (*Manifest, error) {
	if kind != kindManifest {
		return nil, fmt.Errorf("%w: kind %d for a manifest", ErrBody, kind)
	}
	f := &fields{b: b}
	m := &Manifest{CopyID: f.text(), HistoryID: f.text(), Epoch: f.u64(), Position: f.position()}
	n := f.count(maxFiles, 10)
	m.Files = make([]File, 0, n)
	for range n {
		m.Files = append(m.Files, File{Name: f.text(), Bytes: int64(f.u64())})
	}
	return m, f.end()
}

// WriteChunk sends m.
func (w *Writer) WriteChunk(m *Chunk) error {
	return w.frame(kindChunk, func(buf []byte) []byte {
		b := body(buf)
		b.u32(uint32(m.File))
		b.u64(uint64(m.Offset))
		b.bytes(m.Data)
		return b
	})
}

// WriteCopyEnd sends m.
func (w *Writer) WriteCopyEnd(m *CopyEnd) error {
	return w.frame(kindCopyEnd, func(buf []byte) []byte {
		b := body(buf)
		b.u32(uint32(m.Files))
		b.u64(uint64(m.Bytes))
		b.u32(uint32(len(m.Sums)))
		for _, s := range m.Sums {
			b = append(b, s...)
		}
		return b
	})
}

// ReadCopy reads the next part of a copy: a chunk, or its end; neither, without an
// error, means that the peer is alive and still reads.
func (r *Reader) ReadCopy() (*Chunk, *CopyEnd, error) {
	kind, b, err := r.frame()
	if err != nil || kind == kindWait && len(b) == 0 {
		return nil, nil, err
	}
	return decodeCopy(kind, b)
}

func decodeCopy(kind byte, b []byte) (*Chunk, *CopyEnd, error) {
	f := &fields{b: b}
	switch kind {
	case kindChunk:
		c := &Chunk{File: int(f.u32()), Offset: int64(f.u64()), Data: f.bytes()}
		return c, nil, f.end()
	case kindCopyEnd:
		e := &CopyEnd{Files: int(f.u32()), Bytes: int64(f.u64())}
		for range f.count(maxFiles, 32) {
			e.Sums = append(e.Sums, append([]byte(nil), f.take(32)...))
		}
		return nil, e, f.end()
	}
	return nil, nil, fmt.Errorf("%w: kind %d in a copy", ErrBody, kind)
}

// First is the first frame on a connection: a message, or a request for a copy.
func (r *Reader) First() (replication.Message, *CopyRequest, error) {
	kind, b, err := r.frame()
	if err != nil {
		return nil, nil, err
	}
	return decodeFirst(kind, b)
}

func decodeFirst(kind byte, b []byte) (replication.Message, *CopyRequest, error) {
	if kind != kindCopyRequest {
		m, err := decode(kind, b)
		return m, nil, err
	}
	f := &fields{b: b}
	q := &CopyRequest{NodeID: f.text(), CopyID: f.text(), File: int(f.u32()), Offset: int64(f.u64())}
	return nil, q, f.end()
}
