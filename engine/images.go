package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// imageManifest names a collection's index image and what it holds. It is the
// value under store.ImageKey.
type imageManifest struct {
	File   string `json:"file"`   // inside the images directory
	Offset uint64 `json:"offset"` // every log entry up to it is in the image
	Rows   int    `json:"rows"`
	Bytes  int64  `json:"bytes"`
}

// The log may grow beyond the oldest image by logSlackEntries or logSlackBytes
// before images are written only to be able to trim it.
const (
	logSlackEntries = 1 << 20
	logSlackBytes   = 256 << 20
)

// The log is trimmed when that removes trimEntries or trimBytes: a range deletion
// costs every later read of the log a little.
const (
	trimEntries = 1024
	trimBytes   = 1 << 20
)

// imagePoll is how often the need for images is looked at.
const imagePoll = 500 * time.Millisecond

// loadManifests reads the manifests and removes files that none of them names:
// what a crash left behind.
func (e *Engine) loadManifests() error {
	var orphans [][]byte
	err := e.store.Images(func(id uint32, key, val []byte) error {
		c, ok := e.cat.byID.Load(id)
		if !ok {
			orphans = append(orphans, append([]byte(nil), key...))
			return nil
		}
		m := &imageManifest{}
		if err := store.DecodeJSON(key, val, m); err != nil {
			e.log.Warn().Err(err).Uint32("collection", id).Msg("image manifest is damaged")
			return nil
		}
		c.(*collection).image.Store(m)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read image manifests: %w", err)
	}
	return errors.Join(e.dropManifests(orphans), e.removeOrphans())
}

func (e *Engine) dropManifests(keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	b := e.store.NewBatch()
	defer b.Close()
	for _, key := range keys {
		if err := b.Delete(key, nil); err != nil {
			return err
		}
	}
	return e.store.Commit(b, true)
}

// removeOrphans removes files in the images directory that no manifest names,
// and unfinished snapshots.
func (e *Engine) removeOrphans() error {
	named := make(map[string]bool)
	for _, c := range e.cat.all() {
		if im := c.image.Load(); im != nil {
			named[im.File] = true
		}
	}
	fs, dir := e.opts.FS, e.dir.imagesDir()
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	for _, n := range names {
		if !named[n] {
			e.log.Info().Str("file", n).Msg("removing an image that belongs to nothing")
			if err := fs.RemoveAll(fs.PathJoin(dir, n)); err != nil {
				return fmt.Errorf("remove image %s: %w", n, err)
			}
		}
	}
	if e.dir.handedOver {
		return nil // another engine still uses the directory
	}
	return e.dir.removeTemporary()
}

// imageLoop writes images of the collections that have changed enough.
func (e *Engine) imageLoop() {
	t := time.NewTicker(imagePoll)
	defer t.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-t.C:
		}
		if e.opts.ImageMinRows < 0 || e.writable(0) != nil {
			continue
		}
		long := e.logIsLong()
		for _, c := range e.cat.all() {
			if e.ctx.Err() == nil && (e.wantsImage(c) || long && e.holdsLog(c)) {
				_ = e.imageNow(e.ctx, c) // logged, and tried again later
			}
		}
	}
}

// logIsLong reports whether the log is worth images only to trim it.
func (e *Engine) logIsLong() bool {
	first, last := e.logFirst.Load(), e.applied.Load()
	if last < first {
		return false
	}
	if last-first > logSlackEntries {
		return true
	}
	lo, hi := store.LogBounds(first, last+1)
	return e.store.DiskUsage(lo, hi) > logSlackBytes
}

// holdsLog reports whether c is why old log entries are kept: it changed since
// its image, and its image is in the older half of the log.
func (e *Engine) holdsLog(c *collection) bool {
	first, last := e.logFirst.Load(), e.applied.Load()
	return c.tailOps.Load() > 0 && c.imageOffset() < first+(last-first)/2 && e.mayImage(c)
}

