package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// DataFormat is the format of the data directory that this build writes. It
// reads this one and the one before.
const DataFormat = 1

// Names inside a data directory.
const (
	identityFile = "IDENTITY"
	lockFile     = "LOCK"
	pidFile      = "PID"
	dbName       = "db"
	imagesName   = "images"
)

// dirIdentity is the content of the identity file: what makes a directory ours.
type dirIdentity struct {
	Product string `json:"product"` // always "vectorizer"
	Version string `json:"version"` // of the product that created it
	// Complete is set once the store exists. Without it, a store that holds
	// nothing yet is what an interrupted first start left, and is made anew.
	Complete bool `json:"complete"`
	// Generation is the directory inside that holds store and images, "" for the
	// directory itself. A full copy from another node is a new generation: writing
	// its name here is what puts it in place.
	Generation string `json:"generation,omitempty"`
	store.Identity
}

// dataDir is an open, locked data directory.
type dataDir struct {
	fs       vfs.FS
	path     string
	lock     io.Closer
	identity dirIdentity
	// handedOver says that the lock belongs to the engine of a newer generation.
	handedOver bool
}

func (d *dataDir) dbDir() string { return d.fs.PathJoin(d.path, d.identity.Generation, dbName) }

func (d *dataDir) imagesDir() string {
	return d.fs.PathJoin(d.path, d.identity.Generation, imagesName)
}

// openDataDir locks path and reads its identity, creating both in an absent or
// empty directory. It never writes into a directory it does not know.
func openDataDir(fs vfs.FS, path, version string) (*dataDir, error) {
	names, err := listDir(fs, path)
	if err != nil {
		return nil, err
	}
	fresh := !has(names, identityFile)
	if fresh {
		for _, n := range names {
			if n != lockFile && n != pidFile && n != identityFile+tmpSuffix {
				return nil, errs.New(errs.Configuration,
					"data directory %s holds %q but no %s file: it is not a Vectorizer data directory",
					path, n, identityFile).With("path", path)
			}
		}
		if err := makeDir(fs, path); err != nil {
			return nil, fmt.Errorf("create data directory: %w", err)
		}
	} else if _, err := readIdentity(fs, path); err != nil {
		return nil, err // refuse a newer format before touching anything
	}
	lock, err := lockDir(fs, path)
	if err != nil {
		return nil, err
	}
	d := &dataDir{fs: fs, path: path, lock: lock}
	if fresh {
		d.identity = newIdentity(version)
		err = writeIdentity(fs, path, d.identity)
	} else {
		d.identity, err = readIdentity(fs, path)
	}
	if err == nil {
		err = d.prepare()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// prepare makes the directories inside, the store's anew if the first start never
// ended. What decides is that the store is empty, not only the flag in a file.
func (d *dataDir) prepare() error {
	if !d.identity.Complete {
		empty, err := d.holdsNothing()
		if err != nil {
			return err
		}
		if empty {
			if err := d.fs.RemoveAll(d.dbDir()); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove what an interrupted first start left: %w", err)
			}
		}
	}
	if err := d.removeGenerations(); err != nil {
		return err
	}
	for _, dir := range []string{d.dbDir(), d.imagesDir()} {
		if err := makeDir(d.fs, dir); err != nil {
			return fmt.Errorf("create %s: %w", dir, err)
		}
	}
	return nil
}

// holdsNothing reports whether there is no image, no table, and nothing in a
// write-ahead log: no write can have been acknowledged.
func (d *dataDir) holdsNothing() (bool, error) {
	images, err := listDir(d.fs, d.imagesDir())
	if err != nil || len(images) > 0 {
		return false, err
	}
	names, err := listDir(d.fs, d.dbDir())
	if err != nil {
		return false, err
	}
	for _, n := range names {
		switch {
		case strings.HasSuffix(n, ".sst"):
			return false, nil
		case strings.HasSuffix(n, ".log"):
			info, err := d.fs.Stat(d.fs.PathJoin(d.dbDir(), n))
			if err != nil {
				return false, fmt.Errorf("look at the store's log: %w", err)
			}
			if info.Size() > 0 {
				return false, nil
			}
		}
	}
	return true, nil
}

// complete notes that the store exists.
func (d *dataDir) complete() error {
	if d.identity.Complete {
		return nil
	}
	d.identity.Complete = true
	return writeIdentity(d.fs, d.path, d.identity)
}

func newIdentity(version string) dirIdentity {
	return dirIdentity{Product: "vectorizer", Version: version, Identity: store.Identity{
		NodeID: uuid.NewString(), HistoryID: uuid.NewString(), Format: DataFormat,
		CreatedUs: time.Now().UnixMicro(),
	}}
}

// listDir returns the names in path; none if it does not exist.
func listDir(fs vfs.FS, path string) ([]string, error) {
	info, err := fs.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if !info.IsDir() {
		return nil, errs.New(errs.Configuration, "data directory %s is not a directory", path).
			With("path", path)
	}
	names, err := fs.List(path)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return names, nil
}

// makeDir creates path and makes it, and every directory above that it had to
// create, durable: a synced file in a directory whose own name was not synced is
// gone after a crash.
func makeDir(fs vfs.FS, path string) error {
	var parents []string
	for p := path; ; {
		if _, err := fs.Stat(p); err == nil {
			break
		}
		up := fs.PathDir(p)
		if up == p {
			break
		}
		parents = append(parents, up)
		p = up
	}
	if err := fs.MkdirAll(path, 0o755); err != nil {
		return err
	}
	for _, p := range parents {
		if err := syncDir(fs, p); err != nil {
			return err
		}
	}
	return nil
}

func has(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// readIdentity reads and judges the identity file.
func readIdentity(fs vfs.FS, path string) (dirIdentity, error) {
	var id dirIdentity
	b, err := readFile(fs, fs.PathJoin(path, identityFile))
	if err != nil {
		return id, fmt.Errorf("read identity of data directory %s: %w", path, err)
	}
	if err := json.Unmarshal(b, &id); err != nil || !goodGeneration(id.Generation) ||
		id.Product != "vectorizer" || id.Format < 1 {
		return id, errs.New(errs.Configuration,
			"data directory %s has an identity file that is not Vectorizer's", path).With("path", path)
	}
	if id.Format > DataFormat {
		return id, errs.New(errs.Configuration,
			"data directory %s has format %d, written by version %s; this version reads up to %d: "+
				"use that version or a later one", path, id.Format, orUnknown(id.Version), DataFormat).
			With("path", path).With("format", id.Format).With("supported", DataFormat)
	}
	return id, nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// lockDir takes the lock and leaves our process number for whoever fails to.
func lockDir(fs vfs.FS, path string) (io.Closer, error) {
	lock, err := fs.Lock(fs.PathJoin(path, lockFile))
	if err != nil {
		holder := ""
		if b, rerr := readFile(fs, fs.PathJoin(path, pidFile)); rerr == nil {
			if pid, perr := strconv.Atoi(strings.TrimSpace(string(b))); perr == nil {
				holder = fmt.Sprintf(" (pid %d)", pid)
			}
		}
		return nil, errs.New(errs.Configuration,
			"data directory %s is in use by another process%s", path, holder).
			With("path", path).Wrap(err)
	}
	if err := writeFile(fs, fs.PathJoin(path, pidFile), []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("write pid file: %w", err), lock.Close())
	}
	return lock, nil
}

// close releases the lock.
func (d *dataDir) close() error {
	if d.handedOver {
		return nil
	}
	if err := d.fs.Remove(d.fs.PathJoin(d.path, pidFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, d.lock.Close())
	}
	return d.lock.Close()
}

func writeIdentity(fs vfs.FS, path string, id dirIdentity) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("encode identity: %w", err)
	}
	return replaceFile(fs, path, identityFile, append(b, '\n'))
}

