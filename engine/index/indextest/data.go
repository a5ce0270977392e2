package indextest

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Set is a data set with queries and the true nearest rows of each.
type Set struct {
	Name    string
	Metric  compute.Metric
	Dim     int
	Base    [][]float32
	Queries [][]float32
	Truth   [][]uint32 // per query, nearest first
}

// LoadLarge reads a data set of the shared folder: code-lsa-256, mnist-784, or a
// generated one whose name begins with clustered-.
// ok is false where the folder does not exist; it is found by VECTORIZER_DATA or
// beside the repository.
func LoadLarge(name string) (set *Set, ok bool, err error) {
	dir := filepath.Join(dataDir(), name)
	if _, err := os.Stat(dir); err != nil {
		return nil, false, nil
	}
	set, err = load(dir, name)
	return set, err == nil, err
}

// LoadSmall reads the cut of code-lsa-256 that lies in the repository.
func LoadSmall(tb testing.TB) *Set {
	tb.Helper()
	_, file, _, _ := runtime.Caller(0)
	set, err := load(filepath.Join(filepath.Dir(file), "../../../bench/testdata/code-lsa-256"), "code-lsa-256")
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// load reads the set in the folder dir, whose name says its metric and form.
func load(dir, name string) (*Set, error) {
	set := &Set{Name: name, Metric: compute.L2}
	kind := "bvecs"
	switch {
	case strings.HasPrefix(name, "code-"):
		set.Metric, kind = compute.Cosine, "fvecs"
	case strings.HasPrefix(name, "clustered-"):
		kind = "fvecs"
	}
	var err error
	if set.Base, err = readVectors(filepath.Join(dir, "base."+kind+".gz")); err != nil {
		return nil, err
	}
	if set.Queries, err = readVectors(filepath.Join(dir, "queries."+kind+".gz")); err != nil {
		return nil, err
	}
	set.Dim = len(set.Base[0])
	if set.Metric == compute.Cosine { // the file rounds to half precision
		for _, v := range set.Base {
			Normalize(v)
		}
		for _, v := range set.Queries {
			Normalize(v)
		}
	}
	set.Truth, err = readRows(filepath.Join(dir, "truth.ivecs.gz"))
	return set, err
}

// dataDir is where the large sets are.
func dataDir() string {
	if dir := os.Getenv("VECTORIZER_DATA"); dir != "" {
		return dir
	}
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../../..", "shared/data")
}

// Normalize scales v to unit length; a zero vector stays.
func Normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	inv := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * inv)
	}
}

// readVectors reads a gzip-compressed fvecs or bvecs file.
func readVectors(path string) ([][]float32, error) {
	width := 4
	if strings.Contains(path, ".bvecs") {
		width = 1
	}
	var out [][]float32
	err := readTexmex(path, width, func(row []byte) {
		v := make([]float32, len(row)/width)
		for i := range v {
			if width == 1 {
				v[i] = float32(row[i])
			} else {
				v[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
			}
		}
		out = append(out, v)
	})
	return out, err
}

// readRows reads a gzip-compressed ivecs file.
func readRows(path string) ([][]uint32, error) {
	var out [][]uint32
	err := readTexmex(path, 4, func(row []byte) {
		v := make([]uint32, len(row)/4)
		for i := range v {
			v[i] = binary.LittleEndian.Uint32(row[4*i:])
		}
		out = append(out, v)
	})
	return out, err
}

// readTexmex calls row with the components of each row.
func readTexmex(path string, width int, row func([]byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r := bufio.NewReaderSize(z, 1<<20)
	var head [4]byte
	var buf []byte
	for {
		if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		n := int(binary.LittleEndian.Uint32(head[:])) * width
		if n <= 0 || n > 1<<20 {
			return fmt.Errorf("%s: row of %d bytes", path, n)
		}
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		row(buf[:n])
	}
}
