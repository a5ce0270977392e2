// Package slowdisk is a file system whose fsync takes at least a given time: that
// of a disk in a network or without a write cache. Benchmarks show with it what
// group commit is worth where fsync, and not the processor, is the limit.
package slowdisk

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system under it, with Fsync added to every fsync.
type FS struct {
	vfs.FS
	Fsync time.Duration
}

// Create implements vfs.FS.
func (d FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return file{f, d.Fsync}, err
}

// ReuseForWrite implements vfs.FS.
func (d FS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(from, to, c)
	return file{f, d.Fsync}, err
}

type file struct {
	vfs.File
	fsync time.Duration
}

// Sync implements vfs.File.
func (f file) Sync() error {
	time.Sleep(f.fsync)
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f file) SyncData() error {
	time.Sleep(f.fsync)
	return f.File.SyncData()
}
