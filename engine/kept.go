package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	keptPrefix = "kept-" // starts the names of directories of data that was replaced
	keptFile   = "KEPT"  // in them: what they are
	maxKept    = 2       // of them; the oldest go
)

// Kept is data that a full copy replaced and that is kept for inspection: a data
// directory inside the node's, which can be opened as any other.
type Kept struct {
	Name      string    `json:"name"` // of the directory
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	HistoryID string    `json:"history_id"`
	Epoch     uint64    `json:"epoch"`
	Offset    uint64    `json:"offset"`
	Bytes     int64     `json:"bytes"`
}

// keptNote is the content of the file KEPT.
type keptNote struct {
	Kept
	// Generation is where the data is until it is moved here.
	Generation string `json:"generation"`
}

// KeepData has the data kept when Adopt replaces it. Only Adopt, or the end of the
// engine, may follow. Errors: errs.StorageError.
func (e *Engine) KeepData(reason string) error {
	p, now := e.LogPosition(), time.Now().UTC()
	disk := e.Stats().Storage
	note := keptNote{Kept: Kept{Reason: reason, At: now, HistoryID: e.identity.HistoryID, Epoch: p.Epoch,
		Offset: p.Offset, Bytes: int64(disk.DiskBytes) + disk.ImageBytes}, //nolint:gosec // disks are smaller
		Generation: e.dir.identity.Generation}
	note.Name = keptPrefix + now.Format("20060102T150405.000")
	if err := e.dir.promiseKept(&note); err != nil {
		return errStorage(err)
	}
	return nil
}

// promiseKept makes the directory without its data: whoever finds it moves the data
// there once another generation is in place.
func (d *dataDir) promiseKept(note *keptNote) error {
	dir := d.fs.PathJoin(d.path, note.Name)
	if err := d.dropPromises(); err != nil {
		return err
	}
	if err := makeDir(d.fs, dir); err != nil {
		return err
	}
	b, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(d.fs, dir, keptFile, append(b, '\n')); err != nil {
		return err
	}
	id := d.identity
	id.Generation = ""
	return errors.Join(writeIdentity(d.fs, dir, id), syncDir(d.fs, d.path))
}

// dropPromises removes directories whose data was not replaced after all.
func (d *dataDir) dropPromises() error {
	return d.eachKept(func(note *keptNote, whole bool) error {
		if whole {
			return nil
		}
		return d.fs.RemoveAll(d.fs.PathJoin(d.path, note.Name))
	})
}

// eachKept calls fn for every kept directory; whole says that its data is in it.
func (d *dataDir) eachKept(fn func(note *keptNote, whole bool) error) error {
	names, err := listDir(d.fs, d.path)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !strings.HasPrefix(n, keptPrefix) {
			continue
		}
		var note keptNote
		b, err := readFile(d.fs, d.fs.PathJoin(d.path, n, keptFile))
		if err != nil || json.Unmarshal(b, &note) != nil || note.Name != n {
			continue // an operator's, or damaged: not ours to touch
		}
		_, err = d.fs.Stat(d.fs.PathJoin(d.path, n, dbName))
		if err := fn(&note, err == nil); err != nil {
			return err
		}
	}
	return nil
}

// moveKept moves the data of generations other than now to the directories that
// wait for it, and removes the oldest directories.
func (d *dataDir) moveKept(now string) error {
	err := d.eachKept(func(note *keptNote, whole bool) error {
		switch {
		case whole:
			return nil
		case note.Generation == now: // a crash came before it was replaced
			return d.fs.RemoveAll(d.fs.PathJoin(d.path, note.Name))
		}
		return d.moveInto(note)
	})
	if err != nil {
		return fmt.Errorf("keep replaced data: %w", err)
	}
	return d.pruneKept(maxKept)
}

// moveReplaced moves this generation's data, which another has replaced, if a
// directory waits for it.
func (d *dataDir) moveReplaced() error {
	err := d.eachKept(func(note *keptNote, whole bool) error {
		if whole || note.Generation != d.identity.Generation {
			return nil
		}
		return d.moveInto(note)
	})
	if err != nil {
		return fmt.Errorf("keep replaced data: %w", err)
	}
	return d.pruneKept(maxKept)
}

// moveInto moves one generation's data. The store comes last: with it the
// directory is whole.
func (d *dataDir) moveInto(note *keptNote) error {
	from, to := d.fs.PathJoin(d.path, note.Generation), d.fs.PathJoin(d.path, note.Name)
	for _, part := range []string{imagesName, dbName} {
		err := d.fs.Rename(d.fs.PathJoin(from, part), d.fs.PathJoin(to, part))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errors.Join(syncDir(d.fs, to), syncDir(d.fs, from))
}

// pruneKept removes all but the newest directories.
func (d *dataDir) pruneKept(keep int) error {
	all, err := d.kept()
	if err != nil {
		return err
	}
	for _, k := range all[:max(0, len(all)-keep)] {
		if err := d.fs.RemoveAll(d.fs.PathJoin(d.path, k.Name)); err != nil {
			return err
		}
	}
	return nil
}

// kept lists what is kept, the oldest first.
func (d *dataDir) kept() ([]Kept, error) {
	var all []Kept
	err := d.eachKept(func(note *keptNote, whole bool) error {
		if whole {
			all = append(all, note.Kept)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Kept) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// Kept lists the data that full copies replaced and that is kept, the oldest
// first. It reads the data directory. Errors: errs.StorageError.
func (e *Engine) Kept() ([]Kept, error) {
	all, err := e.dir.kept()
	if err != nil {
		return nil, errStorage(err)
	}
	return all, nil
}

// DropKept removes what Kept lists: its space is needed. Errors: errs.StorageError.
func (e *Engine) DropKept() error {
	if err := e.dir.pruneKept(0); err != nil {
		return errStorage(err)
	}
	return nil
}
