package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/vectorizer-go/vectorizer/engine/store"
)

// generationPrefix starts the names of generations inside a data directory.
const generationPrefix = "gen-"

// goodGeneration accepts "" and the names that NewStage makes.
func goodGeneration(name string) bool {
	id, ok := strings.CutPrefix(name, generationPrefix)
	return name == "" || ok && uuid.Validate(id) == nil
}

// removeGenerations removes every generation but the one in place: what an
// interrupted copy, or the end of one, left. Only a start may call it.
func (d *dataDir) removeGenerations() error {
	names, err := listDir(d.fs, d.path)
	if err != nil {
		return err
	}
	now := d.identity.Generation
	if err := d.moveKept(now); err != nil {
		return err
	}
	for _, n := range names {
		old := strings.HasPrefix(n, generationPrefix) && n != now ||
			now != "" && (n == dbName || n == imagesName)
		if !old {
			continue
		}
		if err := d.fs.RemoveAll(d.fs.PathJoin(d.path, n)); err != nil {
			return fmt.Errorf("remove an old generation: %w", err)
		}
	}
	return nil
}

// CopyFile is one file of a Copy.
type CopyFile struct {
	Name  string // slash-separated, two parts at most, as snapshotName accepts
	Bytes int64
}

// Copy is everything an engine holds at one position, in a directory of its own
// that shares the files. It keeps their space until Remove.
type Copy struct {
	Dir       string
	HistoryID string
	Position  LogPosition
	Files     []CopyFile

	fs vfs.FS
}

// Freeze makes a Copy. Reads and writes go on meanwhile. Index images are written
// first where many changes came after the last, so that whoever opens the copy
// need not build the graph. Errors: errs.StorageError, errs.ShuttingDown.
func (e *Engine) Freeze(ctx context.Context) (*Copy, error) {
	if e.closing.Load() {
		return nil, errShuttingDown()
	}
	for _, c := range e.cat.all() {
		if c.view.Load() != nil && c.tailOps.Load() >= closeOps && ctx.Err() == nil {
			_ = e.imageNow(ctx, c) // logged; without it the copy is as good, only slower to open
		}
	}
	fs := e.opts.FS
	c := &Copy{fs: fs, HistoryID: e.identity.HistoryID}
	c.Dir = fs.PathJoin(e.dir.path, snapshotPrefix+uuid.NewString()+tmpSuffix)
	if err := fs.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, errStorage(err)
	}
	var err error
	if c.Position, err = e.freezeData(ctx, c.Dir); err == nil {
		err = c.list()
	}
	if err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	return c, nil
}

// list notes the files.
func (c *Copy) list() error {
	for _, dir := range []string{dbName, imagesName} {
		names, err := c.fs.List(c.fs.PathJoin(c.Dir, dir))
		if err != nil {
			return errStorage(err)
		}
		for _, n := range names {
			st, err := c.fs.Stat(c.fs.PathJoin(c.Dir, dir, n))
			if err != nil {
				return errStorage(err)
			}
			name := dir + "/" + n
			if st.IsDir() || !snapshotName(name) {
				return errStorage(fmt.Errorf("unexpected %s in a copy", name))
			}
			c.Files = append(c.Files, CopyFile{Name: name, Bytes: st.Size()})
		}
	}
	return nil
}

// Bytes is the size of all files.
func (c *Copy) Bytes() (n int64) {
	for _, f := range c.Files {
		n += f.Bytes
	}
	return n
}

// Remove gives the space back.
func (c *Copy) Remove() error { return c.fs.RemoveAll(c.Dir) }

// NewStage makes an empty directory in which a copy of another node can be put
// together for Adopt: <stage>/db and <stage>/images. The next start removes it if
// Adopt did not put it in place.
func (e *Engine) NewStage() (string, error) {
	fs := e.opts.FS
	stage := fs.PathJoin(e.dir.path, generationPrefix+uuid.NewString())
	for _, dir := range []string{dbName, imagesName} {
		if err := fs.MkdirAll(fs.PathJoin(stage, dir), 0o755); err != nil {
			return "", errStorage(err)
		}
	}
	return stage, nil
}

// StageFile reports whether name is one that a Copy may have.
func StageFile(name string) bool {
	dir, file, ok := strings.Cut(name, "/")
	return ok && (dir == dbName || dir == imagesName) && file != "" && snapshotName(name)
}

// Adopt opens the copy in stage, whose files are synced, waits until it serves,
// and makes it what the data directory holds, in one atomic step. The node keeps
// its id and takes over the copy's history. The engine that it was called on
// serves its old data until it is closed, and then removes it; the returned one
// owns the directory. On an error nothing changed and the stage is removed.
func (e *Engine) Adopt(ctx context.Context, stage string) (*Engine, error) {
	fs := e.opts.FS
	n := &Engine{opts: e.opts, log: e.log, started: time.Now()}
	n.SetObserver(e.observe())
	n.ctx, n.stop = context.WithCancel(context.Background())
	n.dir = &dataDir{fs: fs, path: e.dir.path, lock: e.dir.lock, identity: e.dir.identity}
	n.dir.identity.Generation = fs.PathBase(stage)
	n.dir.handedOver = true // until it is in place
	if err := n.adopt(ctx, e, stage); err != nil {
		return nil, errors.Join(err, fs.RemoveAll(stage))
	}
	return n, nil
}

// adopt does the work of Adopt, and undoes it after an error.
func (e *Engine) adopt(ctx context.Context, old *Engine, stage string) error {
	id, err := stagedIdentity(e.opts, e.dir)
	if err != nil {
		e.stop()
		return err
	}
	e.dir.identity.HistoryID = id.HistoryID
	for _, dir := range []string{stage, e.dir.dbDir(), e.dir.imagesDir(), e.dir.path} {
		if err := syncDir(e.opts.FS, dir); err != nil {
			e.stop()
			return errStorage(err)
		}
	}
	if err := e.openStore(); err != nil {
		e.stop()
		return err
	}
	if err := e.WaitReady(ctx); err != nil {
		return errors.Join(err, e.Close())
	}
	if err := e.store.Sync(); err != nil {
		return errors.Join(errStorage(err), e.Close())
	}
	if err := writeIdentity(e.opts.FS, e.dir.path, e.dir.identity); err != nil {
		return errors.Join(errStorage(err), e.Close())
	}
	old.dir.handedOver, e.dir.handedOver = true, false
	return nil
}

// stagedIdentity reads whose data a copy is.
func stagedIdentity(o Options, d *dataDir) (store.Identity, error) {
	s, err := store.Open(store.Options{FS: o.FS, Dir: d.dbDir(), ReadOnly: true, Logger: o.Logger})
	if err != nil {
		return store.Identity{}, err
	}
	id, err := s.Identity()
	return id, errors.Join(err, s.Close())
}

// removeData removes a generation that another one has replaced.
func (d *dataDir) removeData() error {
	var err error
	for _, dir := range []string{d.dbDir(), d.imagesDir()} {
		err = errors.Join(err, d.fs.RemoveAll(dir))
	}
	if d.identity.Generation != "" {
		err = errors.Join(err, d.fs.RemoveAll(d.fs.PathJoin(d.path, d.identity.Generation)))
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// CloseReplaced closes an engine whose place another one took, and removes its
// data, or moves it to where KeepData said.
func (e *Engine) CloseReplaced() error {
	if !e.dir.handedOver {
		bug("an engine that owns its directory is closed as replaced")
	}
	err := e.Close()
	if err := errors.Join(err, e.dir.moveReplaced()); err != nil {
		return err
	}
	return e.dir.removeData()
}
