package engine

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// spaceWatch keeps a disk that fills up from doing harm. Below a reserve it
// refuses writes with errs.StorageFull while the store still has room for its
// own work; above it again, writes go on by themselves. Should the disk fill up
// all the same (another process did it), writes of the store's log wait for
// space instead of failing: a store that has seen a failed log write is
// read-only until restart, and waiting is undone by freeing space.
type spaceWatch struct {
	fs      vfs.FS
	path    string
	reserve uint64
	log     zerolog.Logger

	free    atomic.Uint64 // bytes at the last look
	total   atomic.Uint64
	pending atomic.Int64 // bytes committed since the last look
	full    atomic.Bool
	waiting atomic.Int64  // writes of the store that wait for space
	waited  atomic.Int64  // when the last one began to, nanoseconds since 1970
	stopped chan struct{} // closed when waits must end
	once    sync.Once
}

const (
	spacePoll = 500 * time.Millisecond
	// A commit is written to the log, to a table, and again by compactions.
	spaceAmplification = 4
	// Writes resume at reserve × 9/8: no flutter around the mark.
	spaceResumeNum, spaceResumeDen = 9, 8
)

func newSpaceWatch(fs vfs.FS, path string, reserve int64, log zerolog.Logger) *spaceWatch {
	w := &spaceWatch{
		fs: fs, path: path, reserve: uint64(max(reserve, 0)), log: log,
		stopped: make(chan struct{}),
	}
	w.look()
	return w
}

// look reads the free space. A file system that cannot tell counts as empty.
func (w *spaceWatch) look() {
	u, err := w.fs.GetDiskUsage(w.path)
	if err != nil {
		w.free.Store(^uint64(0))
		w.total.Store(0)
		w.full.Store(false)
		return
	}
	w.pending.Store(0)
	w.free.Store(u.AvailBytes)
	w.total.Store(u.TotalBytes)
	was := w.full.Load()
	switch {
	case !was && u.AvailBytes < w.reserve:
		w.full.Store(true)
		w.log.Warn().Str("path", w.path).Uint64("free_bytes", u.AvailBytes).
			Uint64("reserve_bytes", w.reserve).Msg("disk is nearly full: writes are refused")
	case was && u.AvailBytes >= w.reserve/spaceResumeDen*spaceResumeNum && w.stalled() == nil:
		w.full.Store(false)
		w.log.Info().Str("path", w.path).Uint64("free_bytes", u.AvailBytes).
			Msg("disk has space again: writes are accepted")
	}
}

// run polls until ctx ends.
func (w *spaceWatch) run(ctx context.Context) {
	t := time.NewTicker(spacePoll)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			w.look()
		}
	}
}

// wrote notes a commit, so that a burst is seen before the next poll.
func (w *spaceWatch) wrote(bytes int) {
	p := w.pending.Add(int64(bytes) * spaceAmplification)
	if uint64(p) > w.free.Load()/4 {
		w.look()
	}
}

// check refuses a write of bytes that the disk has no room for.
func (w *spaceWatch) check(bytes int) error {
	if err := w.stalled(); err != nil {
		return err
	}
	free, need := w.free.Load(), w.reserve+uint64(bytes)*spaceAmplification
	if !w.full.Load() && free >= need {
		return nil
	}
	return w.errFull(need)
}

// Room reports whether the disk has room for bytes of files beside the reserve.
// Errors: errs.StorageFull.
func (e *Engine) Room(bytes int64) error {
	e.space.look()
	free, need := e.space.free.Load(), e.space.reserve+uint64(max(bytes, 0))
	if free >= need {
		return nil
	}
	return e.space.errFull(need)
}

// checkFreeing is check for deletions: they may use most of the reserve, because
// they are the way out.
func (w *spaceWatch) checkFreeing() error {
	if err := w.stalled(); err != nil {
		return err
	}
	if w.free.Load() < w.reserve/4 {
		return w.errFull(w.reserve / 4)
	}
	return nil
}

// stalled returns errs.StorageFull while a write of the store waits for space, or
// has a moment ago: between two tries it does not wait.
func (w *spaceWatch) stalled() error {
	if w.waiting.Load() == 0 && time.Now().UnixNano()-w.waited.Load() > int64(2*spacePoll) {
		return nil
	}
	return w.errFull(w.reserve)
}

func (w *spaceWatch) errFull(need uint64) error {
	return errs.New(errs.StorageFull, "Disk is full: %d bytes free at %s, %d needed",
		w.free.Load(), w.path, need).
		With("path", w.path).With("free", w.free.Load()).With("needed", need).
		With("retry_after", 5)
}

