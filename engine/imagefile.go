package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
	"github.com/vectorizer-go/vectorizer/engine/payload"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// The engine's sections of an image file, beside those of the graph.
const (
	sectionMeta    = "meta"
	sectionIDs     = "ids"
	sectionPayload = "payload"
)

// Limits of sections that are read into memory.
const (
	maxMetaBytes = 1 << 20
	maxIDsBytes  = 1 << 40
)

// imageMeta says what an image was made of. An image of other parameters is not
// used.
type imageMeta struct {
	Collection     uint32   `json:"collection"`
	Offset         uint64   `json:"offset"`
	Rows           int      `json:"rows"`
	Dimension      int      `json:"dimension"`
	Metric         int      `json:"metric"`
	M              int      `json:"m"`
	EfConstruction int      `json:"ef_construction"`
	PayloadIndex   []string `json:"payload_index"`
}

// imageMetaOf describes an image of c's view at m.
func imageMetaOf(c *collection, g graph, m *imageManifest) imageMeta {
	cfg, built := c.config(), g.Config()
	return imageMeta{
		Collection: c.id, Offset: m.Offset, Rows: m.Rows, Dimension: built.Dim,
		Metric: int(built.Metric), M: built.M, EfConstruction: built.EfConstruction,
		PayloadIndex: cfg.PayloadIndex,
	}
}

// check compares the image with what c is now.
func (i *imageMeta) check(c *collection, m *imageManifest) error {
	cfg := c.config()
	switch {
	case i.Collection != c.id || i.Offset != m.Offset:
		return damaged("image is of collection %d at %d", i.Collection, i.Offset)
	case i.Dimension != cfg.Dimension || i.Metric != int(cfg.Metric):
		return damaged("image has dimension %d and metric %d", i.Dimension, i.Metric)
	case i.M != cfg.HNSW.M || i.EfConstruction != cfg.HNSW.EfConstruction:
		return fmt.Errorf("image was built with m %d and ef_construction %d",
			i.M, i.EfConstruction)
	}
	return nil
}

// ctxWriter fails when its context ends, so that a long image can be given up.
type ctxWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w ctxWriter) Write(b []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, errContext(w.ctx)
	}
	return w.w.Write(b)
}

// imageSyncBytes is how much of an image is handed to the disk at a time: one
// large sync at the end would hold up the log's.
const imageSyncBytes = 4 << 20

// writeImageFile writes v to name, synced, and returns the size.
func (e *Engine) writeImageFile(
	ctx context.Context, c *collection, v *view, m *imageManifest, name string,
) (size int64, err error) {
	mem := v.graph.Memory()
	if err := e.space.check(int(mem.Vectors+mem.Links+v.ids.Bytes()) / spaceAmplification); err != nil {
		return 0, err
	}
	raw, err := e.opts.FS.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, fmt.Errorf("create image: %w", err)
	}
	f := vfs.NewSyncingFile(raw, vfs.SyncingFileOptions{BytesPerSync: imageSyncBytes})
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := bufio.NewWriterSize(ctxWriter{ctx, f}, 1<<20)
	w, err := image.NewWriter(buf)
	if err != nil {
		return 0, fmt.Errorf("write image: %w", err)
	}
	if err := writeSections(w, c, v, m); err != nil {
		return 0, fmt.Errorf("write image: %w", err)
	}
	if size, err = w.Finish(); err != nil {
		return 0, fmt.Errorf("write image: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return 0, fmt.Errorf("write image: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("sync image: %w", err)
	}
	return size, nil
}

