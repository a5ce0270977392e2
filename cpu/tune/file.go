package tune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// FileName is the file's name in its directory.
const FileName = "FETCH"

// Key is what a measurement holds for: another processor, other instructions or
// other kernels may want other depths.
type Key struct {
	CPU   string `json:"cpu"`   // model as the system names it
	Level string `json:"level"` // instruction set of the kernels
	Build string `json:"build"` // version of the program
}

// record is the content of the file.
type record struct {
	Key
	simd.Fetch
}

// Load returns what the file in dir holds. false means that it holds nothing for
// key, whatever the reason: it is measured again then.
func Load(dir string, key Key) (simd.Fetch, bool) {
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || key.CPU == "" {
		return simd.Fetch{}, false
	}
	var r record
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&r) != nil || r.Key != key || r.Check() != nil {
		return simd.Fetch{}, false
	}
	return r.Fetch, true
}

// Save replaces the file in dir. A processor without a name could be any, so nothing
// is kept for it. The file may be lost or torn in a crash: it is measured again then.
func Save(dir string, key Key, f simd.Fetch) error {
	if key.CPU == "" {
		return nil
	}
	raw, err := json.MarshalIndent(record{key, f}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode depths of fetching: %w", err)
	}
	path := filepath.Join(dir, FileName)
	if err := os.WriteFile(path+".tmp", append(raw, '\n'), 0o644); err != nil { //nolint:gosec // no secret
		return fmt.Errorf("keep depths of fetching: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return errors.Join(fmt.Errorf("keep depths of fetching: %w", err), os.Remove(path+".tmp"))
	}
	return nil
}
