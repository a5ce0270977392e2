package rowio

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Writer writes rows to a file. The file appears under its name when Commit
// returned; before that it carries the suffix ".part".
type Writer interface {
	// Write appends row. The Writer keeps nothing of it.
	Write(row *Row) error
	// Commit finishes the file, syncs it and gives it its name.
	Commit() error
	// Close releases everything; without Commit the part file is removed.
	Close() error
}

// IDsSuffix is appended to the name of an npy or fvecs file for the file that
// holds its ids and payloads, which those formats have no room for. Open reads
// it back when it lies beside.
const IDsSuffix = ".ids.jsonl"

// encoder is the part of a Writer that knows a format.
type encoder interface {
	write(row *Row) error
	// finish writes what comes last. f is the file, for headers that are
	// known only at the end.
	finish(f *os.File) error
}

// Create starts a file. format "" means by the name. Compression is by the
// suffix .gz or .zst; npy and parquet have none.
func Create(path string, format Format) (Writer, error) {
	format, err := formatOf(path, format)
	if err != nil {
		return nil, err
	}
	switch format {
	case JSONL, Parquet:
		return newFileWriter(path, format)
	case NPY, FVecs:
		main, err := newFileWriter(path, format)
		if err != nil {
			return nil, err
		}
		ids, err := newFileWriter(path+IDsSuffix, "ids")
		if err != nil {
			return nil, errors.Join(err, main.Close())
		}
		return &pairWriter{main: main, ids: ids}, nil
	}
	return nil, errs.Invalid("format", "jsonl, parquet, npy or fvecs", fmt.Sprintf("%q", format))
}

// fileWriter is one file with its compression.
type fileWriter struct {
	path  string
	file  *os.File
	buf   *bufio.Writer
	press io.WriteCloser // nil without compression
	enc   encoder
}

func newFileWriter(path string, format Format) (*fileWriter, error) {
	suffix := filepath.Ext(path)
	compressed := suffix == ".gz" || suffix == ".zst"
	if compressed && (format == NPY || format == Parquet) {
		return nil, errs.Invalid("file", string(format)+" without "+suffix, path)
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return nil, err
	}
	w := &fileWriter{path: path, file: f, buf: bufio.NewWriterSize(f, bufBytes)}
	var out io.Writer = w.buf
	switch suffix {
	case ".gz":
		w.press = gzip.NewWriter(w.buf)
	case ".zst":
		if w.press, err = zstd.NewWriter(w.buf, zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	if w.press != nil {
		out = w.press
	}
	switch format {
	case JSONL:
		w.enc = &jsonlEncoder{out: out}
	case "ids":
		w.enc = &jsonlEncoder{out: out, noVector: true}
	case FVecs:
		w.enc = &fvecsEncoder{out: out}
	case NPY:
		w.enc, err = newNPYEncoder(out)
	default:
		w.enc = newParquetEncoder(out)
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Write implements Writer.
func (w *fileWriter) Write(row *Row) error {
	if err := w.enc.write(row); err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	return nil
}

// Commit implements Writer.
func (w *fileWriter) Commit() error {
	if err := w.flush(); err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	w.file = nil
	return os.Rename(w.path+".part", w.path)
}

func (w *fileWriter) flush() error {
	if _, late := w.enc.(*npyEncoder); !late {
		if err := w.enc.finish(w.file); err != nil {
			return err
		}
	}
	if w.press != nil {
		if err := w.press.Close(); err != nil {
			return err
		}
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	if npy, late := w.enc.(*npyEncoder); late {
		if err := npy.finish(w.file); err != nil {
			return err
		}
	}
	return w.file.Sync()
}

// Close implements Writer.
func (w *fileWriter) Close() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return errors.Join(err, os.Remove(w.path+".part"))
}

// pairWriter writes vectors to one file and the rest to another.
type pairWriter struct{ main, ids *fileWriter }

// Write implements Writer.
func (w *pairWriter) Write(row *Row) error {
	if err := w.main.Write(row); err != nil {
		return err
	}
	return w.ids.Write(row)
}

// Commit implements Writer. The ids come first, so that a file of vectors never
// stands without them.
func (w *pairWriter) Commit() error {
	if err := w.ids.Commit(); err != nil {
		return err
	}
	return w.main.Commit()
}

// Close implements Writer.
func (w *pairWriter) Close() error { return errors.Join(w.main.Close(), w.ids.Close()) }

// checkPayload refuses what could not be read back.
func checkPayload(raw json.RawMessage) error {
	if raw != nil && !isObject(raw) {
		return errs.Invalid("payload", "a JSON object", clip(raw))
	}
	return nil
}

// trimCompression takes .gz and .zst off a name.
func trimCompression(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
}