// snapshotPrefix starts the names of directories that snapshots are made in.
const snapshotPrefix = "snapshot-"

// removeTemporary removes what an interrupted snapshot left.
func (d *dataDir) removeTemporary() error {
	names, err := d.fs.List(d.path)
	if err != nil {
		return fmt.Errorf("list data directory: %w", err)
	}
	for _, n := range names {
		if strings.HasPrefix(n, snapshotPrefix) && strings.HasSuffix(n, tmpSuffix) {
			if err := d.fs.RemoveAll(d.fs.PathJoin(d.path, n)); err != nil {
				return fmt.Errorf("remove unfinished snapshot: %w", err)
			}
		}
	}
	return nil
}

// tmpSuffix marks files that are not finished; start removes them.
const tmpSuffix = ".tmp"

// replaceFile writes dir/name so that a crash leaves the old content or the new.
func replaceFile(fs vfs.FS, dir, name string, b []byte) error {
	tmp := fs.PathJoin(dir, name+tmpSuffix)
	if err := writeFile(fs, tmp, b); err != nil {
		return err
	}
	return publish(fs, dir, tmp, name)
}

// publish renames the synced file tmp to dir/name and makes the name durable.
func publish(fs vfs.FS, dir, tmp, name string) error {
	if err := fs.Rename(tmp, fs.PathJoin(dir, name)); err != nil {
		return fmt.Errorf("rename %s: %w", name, err)
	}
	return syncDir(fs, dir)
}

// syncDir makes the names in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", dir, err), f.Close())
	}
	return f.Close()
}

// writeFile creates name with content b, synced.
func writeFile(fs vfs.FS, name string, b []byte) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	// Write may change its argument (see vfs.File), so it gets a copy.
	if _, err := f.Write(append([]byte(nil), b...)); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", name, err), f.Close())
	}
	return f.Close()
}

// readFile returns the content of name.
func readFile(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}