// writeSections writes the graph and what the engine keeps beside it.
func writeSections(w *image.Writer, c *collection, v *view, m *imageManifest) error {
	if err := v.graph.WriteImage(w); err != nil {
		return err
	}
	err := w.Section(sectionIDs, func(w io.Writer) error {
		_, err := w.Write(v.ids.AppendImage(nil))
		return err
	})
	if err != nil {
		return err
	}
	err = w.Section(sectionPayload, func(w io.Writer) error {
		_, err := v.index.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	meta, err := json.Marshal(imageMetaOf(c, v.graph, m))
	if err != nil {
		return err
	}
	return w.Section(sectionMeta, func(w io.Writer) error {
		_, err := w.Write(meta)
		return err
	})
}

// imageSource opens an image file: a real file on the operating system's file
// system, so that it can be mapped, and whatever the file system gives otherwise.
func imageSource(fs vfs.FS, name string) (r io.ReaderAt, size int64, c io.Closer, err error) {
	if fs == vfs.Default {
		f, err := os.Open(name)
		if err != nil {
			return nil, 0, nil, err
		}
		st, err := f.Stat()
		if err != nil {
			return nil, 0, nil, errors.Join(err, f.Close())
		}
		return f, st.Size(), f, nil
	}
	f, err := fs.Open(name)
	if err != nil {
		return nil, 0, nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, nil, errors.Join(err, f.Close())
	}
	return f, st.Size(), f, nil
}

// openImage makes a view from c's image. The error says why it cannot be used.
func (e *Engine) openImage(c *collection, m *imageManifest) (v *view, err error) {
	src, size, closer, err := imageSource(e.opts.FS, e.opts.FS.PathJoin(e.dir.imagesDir(), m.File))
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	r, err := image.NewReader(src, size)
	if err != nil {
		return nil, err
	}
	meta, err := readMeta(r)
	if err != nil {
		return nil, err
	}
	if err := meta.check(c, m); err != nil {
		return nil, err
	}
	return e.openParts(c, r)
}

// openParts reads the parts of an image side by side: the graph is mostly waiting
// for the disk and checksums, the payload index is arithmetic.
func (e *Engine) openParts(c *collection, r *image.Reader) (*view, error) {
	var g graph
	var ids *idTable
	var ix *payload.Index
	var gerr, ierr, perr error
	var wg sync.WaitGroup
	wg.Go(func() {
		cfg := graphConfig(&e.opts, c.config())
		cfg.MapVectors = c.config().Storage != StorageRAM
		g, gerr = openGraph(cfg, r)
	})
	wg.Go(func() {
		if ids, ierr = readIDs(r); ierr == nil {
			ix, perr = readPayloads(r, c.config().PayloadIndex)
		}
	})
	wg.Wait()
	if err := errors.Join(gerr, ierr, perr); err != nil {
		if g != nil {
			err = errors.Join(err, g.Close())
		}
		return nil, err
	}
	return c.newView(g, ids, ix), nil
}

func readMeta(r *image.Reader) (imageMeta, error) {
	var meta imageMeta
	b, err := r.ReadAll(sectionMeta, maxMetaBytes)
	if err != nil {
		return meta, err
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return meta, damaged("image meta: %v", err)
	}
	return meta, nil
}

func readIDs(r *image.Reader) (*idTable, error) {
	b, err := r.ReadAll(sectionIDs, maxIDsBytes)
	if err != nil {
		return nil, err
	}
	// A row that came while the image was written may have an id and no vector
	// yet: the log after the image settles it.
	return loadIDTable(b, maxRows)
}

// readPayloads reads the payload index.
func readPayloads(r *image.Reader, paths []string) (*payload.Index, error) {
	sec, ok := r.Section(sectionPayload)
	if !ok {
		return nil, damaged("image without payload index")
	}
	b, err := r.ReadAll(sectionPayload, sec.Len)
	if err != nil {
		return nil, err
	}
	return payload.ReadFrom(bytes.NewReader(b), paths, maxRows-1)
}

// openGraph opens a graph image.
func openGraph(cfg hnsw.Config, r *image.Reader) (g graph, err error) {
	x, err := hnsw.OpenImage(cfg, r)
	if err != nil {
		return nil, err
	}
	return x, nil
}

// images checks every image that the store names.
func (v *verifier) images() {
	err := v.store.Images(func(id uint32, key, val []byte) error {
		c := v.colls[id]
		if c == nil {
			return nil // of a dropped collection: the next start forgets it
		}
		m := &imageManifest{}
		if err := store.DecodeJSON(key, val, m); err != nil {
			v.problem("image", c.out.Name, err)
			return nil
		}
		c.out.ImageRows, c.out.ImageOffset = m.Rows, m.Offset
		if err := v.image(m); err != nil {
			v.problem("image", c.out.Name, err)
		}
		return nil
	})
	if err != nil {
		v.problem("store", "image manifests", err)
	}
}

// image reads all of one image file.
func (v *verifier) image(m *imageManifest) (err error) {
	fs := v.o.FS
	src, size, closer, err := imageSource(fs, fs.PathJoin(v.dir.imagesDir(), m.File))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	r, err := image.NewReader(src, size)
	if err != nil {
		return err
	}
	if err := r.Verify(); err != nil {
		return err
	}
	if _, err := readMeta(r); err != nil {
		return err
	}
	if _, err := readIDs(r); err != nil {
		return err
	}
	if v.ctx.Err() != nil {
		return errContext(v.ctx)
	}
	return nil
}
