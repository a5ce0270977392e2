package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/engine"
)

// dirEmpty is what inspectDir finds in a directory without files.
const dirEmpty = "is empty"

// inspectDir says what a directory of data holds without opening the data. An
// error says why the server would refuse the directory.
func inspectDir(dir string) (doctor.DirState, error) {
	var none doctor.DirState
	entries, err := os.ReadDir(dir)
	if err != nil {
		return none, err
	}
	if len(entries) == 0 {
		return doctor.DirState{Found: dirEmpty}, nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, "IDENTITY"))
	if errors.Is(err, fs.ErrNotExist) {
		return none, fmt.Errorf("%s holds %q but no IDENTITY file: it is not a Vectorizer data directory",
			dir, entries[0].Name())
	}
	if err != nil {
		return none, err
	}
	var id struct {
		Product string `json:"product"`
		Version string `json:"version"`
		NodeID  string `json:"node_id"`
		Format  int    `json:"format"`
	}
	if json.Unmarshal(raw, &id) != nil || id.Product != "vectorizer" {
		return none, fmt.Errorf("%s has an IDENTITY file that is not Vectorizer's", dir)
	}
	if id.Format > engine.DataFormat {
		return none, fmt.Errorf("%s has format %d, written by version %s; this version reads up to %d",
			dir, id.Format, id.Version, engine.DataFormat)
	}
	found := fmt.Sprintf("has format %d, made by version %s, node %s", id.Format, id.Version, id.NodeID)
	holder, used := lockHolder(dir)
	if used {
		found += ", in use by " + holder
	}
	return doctor.DirState{Found: found, InUse: used}, nil
}

// lockHolder reports whether another process has dir open. It takes the lock
// for a moment to find out.
func lockHolder(dir string) (holder string, used bool) {
	path := filepath.Join(dir, "LOCK")
	if _, err := os.Stat(path); err != nil {
		return "", false
	}
	lock, err := vfs.Default.Lock(path)
	if err == nil {
		return "", lock.Close() != nil
	}
	holder = "another process"
	if pid, err := os.ReadFile(filepath.Join(dir, "PID")); err == nil {
		holder = "process " + strings.TrimSpace(string(pid))
	}
	return holder, true
}
