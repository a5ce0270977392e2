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
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Limits of a snapshot's manifest and file count: an archive is hostile until it
// is checked.
const (
	maxManifestBytes = 64 << 20
	maxSnapshotFiles = 1 << 20
)

// Restore makes the data directory dir, which must be absent or empty, from a
// snapshot. It writes beside dir, checks every checksum, and renames: dir is
// complete or not there. All file names go through os.Root. The new directory
// gets a node id of its own and keeps the history id.
func Restore(ctx context.Context, dir string, r io.Reader) (SnapshotInfo, error) {
	var info SnapshotInfo
	names, err := listDir(vfs.Default, dir)
	if err != nil {
		return info, err
	}
	if len(names) > 0 {
		return info, errs.New(errs.Configuration, "data directory %s is not empty", dir).
			With("path", dir)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return info, fmt.Errorf("create %s: %w", parent, err)
	}
	tmp, err := os.MkdirTemp(parent, ".restore-*")
	if err != nil {
		return info, fmt.Errorf("create a directory beside %s: %w", dir, err)
	}
	info, err = unpack(ctx, tmp, r)
	if err == nil {
		err = adopt(tmp, dir, &info)
	}
	if err != nil {
		return info, errors.Join(err, os.RemoveAll(tmp))
	}
	return info, nil
}

// adopt gives the unpacked directory an identity and its name.
func adopt(tmp, dir string, info *SnapshotInfo) error {
	id, err := readIdentity(vfs.Default, tmp)
	if err != nil {
		return err
	}
	id.NodeID = uuid.NewString()
	info.NodeID = id.NodeID
	if err := writeIdentity(vfs.Default, tmp, id); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return publish(vfs.Default, filepath.Dir(filepath.Clean(dir)), tmp, filepath.Base(filepath.Clean(dir)))
}

// unpack reads the archive into tmp and checks it against its manifest.
func unpack(ctx context.Context, tmp string, r io.Reader) (SnapshotInfo, error) {
	var info SnapshotInfo
	root, err := os.OpenRoot(tmp)
	if err != nil {
		return info, err
	}
	defer root.Close()
	sums := make(map[string]SnapshotFile)
	tr := tar.NewReader(r)
	for {
		if ctx.Err() != nil {
			return info, errContext(ctx)
		}
		h, err := tr.Next()
		if err == io.EOF {
			return info, errSnapshot("it ends before its manifest")
		}
		if err != nil {
			return info, errSnapshot("not a tar stream: %v", err)
		}
		if h.Name == snapshotManifest {
			return readManifest(tr, h, sums)
		}
		if h.Typeflag != tar.TypeReg || !snapshotName(h.Name) {
			return info, errSnapshot("member %q is not one that a snapshot has", clip(h.Name))
		}
		if _, dup := sums[h.Name]; dup || len(sums) == maxSnapshotFiles {
			return info, errSnapshot("member %q is there twice, or one of too many", clip(h.Name))
		}
		f, err := unpackFile(root, h.Name, tr)
		if err != nil {
			return info, err
		}
		sums[h.Name] = f
	}
}

// unpackFile writes one member, synced.
func unpackFile(root *os.Root, name string, r io.Reader) (out SnapshotFile, err error) {
	if dir, _, ok := strings.Cut(name, "/"); ok {
		if err := root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return out, err
		}
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), r)
	if err != nil {
		return out, errSnapshot("member %q is cut short: %v", name, err)
	}
	if err := f.Sync(); err != nil {
		return out, err
	}
	return SnapshotFile{Name: name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// readManifest parses the manifest and compares the files with it.
func readManifest(r io.Reader, h *tar.Header, got map[string]SnapshotFile) (SnapshotInfo, error) {
	var info SnapshotInfo
	if h.Size > maxManifestBytes {
		return info, errSnapshot("manifest of %d bytes", h.Size)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxManifestBytes))
	if err != nil {
		return info, errSnapshot("manifest is cut short: %v", err)
	}
	if err := json.Unmarshal(b, &info); err != nil {
		return info, errSnapshot("manifest: %v", err)
	}
	if info.Format != SnapshotFormat {
		return info, errSnapshot("format %d; this version reads %d", info.Format, SnapshotFormat)
	}
	if len(info.Files) != len(got) {
		return info, errSnapshot("%d files, its manifest lists %d", len(got), len(info.Files))
	}
	for _, f := range info.Files {
		if got[f.Name] != f {
			return info, errSnapshot("file %q does not match its checksum", clip(f.Name))
		}
	}
	return info, nil
}
