package engine

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// SnapshotFormat is the format of snapshots that this build writes and reads.
const SnapshotFormat = 1

// snapshotManifest is the last member of a snapshot's tar stream: a stream that
// was cut off has none.
const snapshotManifest = "MANIFEST.json"

// SnapshotInfo describes a snapshot.
type SnapshotInfo struct {
	Format    int            `json:"format"`
	Version   string         `json:"version"` // of the product that wrote it
	NodeID    string         `json:"node_id"`
	HistoryID string         `json:"history_id"`
	Position  Position       `json:"position"`
	CreatedAt time.Time      `json:"created_at"`
	Files     []SnapshotFile `json:"files"`
	Bytes     int64          `json:"bytes"` // of Files
}

// SnapshotFile is one file of a snapshot.
type SnapshotFile struct {
	Name   string `json:"name"` // slash-separated, relative to the data directory
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Snapshot writes a consistent copy of everything committed to w, as a tar
// stream with a checksum of every file. Reads and writes go on meanwhile; the
// copy is made of hard links, so it needs no space of its own while it is sent.
func (e *Engine) Snapshot(ctx context.Context, w io.Writer) (SnapshotInfo, error) {
	var info SnapshotInfo
	if e.closing.Load() {
		return info, errShuttingDown()
	}
	fs, dir := e.opts.FS, e.dir.path
	tmp := fs.PathJoin(dir, snapshotPrefix+uuid.NewString()+tmpSuffix)
	if err := fs.MkdirAll(tmp, 0o755); err != nil {
		return info, errStorage(err)
	}
	defer func() {
		if err := fs.RemoveAll(tmp); err != nil {
			e.log.Warn().Err(err).Str("path", tmp).Msg("snapshot leaves a temporary directory behind")
		}
	}()
	pos, err := e.freeze(ctx, tmp)
	if err != nil {
		return info, err
	}
	info = SnapshotInfo{
		Format: SnapshotFormat, Version: e.opts.Version, NodeID: e.identity.NodeID,
		HistoryID: e.identity.HistoryID, Position: pos, CreatedAt: time.Now().UTC(),
	}
	s := &snapshotWriter{ctx: ctx, fs: fs, tw: tar.NewWriter(w), info: &info}
	if err := s.write(tmp); err != nil {
		return info, err
	}
	return info, nil
}

// freeze makes the copy in tmp.
func (e *Engine) freeze(ctx context.Context, tmp string) (Position, error) {
	pos, err := e.freezeData(ctx, tmp)
	if err != nil {
		return Position{}, err
	}
	id := e.dir.identity
	id.Generation = "" // a copy has only one
	return Position{Epoch: pos.Epoch, Offset: pos.Offset}, writeIdentity(e.opts.FS, tmp, id)
}

// freezeData makes the copy of store and images.
func (e *Engine) freezeData(ctx context.Context, tmp string) (LogPosition, error) {
	var pos LogPosition
	var images []*imageManifest
	fs := e.opts.FS
	e.imageGate.RLock()
	defer e.imageGate.RUnlock()
	// Inside the committer no commit is under way, so store and position belong
	// together. What the group has staged before is not in the store yet.
	err := e.submitAlways(ctx, funcCommand(func(tx *txn) error {
		pos = LogPosition(tx.e.queue.pos)
		for _, c := range e.cat.all() {
			if im := c.image.Load(); im != nil && !c.dropped {
				images = append(images, im)
			}
		}
		if err := e.store.Checkpoint(fs.PathJoin(tmp, dbName)); err != nil {
			return errStorage(err)
		}
		return nil
	}))
	if err != nil {
		return pos, err
	}
	if err := e.linkImages(images, fs.PathJoin(tmp, imagesName)); err != nil {
		return pos, errStorage(err)
	}
	return pos, nil
}

// snapshotWriter turns a directory into a tar stream.
type snapshotWriter struct {
	ctx  context.Context
	fs   vfs.FS
	tw   *tar.Writer
	info *SnapshotInfo
}

func (s *snapshotWriter) write(root string) error {
	if err := s.dir(root, ""); err != nil {
		return err
	}
	b, err := json.MarshalIndent(s.info, "", "  ")
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	if err := s.tw.WriteHeader(&tar.Header{
		Name: snapshotManifest, Mode: 0o644, Size: int64(len(b)), Typeflag: tar.TypeReg,
	}); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if _, err := s.tw.Write(b); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return s.tw.Close()
}

// dir writes every file under root/rel, sorted by name.
func (s *snapshotWriter) dir(root, rel string) error {
	names, err := s.fs.List(s.fs.PathJoin(root, rel))
	if err != nil {
		return errStorage(err)
	}
	slices.Sort(names)
	for _, n := range names {
		full, name := s.fs.PathJoin(root, rel, n), path.Join(rel, n)
		st, err := s.fs.Stat(full)
		if err != nil {
			return errStorage(err)
		}
		if st.IsDir() {
			err = s.dir(root, name)
		} else {
			err = s.file(full, name, st.Size())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshotWriter) file(full, name string, size int64) (err error) {
	if s.ctx.Err() != nil {
		return errContext(s.ctx)
	}
	f, err := s.fs.Open(full)
	if err != nil {
		return errStorage(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := s.tw.WriteHeader(&tar.Header{
		Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg,
	}); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(s.tw, h), f, size); err != nil {
		return fmt.Errorf("write snapshot: %s: %w", name, err)
	}
	s.info.Files = append(s.info.Files, SnapshotFile{
		Name: name, Bytes: size, SHA256: hex.EncodeToString(h.Sum(nil)),
	})
	s.info.Bytes += size
	return nil
}

// snapshotName accepts the names that Snapshot writes: relative, slash-separated,
// at most two levels, plain characters. Anything else in an archive is refused.
func snapshotName(name string) bool {
	if name == "" || len(name) > 255 || path.Clean(name) != name || strings.Count(name, "/") > 1 {
		return false
	}
	for _, part := range strings.Split(name, "/") {
		if part == "" || part[0] == '.' {
			return false
		}
		for _, r := range part {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r) {
				return false
			}
		}
	}
	return true
}

// errSnapshot says that an archive is not a snapshot, or damaged.
func errSnapshot(format string, args ...any) error {
	return errs.New(errs.Validation, "Invalid snapshot: "+format, args...).With("field", "snapshot")
}