// mayImage reports whether an image of c can be written now.
func (e *Engine) mayImage(c *collection) bool {
	return c.view.Load() != nil && time.Now().UnixNano() >= c.imageRetry.Load()
}

// wantsImage reports whether c has changed enough since its image.
func (e *Engine) wantsImage(c *collection) bool {
	ops := c.tailOps.Load()
	if ops == 0 || !e.mayImage(c) {
		return false
	}
	v, err := c.acquire()
	if err != nil {
		return false
	}
	rows := v.graph.Live()
	v.release()
	return ops > max(int64(e.opts.ImageMinRows), int64(e.opts.ImageFraction*float64(rows)))
}

// imageOffset is the end of what c's image holds.
func (c *collection) imageOffset() uint64 {
	if im := c.image.Load(); im != nil {
		return im.Offset
	}
	return 0
}

// imageNow writes c's image and tells the observer.
func (e *Engine) imageNow(ctx context.Context, c *collection) error {
	start := time.Now()
	m, err := e.writeImage(ctx, c)
	ev := ImageEvent{Collection: c.name(), Took: time.Since(start), Err: err}
	if m != nil {
		ev.Rows, ev.Bytes = m.Rows, m.Bytes
	}
	if err != nil {
		// Not at every poll: the disk may be full for a while.
		c.imageRetry.Store(time.Now().Add(20 * imagePoll).UnixNano())
		e.log.Warn().Err(err).Str("collection", c.name()).Msg("writing an index image failed")
	} else {
		e.stats.images.Add(1)
	}
	e.observe().Image(ev)
	return err
}

// writeImage writes a new image beside the service, makes it c's, and removes
// the old one. It is a fuzzy checkpoint: what commits do meanwhile may be in it
// or not, and comes again from the log after its offset.
func (e *Engine) writeImage(ctx context.Context, c *collection) (*imageManifest, error) {
	c.imaging.Lock()
	defer c.imaging.Unlock()
	v, err := c.acquire()
	if err != nil {
		return nil, err
	}
	defer v.release()
	ops := c.tailOps.Load()
	m := &imageManifest{Offset: c.appliedOffset(), Rows: v.graph.Rows()}
	m.File = fmt.Sprintf("%08x-%016x.img", c.id, m.Offset)
	if n := c.swaps.Load(); n > 0 {
		// On a replica a graph is exchanged without a log entry.
		m.File = fmt.Sprintf("%08x-%016x-%d.img", c.id, m.Offset, n)
	}
	fs, dir := e.opts.FS, e.dir.imagesDir()
	if im := c.image.Load(); im != nil && im.File == m.File {
		return im, nil // nothing was committed since
	}
	tmp := fs.PathJoin(dir, m.File+tmpSuffix)
	if m.Bytes, err = e.writeImageFile(ctx, c, v, m, tmp); err != nil {
		return nil, errors.Join(err, removeFile(fs, tmp))
	}
	if err := publish(fs, dir, tmp, m.File); err != nil {
		return nil, errors.Join(err, removeFile(fs, tmp))
	}
	if err := e.adoptImage(ctx, c, v, m, ops); err != nil {
		// Its outcome may be unknown: the next start removes the file if no
		// manifest names it.
		return nil, err
	}
	return m, nil
}

