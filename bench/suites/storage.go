package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine"
)

// storageRows bounds the rows that are stored in each mode.
const storageRows = 20_000

// storagePayload is the payload of a row: 64 bytes or so, which differ.
func storagePayload(row int) json.RawMessage {
	return fmt.Appendf(nil, `{"title":"row number %08d","tag":"t%02d","price":%d.5}`, row, row%50, row%977)
}

// runStorage measures what rows take on the disk, how many bytes are written for
// them, and how fast they are stored, in every mode of fsync.
func runStorage(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	set := e.Set
	if set.Rows() > storageRows {
		set = dataset.Cut(set, storageRows, 1, 1)
	}
	r.Data = result.DataOf(set)
	r.Parameters["rows of a write"] = writeBatch
	given := 0
	for row := range set.Rows() {
		given += 4*set.Dim + len(storagePayload(row))
	}
	r.Add(result.Figure{Name: "vector and payload as given", Unit: "B/row",
		Value: float64(given) / float64(set.Rows())})
	modes := []engine.FsyncMode{engine.FsyncAlways, engine.FsyncInterval, engine.FsyncOff}
	rates := map[engine.FsyncMode][]float64{}
	last := map[engine.FsyncMode]stored{}
	for range e.Repeat {
		for _, mode := range modes {
			one, err := storeOnce(ctx, e, set, mode)
			if err != nil {
				return err
			}
			rates[mode], last[mode] = append(rates[mode], float64(set.Rows())/one.took.Seconds()), one
			e.say("  fsync %s: %.0f rows/s", mode, float64(set.Rows())/one.took.Seconds())
		}
	}
	for _, mode := range modes {
		r.Add(result.Figure{Name: "rows per second, linked: fsync " + string(mode), Unit: "rows/s",
			Better: result.Higher}, rates[mode]...)
		r.Add(result.Figure{Name: "fsyncs: fsync " + string(mode), Value: float64(last[mode].fsyncs)})
	}
	one, rows := last[engine.FsyncAlways], float64(set.Rows())
	r.Add(result.Figure{Name: "on the disk: records and log", Unit: "B/row", Better: result.Lower,
		Value: float64(one.records) / rows})
	r.Add(result.Figure{Name: "on the disk: index image", Unit: "B/row", Better: result.Lower,
		Value: float64(one.image) / rows})
	r.Add(result.Figure{Name: "disk against what was given", Better: result.Lower,
		Value: float64(one.records+one.image) / float64(given)})
	r.Add(result.Figure{Name: "write amplification: until every row is linked", Better: result.Lower,
		Value: float64(one.written) / float64(given)})
	r.Add(result.Figure{Name: "write amplification: with the index image", Better: result.Lower,
		Value: float64(one.flushed) / float64(given)})
	r.Notes = append(r.Notes, "Write amplification is the bytes that the engine hands to the file system, log, "+
		"tables, compactions and images, for a byte of vector and payload.")
	e.sayFigures(r)
	return nil
}

// stored is what storing a set once took.
type stored struct {
	took             time.Duration
	written, flushed int64 // bytes until all is linked, and with the image
	records, image   int64 // bytes on the disk
	fsyncs           uint64
}

// storeOnce stores a set in a new engine.
func storeOnce(ctx context.Context, e *Env, set *dataset.Set, mode engine.FsyncMode) (out stored, err error) {
	var written atomic.Int64
	begin := time.Now()
	x, stop, err := filledEngine(ctx, e, engine.Options{Fsync: mode, FS: countedFS{vfs.Default, &written}}, set,
		storagePayload)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	out.took, out.written = time.Since(begin), written.Load()
	out.fsyncs = x.Stats().Writes.Fsyncs
	if err := x.Flush(ctx); err != nil {
		return out, err
	}
	s := x.Stats().Storage
	out.flushed, out.records, out.image = written.Load(), int64(s.DiskBytes), s.ImageBytes
	return out, nil
}

// countedFS counts the bytes written through a file system.
type countedFS struct {
	vfs.FS
	written *atomic.Int64
}

// Create implements vfs.FS.
func (c countedFS) Create(name string, k vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, k)
	return countedFile{f, c.written}, err
}

// ReuseForWrite implements vfs.FS.
func (c countedFS) ReuseForWrite(from, to string, k vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.ReuseForWrite(from, to, k)
	return countedFile{f, c.written}, err
}

type countedFile struct {
	vfs.File
	written *atomic.Int64
}

// Write implements vfs.File.
func (f countedFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.written.Add(int64(n))
	return n, err
}

// WriteAt implements vfs.File.
func (f countedFile) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(b, at)
	f.written.Add(int64(n))
	return n, err
}
