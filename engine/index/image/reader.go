package image

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// Reader gives access to the sections of an image. It reads and checks the table
// only; the content of a section is checked by Load, ReadAll, Check or Verify.
// A Reader may be used from several goroutines.
type Reader struct {
	r        io.ReaderAt
	size     int64
	sections []Section
}

// NewReader opens an image of size bytes.
// Errors: index.ErrCorrupt, or an error of r.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	if size < PageBytes+4+trailerBytes {
		return nil, corrupt("%d bytes are too few for an image", size)
	}
	head := make([]byte, headBytes)
	tail := make([]byte, trailerBytes)
	if err := readFull(r, head, 0); err != nil {
		return nil, err
	}
	if err := checkHead(head); err != nil {
		return nil, err
	}
	if err := readFull(r, tail, size-trailerBytes); err != nil {
		return nil, err
	}
	t, err := decodeTrailer(tail, size)
	if err != nil {
		return nil, err
	}
	table := make([]byte, t.tableLen)
	if err := readFull(r, table, t.tableOff); err != nil {
		return nil, err
	}
	if Checksum(table) != t.tableCRC {
		return nil, corrupt("the table of sections fails its checksum")
	}
	sections, err := decodeTable(table, t.tableOff)
	if err != nil {
		return nil, err
	}
	return &Reader{r: r, size: size, sections: sections}, nil
}

// readFull reads len(b) bytes at off. A file that ends before is corrupt.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return corrupt("the file ends at %d, inside what should be there", off+int64(n))
	}
	return fmt.Errorf("image: reading %d bytes at %d: %w", len(b), off, err)
}

// Size is the length of the file in bytes.
func (r *Reader) Size() int64 { return r.size }

// Sections lists the sections in file order.
func (r *Reader) Sections() []Section { return r.sections }

// Section returns the section of that name.
func (r *Reader) Section(name string) (Section, bool) {
	for _, s := range r.sections {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

// File returns the file behind the image, if it is one of the operating
// system's: only then can sections be mapped.
func (r *Reader) File() (*os.File, bool) {
	f, ok := r.r.(*os.File)
	return f, ok
}

// Load reads section s into dst, which has its length, and checks it, several
// chunks at a time.
// Errors: index.ErrCorrupt, or an error of the file.
func (r *Reader) Load(s Section, dst []byte) error {
	if int64(len(dst)) != s.Len {
		panic(fmt.Sprintf("BUG: image: section %s of %d bytes into %d", s.Name, s.Len, len(dst)))
	}
	return s.eachChunk(func(i int) error {
		low, high := s.chunk(i)
		if err := readFull(r.r, dst[low:high], s.Off+low); err != nil {
			return err
		}
		return s.checkChunk(i, dst[low:high])
	})
}

// Check compares b, the bytes of section s, with its checksums.
// Errors: index.ErrCorrupt.
func (s Section) Check(b []byte) error {
	return s.eachChunk(func(i int) error {
		low, high := s.chunk(i)
		return s.checkChunk(i, b[low:high])
	})
}

// ReadAll returns the content of the section of that name, which must not be
// longer than limit bytes.
// Errors: index.ErrCorrupt also when there is none, or an error of the file.
func (r *Reader) ReadAll(name string, limit int64) ([]byte, error) {
	s, ok := r.Section(name)
	if !ok {
		return nil, corrupt("no section %s", name)
	}
	if s.Len > limit {
		return nil, corrupt("section %s of %d bytes, at most %d", name, s.Len, limit)
	}
	b := make([]byte, s.Len)
	return b, r.Load(s, b)
}

// Verify checks every section.
// Errors: index.ErrCorrupt, or an error of the file.
func (r *Reader) Verify() error {
	for _, s := range r.sections {
		if err := r.VerifySection(s); err != nil {
			return err
		}
	}
	return nil
}

// VerifySection checks section s by reading it piece by piece, so that its bytes
// do not become resident.
// Errors: index.ErrCorrupt, or an error of the file.
func (r *Reader) VerifySection(s Section) error {
	pool := sync.Pool{New: func() any { return new([ChunkBytes]byte) }}
	return s.eachChunk(func(i int) error {
		buf := pool.Get().(*[ChunkBytes]byte)
		defer pool.Put(buf)
		low, high := s.chunk(i)
		if err := readFull(r.r, buf[:high-low], s.Off+low); err != nil {
			return err
		}
		return s.checkChunk(i, buf[:high-low])
	})
}

// chunk is the range of chunk i inside the section.
func (s Section) chunk(i int) (low, high int64) {
	low = int64(i) * ChunkBytes
	return low, min(low+ChunkBytes, s.Len)
}

func (s Section) checkChunk(i int, b []byte) error {
	if Checksum(b) != s.sums[i] {
		return corrupt("section %s fails its checksum at byte %d", s.Name, int64(i)*ChunkBytes)
	}
	return nil
}

// eachChunk calls f for every chunk, on as many goroutines as pay, until one
// fails.
func (s Section) eachChunk(f func(i int) error) error {
	workers := min(runtime.GOMAXPROCS(0), len(s.sums)/4+1)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func() {
		for failed.Load() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(s.sums) {
				return
			}
			if err := f(i); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
