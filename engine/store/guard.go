package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS keeps a failed write from ending the process. Pebble treats an error
// of its log, its manifest or a directory sync as fatal: it logs, panics, even
// unlocks a mutex twice on the way. So such an error never reaches it. Instead
// the guard reports the failure and from then on leaves the disk exactly as it
// is: nothing is written, renamed or removed; what Pebble writes goes to memory.
// Pebble stays sound and answers reads; Store.Commit reports the failure, so
// nothing that was not on the disk before is ever acknowledged.
//
// Tables that a flush writes go to memory too, because a full memtable must go
// somewhere; compactions, which could be large, fail and are tried again slowly.
type guardFS struct {
	vfs.FS
	fail   func(error)
	armed  atomic.Bool // off while Open runs: its errors are real ones
	failed atomic.Bool
	mem    *vfs.MemFS
	ended  chan struct{} // closed when the store is closing
	once   sync.Once
}

// errFrozen answers what cannot be done after a failure.
var errFrozen = errors.New("the disk is left as it is after a failed write")

// compactionPause slows down what Pebble would try again at once.
const compactionPause = time.Second

func newGuardFS(fs vfs.FS, fail func(error)) *guardFS {
	return &guardFS{FS: fs, fail: fail, mem: vfs.NewMem(), ended: make(chan struct{})}
}

// end stops pauses.
func (g *guardFS) end() { g.once.Do(func() { close(g.ended) }) }

// note records err of a write that Pebble may not see fail.
func (g *guardFS) note(what, name string, err error) {
	if g.failed.CompareAndSwap(false, true) {
		g.fail(fmt.Errorf("%s %s: %w", what, name, err))
	}
}

// hide turns err into nil after noting it, unless Open is still running.
func (g *guardFS) hide(what, name string, err error) error {
	if err == nil || !g.armed.Load() {
		return err
	}
	g.note(what, name, err)
	return nil
}

// isTable reports whether name is a table or a blob file: Pebble survives errors
// of those.
func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// Unwrap implements vfs.FS.
func (g *guardFS) Unwrap() vfs.FS { return g.FS }

// inMemory creates name in memory.
func (g *guardFS) inMemory(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.mem.MkdirAll(g.mem.PathDir(name), 0o755); err != nil {
		return nil, err
	}
	return g.mem.Create(name, c)
}

// Create implements vfs.FS.
func (g *guardFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if g.failed.Load() {
		return g.createFailed(name, c)
	}
	f, err := g.FS.Create(name, c)
	if err != nil {
		if isTable(name) {
			return nil, g.tableError("create", name, err)
		}
		if err := g.hide("create", name, err); err != nil {
			return nil, err
		}
		return g.createFailed(name, c)
	}
	return &guardFile{File: f, g: g, name: name, table: isTable(name)}, nil
}

// createFailed is Create after a failure.
func (g *guardFS) createFailed(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if isTable(name) && strings.Contains(string(c), "flush") || !isTable(name) {
		return g.inMemory(name, c)
	}
	select {
	case <-g.ended:
	case <-time.After(compactionPause):
	}
	return nil, errFrozen
}

// tableError decides about an error of a table: lack of space passes by itself,
// anything else means that the disk is going bad.
func (g *guardFS) tableError(what, name string, err error) error {
	if g.armed.Load() && !IsNoSpace(err) {
		g.note(what, name, err)
	}
	return err
}

// ReuseForWrite implements vfs.FS.
func (g *guardFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if g.failed.Load() {
		return g.createFailed(name, c)
	}
	f, err := g.FS.ReuseForWrite(old, name, c)
	if err != nil {
		if err := g.hide("reuse", name, err); err != nil {
			return nil, err
		}
		return g.createFailed(name, c)
	}
	return &guardFile{File: f, g: g, name: name, table: isTable(name)}, nil
}

// Open implements vfs.FS.
func (g *guardFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if g.failed.Load() {
		if f, err := g.mem.Open(name, o...); err == nil {
			return f, nil
		}
	}
	return g.FS.Open(name, o...)
}

// OpenDir implements vfs.FS.
func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		if err := g.hide("open", name, err); err != nil {
			return nil, err
		}
		if err := g.mem.MkdirAll(name, 0o755); err != nil {
			return nil, err
		}
		return g.mem.OpenDir(name)
	}
	return &guardFile{File: f, g: g, name: name}, nil
}

// Remove implements vfs.FS.
func (g *guardFS) Remove(name string) error {
	if g.failed.Load() {
		if err := g.mem.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return g.FS.Remove(name)
}

// Rename implements vfs.FS.
func (g *guardFS) Rename(old, name string) error {
	if g.failed.Load() {
		if err := g.mem.Rename(old, name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return g.hide("rename", name, g.FS.Rename(old, name))
}

// Link implements vfs.FS. Only checkpoints link; they fail after a failure.
func (g *guardFS) Link(old, name string) error {
	if g.failed.Load() {
		return errFrozen
	}
	return g.FS.Link(old, name)
}

// Stat implements vfs.FS.
func (g *guardFS) Stat(name string) (vfs.FileInfo, error) {
	if g.failed.Load() {
		if info, err := g.mem.Stat(name); err == nil {
			return info, nil
		}
	}
	return g.FS.Stat(name)
}

// guardFile is a file or directory on the disk, open for writing or syncing.
type guardFile struct {
	vfs.File
	g     *guardFS
	name  string
	table bool
}

// frozen reports whether writes must not reach the disk any more; for a table
// err says so to Pebble.
func (f *guardFile) frozen() (yes bool, err error) {
	if !f.g.failed.Load() {
		return false, nil
	}
	if f.table {
		return true, errFrozen
	}
	return true, nil
}

// result judges err of an operation on the disk.
func (f *guardFile) result(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case f.table:
		return f.g.tableError(what, f.name, err)
	}
	return f.g.hide(what, f.name, err)
}

// Write implements vfs.File.
func (f *guardFile) Write(p []byte) (int, error) {
	if yes, err := f.frozen(); yes {
		return len(p), err
	}
	if _, err := f.File.Write(p); err != nil {
		return len(p), f.result("write", err)
	}
	return len(p), nil
}

// WriteAt implements vfs.File.
func (f *guardFile) WriteAt(p []byte, off int64) (int, error) {
	if yes, err := f.frozen(); yes {
		return len(p), err
	}
	if _, err := f.File.WriteAt(p, off); err != nil {
		return len(p), f.result("write", err)
	}
	return len(p), nil
}

// Preallocate implements vfs.File.
func (f *guardFile) Preallocate(off, n int64) error {
	if yes, err := f.frozen(); yes {
		return err
	}
	return f.result("preallocate", f.File.Preallocate(off, n))
}

// Sync implements vfs.File.
func (f *guardFile) Sync() error {
	if yes, err := f.frozen(); yes {
		return err
	}
	return f.result("sync", f.File.Sync())
}

// SyncData implements vfs.File.
func (f *guardFile) SyncData() error {
	if yes, err := f.frozen(); yes {
		return err
	}
	return f.result("sync", f.File.SyncData())
}

// SyncTo implements vfs.File.
func (f *guardFile) SyncTo(n int64) (bool, error) {
	if yes, err := f.frozen(); yes {
		return false, err
	}
	full, err := f.File.SyncTo(n)
	return full, f.result("sync", err)
}

// Close implements vfs.File.
func (f *guardFile) Close() error { return f.result("close", f.File.Close()) }

// IsNoSpace reports whether err says that the disk, or a quota on it, is full.
func IsNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota)
}
