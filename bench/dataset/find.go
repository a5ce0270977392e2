package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vectorizer-go/vectorizer/bench/testdata"
)

// EnvData is the environment variable that names the folder of data sets.
const EnvData = "VECTORIZER_DATA"

// smallName is the data set that the binary carries a cut of.
const smallName = "code-lsa-256"

// Find opens the data set name: from the folder that VECTORIZER_DATA names, from
// ../shared/data beside the module, or, for "code-lsa-256", the small cut of it
// that the binary carries. The Set's Name tells which one it is.
func Find(name string) (*Set, error) {
	dir, err := Locate(name)
	if err == nil {
		return Open(dir)
	}
	if name == smallName && errors.Is(err, fs.ErrNotExist) {
		return Small()
	}
	return nil, err
}

// Small opens the cut of code-lsa-256 that the binary carries: 8,000 × 256,
// cosine, 200 queries. Fast tests use it whether or not the whole set is there.
func Small() (*Set, error) {
	s, err := OpenFS(testdata.Files, smallName)
	if err != nil {
		return nil, fmt.Errorf("embedded data set: %w", err)
	}
	s.Origin = "bench/testdata/" + smallName
	return s, nil
}

// Locate returns the folder of the data set name.
// Errors: one that wraps fs.ErrNotExist and names the places searched.
func Locate(name string) (string, error) {
	var tried []string
	for _, root := range roots() {
		dir := filepath.Join(root, name)
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir, nil
		}
		tried = append(tried, dir)
	}
	return "", fmt.Errorf("data set %s: not in %q (set %s to the folder that holds it): %w",
		name, tried, EnvData, fs.ErrNotExist)
}

func roots() []string {
	var out []string
	if dir := os.Getenv(EnvData); dir != "" {
		out = append(out, dir)
	}
	if root, ok := moduleRoot(); ok {
		out = append(out, filepath.Join(root, "..", "shared", "data"))
	}
	return out
}

// moduleRoot is the nearest folder above the working directory with a go.mod.
func moduleRoot() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}
