package rowio

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/vectorizer-go/vectorizer/bench/hdf5"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Format names a file format.
type Format string

// The formats.
const (
	FVecs   Format = "fvecs" // TEXMEX: int32 dimension, then float32 components
	BVecs   Format = "bvecs" // TEXMEX: int32 dimension, then byte components
	IVecs   Format = "ivecs" // TEXMEX: int32 dimension, then int32 components
	FBin    Format = "fbin"  // big-ann: uint32 rows and components, then float32
	U8Bin   Format = "u8bin" // the same with bytes
	I8Bin   Format = "i8bin" // the same with signed bytes
	IBin    Format = "ibin"  // the same with int32; distances may follow
	HDF5    Format = "hdf5"  // ann-benchmarks: a table of an HDF5 file
	NPY     Format = "npy"   // NumPy array file, two dimensions
	JSONL   Format = "jsonl" // one JSON object per line
	CSV     Format = "csv"   // comma separated with a header line
	Parquet Format = "parquet"
)

// formats lists what Open reads, for messages.
var formats = []Format{FVecs, BVecs, IVecs, FBin, U8Bin, I8Bin, IBin, HDF5, NPY, JSONL, CSV, Parquet}

// Options say how to read a file. The zero value means: by the file's name and
// content.
type Options struct {
	Format Format // "" = by name and content
	// IDColumn is the column or key that holds the id; "" = "id" where present.
	IDColumn string
	// VectorColumn is the column that holds the vector (csv: a JSON array;
	// parquet: a list), or the table of an hdf5 file. "" = "vector", "embedding" or
	// "data" where present, "train" first in an hdf5 file; a csv without one uses
	// the columns named VectorPrefix followed by a number.
	VectorColumn string
	// Ignore lists columns and keys to leave out of the payload.
	Ignore []string
	// VectorPrefix is the prefix of the numbered columns of a csv; "" tries
	// "v", "dim_", "d", "x" and "f" in that order.
	VectorPrefix string
}

// Open opens a file for reading. Compression is recognised by content.
// Errors: *errs.Error for anything wrong with the file; *fs.PathError.
func Open(path string, o Options) (Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	if st.IsDir() {
		_ = f.Close()
		return nil, errs.New(errs.Validation, "%s: expected a file, got a directory", path)
	}
	r, err := open(path, f, st.Size(), o)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

// NewReader reads from memory or a stream what Open reads from a file. Parquet and
// hdf5 need random access and are refused. name stands in messages.
func NewReader(name string, r io.Reader, o Options) (Reader, error) {
	return openStream(name, &input{raw: r}, o)
}

func open(path string, f *os.File, size int64, o Options) (Reader, error) {
	format, err := formatOf(path, o.Format)
	if err != nil {
		return nil, err
	}
	var magic [8]byte
	n, _ := f.ReadAt(magic[:], 0)
	if format == "" {
		format = randomAccess(magic[:n])
	}
	if format == Parquet || format == HDF5 {
		if kind := compressionOf(magic[:n]); kind != "" {
			return nil, place{path, -1}.bad("compression", "the "+string(format)+
				" file as it is (it compresses inside)", kind)
		}
		if format == HDF5 {
			return newHDF5(path, f, size, o)
		}
		return newParquet(path, f, size, o)
	}
	o.Format = format
	r, err := openStream(path, &input{raw: f, closer: f, size: size}, o)
	if err != nil {
		return nil, err
	}
	switch r.(type) {
	case *vecs, *npy, *bins:
		return openIDs(path, r)
	}
	return r, nil
}

// randomAccess recognises the formats that are not read from start to end.
func randomAccess(magic []byte) Format {
	switch {
	case bytes.HasPrefix(magic, []byte("PAR1")):
		return Parquet
	case string(magic) == hdf5.Signature:
		return HDF5
	}
	return ""
}

func openStream(name string, in *input, o Options) (Reader, error) {
	format, err := formatOf(name, o.Format)
	if err != nil {
		return nil, err
	}
	s := &source{place: place{name, -1}, in: in}
	if err := s.decompress(); err != nil {
		return nil, err
	}
	if format == "" {
		format = s.sniff()
	}
	var r Reader
	switch format {
	case FVecs, BVecs, IVecs:
		r, err = newVecs(s, format)
	case FBin, U8Bin, I8Bin, IBin:
		r, err = newBins(s, format)
	case NPY:
		r, err = newNPY(s)
	case JSONL:
		r, err = newJSONL(s, o)
	case CSV:
		r, err = newCSV(s, o)
	case Parquet, HDF5:
		err = s.bad("format", "a file on disk for "+string(format), "a stream")
	default:
		err = s.bad("format", formatList(), "a name and content that show none")
	}
	if err != nil {
		s.release()
		return nil, err
	}
	return r, nil
}

// formatOf checks a given format or takes it from the name; "" = unknown.
func formatOf(path string, given Format) (Format, error) {
	if given == "" {
		base := trimCompression(strings.ToLower(filepath.Base(path)))
		switch ext := strings.TrimPrefix(filepath.Ext(base), "."); ext {
		case "ndjson", "jsonlines", "json":
			return JSONL, nil
		case "pq":
			return Parquet, nil
		case "h5":
			return HDF5, nil
		default:
			given = Format(ext)
		}
		for _, f := range formats {
			if f == given {
				return f, nil
			}
		}
		return "", nil
	}
	for _, f := range formats {
		if strings.EqualFold(string(f), string(given)) {
			return f, nil
		}
	}
	return "", errs.Invalid("format", formatList(), given)
}

func formatList() string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return "one of " + strings.Join(names, ", ")
}

// input counts the bytes taken from the file.
type input struct {
	raw    io.Reader
	closer io.Closer
	size   int64
	read   atomic.Int64 // progress is read beside the reading goroutine
}

// Read reads from the file.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.raw.Read(p)
	in.read.Add(int64(n))
	return n, err
}

// source is the decompressed content of a file with a place for messages. The
// readers of the stream formats embed it.
type source struct {
	place
	in     *input
	buf    *bufio.Reader
	free   func() // releases the decompressor
	failed error  // sticky
}

const bufBytes = 256 << 10

func (s *source) decompress() error {
	raw := bufio.NewReaderSize(s.in, bufBytes)
	magic, err := raw.Peek(4)
	if err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	switch compressionOf(magic) {
	case "gzip":
		z, err := gzip.NewReader(raw)
		if err != nil {
			return s.broken(err)
		}
		s.buf = bufio.NewReaderSize(z, bufBytes)
	case "zstd":
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return s.broken(err)
		}
		s.buf, s.free = bufio.NewReaderSize(z, bufBytes), z.Close
	default:
		s.buf = raw
	}
	return nil
}

func compressionOf(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	}
	return ""
}

// sniff guesses the format of content whose name says nothing.
func (s *source) sniff() Format {
	head, _ := s.buf.Peek(8)
	switch {
	case bytes.HasPrefix(head, []byte(npyMagic)):
		return NPY
	case bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\ufeff"), []byte("{")):
		return JSONL
	}
	return ""
}

// fail makes err the answer of every later call.
func (s *source) fail(err error) error {
	s.failed = err
	return err
}

// Progress implements Reader by bytes of the file as it lies on disk.
func (s *source) Progress() (done, total int64) { return s.in.read.Load(), s.in.size }

// Close implements Reader.
func (s *source) Close() error {
	s.release()
	s.failed = os.ErrClosed
	if s.in.closer == nil {
		return nil
	}
	c := s.in.closer
	s.in.closer = nil
	return c.Close()
}

func (s *source) release() {
	if s.free != nil {
		s.free()
		s.free = nil
	}
}