// stop ends every wait: the waiting writes fail.
func (w *spaceWatch) stop() { w.once.Do(func() { close(w.stopped) }) }

// await blocks while the disk is full; false if the wait was ended.
func (w *spaceWatch) await() bool {
	if w.waiting.Add(1) == 1 {
		w.log.Error().Str("path", w.path).Msg("disk is full: commits wait for space")
	}
	defer w.waiting.Add(-1)
	w.waited.Store(time.Now().UnixNano())
	w.full.Store(true)
	t := time.NewTimer(spacePoll / 5)
	defer t.Stop()
	select {
	case <-w.stopped:
		return false
	case <-t.C:
		return true
	}
}

// wrap returns fs with log writes that wait for space.
func (w *spaceWatch) wrap(fs vfs.FS) vfs.FS { return &waitFS{FS: fs, w: w} }

// waitFS makes writes of the store's log and catalogue files wait when the disk
// is full. Table files fail as they did: Pebble gives up the flush or compaction,
// frees what it wrote and tries again.
type waitFS struct {
	vfs.FS
	w *spaceWatch
}

// Unwrap implements vfs.FS.
func (fs *waitFS) Unwrap() vfs.FS { return fs.FS }

// patient reports whether a failed write of name would be fatal to the store.
func patient(name string) bool {
	return !strings.HasSuffix(name, ".sst") && !strings.HasSuffix(name, ".blob")
}

// retry runs fn until it does not fail for lack of space, or the watch stops.
func (fs *waitFS) retry(fn func() error) error {
	for {
		err := fn()
		if err == nil || !store.IsNoSpace(err) || !fs.w.await() {
			return err
		}
	}
}

// Create implements vfs.FS.
func (fs *waitFS) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	if !patient(name) {
		f, err = fs.FS.Create(name, c)
		if err != nil && store.IsNoSpace(err) {
			fs.w.await() // Pebble retries at once: slow it down
		}
		return f, err
	}
	err = fs.retry(func() (err error) { f, err = fs.FS.Create(name, c); return err })
	return fs.file(f, err)
}

// OpenReadWrite implements vfs.FS.
func (fs *waitFS) OpenReadWrite(
	name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption,
) (f vfs.File, err error) {
	err = fs.retry(func() (err error) { f, err = fs.FS.OpenReadWrite(name, c, o...); return err })
	return fs.file(f, err)
}

// ReuseForWrite implements vfs.FS.
func (fs *waitFS) ReuseForWrite(
	old, name string, c vfs.DiskWriteCategory,
) (f vfs.File, err error) {
	err = fs.retry(func() (err error) { f, err = fs.FS.ReuseForWrite(old, name, c); return err })
	return fs.file(f, err)
}

// Rename implements vfs.FS.
func (fs *waitFS) Rename(old, name string) error {
	return fs.retry(func() error { return fs.FS.Rename(old, name) })
}

// Link implements vfs.FS.
func (fs *waitFS) Link(old, name string) error {
	return fs.retry(func() error { return fs.FS.Link(old, name) })
}

// MkdirAll implements vfs.FS.
func (fs *waitFS) MkdirAll(name string, perm os.FileMode) error {
	return fs.retry(func() error { return fs.FS.MkdirAll(name, perm) })
}

func (fs *waitFS) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &waitFile{File: f, fs: fs}, nil
}

// waitFile is a file whose writes wait for space.
type waitFile struct {
	vfs.File
	fs *waitFS
}

// Write implements vfs.File: what a full disk cut off is written later.
func (f *waitFile) Write(p []byte) (n int, err error) {
	err = f.fs.retry(func() error {
		m, err := f.File.Write(p[n:])
		n += m
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		return err
	})
	return n, err
}

// WriteAt implements vfs.File.
func (f *waitFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.fs.retry(func() error {
		m, err := f.File.WriteAt(p[n:], off+int64(n))
		n += m
		return err
	})
	return n, err
}

// Preallocate implements vfs.File. It is an optimisation: lack of space shows
// when the bytes are written.
func (f *waitFile) Preallocate(off, n int64) error {
	if err := f.File.Preallocate(off, n); err != nil && !store.IsNoSpace(err) {
		return err
	}
	return nil
}

// A sync that fails is not retried: after it the kernel may have dropped what it
// could not write, so a later success would prove nothing.
