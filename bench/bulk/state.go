package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// State remembers how far an import came, so that it can go on where it stopped.
// It is a small file whose name is made of the imported file's content and of
// where it goes: another file, server or collection has another state.
type State struct {
	path  string
	saved time.Time
	body  stateBody
}

type stateBody struct {
	File       string    `json:"file"`
	Server     string    `json:"server"`
	Collection string    `json:"collection"`
	Rows       int64     `json:"rows"` // acknowledged from the front
	At         time.Time `json:"at"`
}

// fingerprintBytes is how much of both ends of a file goes into its fingerprint,
// with its size. Reading all of a large file would take longer than importing it.
const fingerprintBytes = 1 << 20

// OpenState finds the state of importing file into a collection in the folder
// dir. identity tells one life of a collection from the next, its creation time:
// what is known of a collection that was deleted must not count for its
// successor. A state that cannot be read counts as none.
func OpenState(dir, file, server, collection, identity string) (*State, error) {
	sum, err := fingerprint(file)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s", sum, server, collection, identity)
	name := "import-" + hex.EncodeToString(h.Sum(nil)[:12]) + ".json"
	s := &State{path: filepath.Join(dir, name)}
	s.body = stateBody{File: file, Server: server, Collection: collection}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return s, nil
	}
	var old stateBody
	if json.Unmarshal(text, &old) == nil && old.Rows > 0 && old.Collection == collection {
		s.body.Rows = old.Rows
	}
	return s, nil
}

// fingerprint is the SHA-256 of the size and both ends of a file.
func fingerprint(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", st.Size())
	if _, err := io.Copy(h, io.LimitReader(f, fingerprintBytes)); err != nil {
		return "", err
	}
	tail := max(st.Size()-fingerprintBytes, 0)
	if _, err := io.Copy(h, io.NewSectionReader(f, tail, fingerprintBytes)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Rows is how many rows from the front are stored.
func (s *State) Rows() int64 { return s.body.Rows }

// Path is where the state lies.
func (s *State) Path() string { return s.path }

// saveEvery is how often Advance writes.
const saveEvery = time.Second

// Advance remembers rows, at most once a second on disk: what is lost with a
// crash is sent again, which changes nothing.
func (s *State) Advance(rows int64) error {
	s.body.Rows = rows
	if time.Since(s.saved) < saveEvery {
		return nil
	}
	return s.Save()
}

// Save writes the state.
func (s *State) Save() error {
	s.saved = time.Now()
	s.body.At = s.saved.UTC()
	text, err := json.MarshalIndent(s.body, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return err
	}
	tmp := s.path + ".part"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, s.path)
}

// Forget removes the state: the import is complete, or is to start again.
func (s *State) Forget() error {
	s.body.Rows = 0
	err := os.Remove(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