// removeFile removes name; that it is not there is no error.
func removeFile(fs vfs.FS, name string) error {
	if err := fs.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// errImageStale says that the collection changed too much to adopt an image.
var errImageStale = errs.New(errs.IndexError, "Collection was dropped or reindexed meanwhile")

// adoptImage records m in the store and lets go of the old file.
func (e *Engine) adoptImage(
	ctx context.Context, c *collection, v *view, m *imageManifest, ops int64,
) error {
	return e.submitAlways(ctx, funcCommand(func(tx *txn) error {
		if c.dropped || c.view.Load() != v {
			return errImageStale
		}
		if err := store.PutJSON(tx.batch, store.ImageKey(c.id), m); err != nil {
			return errStorage(err)
		}
		tx.after(func() {
			old := c.image.Swap(m)
			c.tailOps.Add(-ops)
			if old != nil {
				e.removeImage(old)
			}
		})
		e.trimLog(tx, c, m)
		return nil
	}))
}

// removeImage removes an image file in the background, when no snapshot needs it.
func (e *Engine) removeImage(m *imageManifest) {
	e.bg.Go(func() {
		e.imageGate.Lock()
		defer e.imageGate.Unlock()
		fs := e.opts.FS
		if err := removeFile(fs, fs.PathJoin(e.dir.imagesDir(), m.File)); err != nil {
			e.log.Warn().Err(err).Str("file", m.File).Msg("removing an old image failed")
		}
	})
}

// removeImages removes what a dropped collection leaves.
func (e *Engine) removeImages(c *collection) {
	if im := c.image.Swap(nil); im != nil {
		e.removeImage(im)
	}
}

// trimLog stages the deletion of the entries that every image holds; newest is
// the image that c is about to have.
func (e *Engine) trimLog(tx *txn, c *collection, newest *imageManifest) {
	low := e.applied.Load()
	for _, o := range e.cat.all() {
		at := o.imageOffset()
		if o == c {
			at = newest.Offset
		}
		// What is loading may need everything after its image; what is loaded
		// needs nothing if nothing changed it since.
		if o.view.Load() == nil || o.lastOffset.Load() > at {
			low = min(low, at)
		}
	}
	if e.opts.RetainLog != nil {
		if keep := e.opts.RetainLog(low); keep > 0 {
			low = min(low, keep-1)
		}
	}
	first := e.logFirst.Load()
	written := e.stats.bytes.Load()
	if low < first || (low-first < trimEntries && written-e.trimmedAt < trimBytes) {
		return
	}
	e.trimmedAt = written
	lo, hi := store.LogBounds(first, low+1)
	if err := tx.batch.DeleteRange(lo, hi, nil); err != nil {
		e.log.Warn().Err(err).Msg("trimming the log failed")
		return
	}
	tx.after(func() { e.logFirst.Store(low + 1) })
}

// findLogFirst reads the offset of the first entry kept.
func (e *Engine) findLogFirst() error {
	lo, hi := store.LogBounds(0, 0)
	it, err := e.store.Iter(lo, hi)
	if err != nil {
		return err
	}
	first := e.startPos.Offset + 1
	if it.First() {
		first = store.LogOffset(it.Key())
	}
	e.logFirst.Store(first)
	return errors.Join(store.IterError(it), it.Close())
}

// closeRows is the number of ops that are worth an image when the engine closes;
// fewer are replayed from the log faster than an image is written.
const closeOps = 256

// closeImages writes the images of what changed, so that the next start has
// little to replay.
func (e *Engine) closeImages() {
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	// If the disk fills up under it, closing must not wait for space.
	go func() {
		t := time.NewTicker(imagePoll)
		defer t.Stop()
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-t.C:
				if e.space.stalled() != nil {
					cancel()
				}
			}
		}
	}()
	for _, c := range e.cat.all() {
		if c.view.Load() == nil || c.tailOps.Load() < closeOps {
			continue
		}
		// A failure costs the next start time, not data: it was logged.
		_ = e.imageNow(ctx, c)
	}
}

// flushImage writes c's image if anything changed since the last one.
func (e *Engine) flushImage(ctx context.Context, c *collection) error {
	if c.tailOps.Load() == 0 && c.image.Load() != nil {
		return nil
	}
	if err := e.imageNow(ctx, c); err != nil {
		return errStorage(err)
	}
	return nil
}

// linkImages puts the image files named in ms into dir, as hard links where the
// file system has them.
func (e *Engine) linkImages(ms []*imageManifest, dir string) error {
	fs := e.opts.FS
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, m := range ms {
		from := fs.PathJoin(e.dir.imagesDir(), m.File)
		if err := vfs.LinkOrCopy(fs, from, fs.PathJoin(dir, m.File)); err != nil {
			return fmt.Errorf("link image %s: %w", m.File, err)
		}
	}
	return nil
}
