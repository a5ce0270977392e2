// Package dataset opens the data sets that tests, the demo and the benchmarks
// measure on, computes exact ground truth for them, and generates synthetic ones.
//
// A data set is an HDF5 file of ann-benchmarks, or a folder: base and queries as
// fvecs, bvecs, fbin, u8bin or i8bin, truth as ivecs or ibin, gzip, zstd or plain,
// and an optional set.json that names it.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Set is a data set in memory. It is read-only: many tests share it.
type Set struct {
	Name    string
	Metric  compute.Metric
	Dim     int
	Base    []float32 // rows × Dim, row-major
	Queries []float32 // queries × Dim
	Truth   []int32   // queries × TruthK: base rows, nearest first
	TruthK  int
	SHA256  string // of the base file as it lies on disk, or of the generator's words
	Origin  string // folder or generator it came from
}

// Rows is the number of base rows.
func (s *Set) Rows() int { return len(s.Base) / s.Dim }

// NumQueries is the number of queries.
func (s *Set) NumQueries() int { return len(s.Queries) / s.Dim }

// Row returns base row i.
func (s *Set) Row(i int) []float32 { return s.Base[i*s.Dim : (i+1)*s.Dim : (i+1)*s.Dim] }

// Query returns query i.
func (s *Set) Query(i int) []float32 {
	return s.Queries[i*s.Dim : (i+1)*s.Dim : (i+1)*s.Dim]
}

// Nearest returns the exact nearest base rows of query i, at most TruthK.
func (s *Set) Nearest(i int) []int32 { return s.Truth[i*s.TruthK : (i+1)*s.TruthK] }

// about is set.json.
type about struct {
	Name   string `json:"name"`
	Metric string `json:"metric"` // cosine, euclidean, dot
}

// Open reads the data set in the folder, or the HDF5 file, dir.
// Errors: *errs.Error, *fs.PathError.
func Open(dir string) (*Set, error) {
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		if !isHDF5(dir) {
			return nil, errs.Invalid("data set", "a folder or an HDF5 file", dir)
		}
		return OpenHDF5(dir)
	}
	s, err := OpenFS(os.DirFS(dir), ".")
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", dir, err)
	}
	s.Origin = dir
	if s.Name == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		s.Name = filepath.Base(abs)
	}
	if s.Metric == 0 {
		s.Metric = metricOfName(s.Name)
	}
	return s, nil
}

// OpenFS reads the data set in folder dir of fsys. A set without set.json has no
// Name and no Metric.
func OpenFS(fsys fs.FS, dir string) (*Set, error) {
	s := &Set{Origin: dir}
	if err := s.readAbout(fsys, dir); err != nil {
		return nil, err
	}
	var err error
	if s.Base, s.Dim, s.SHA256, err = readVectors(fsys, dir, "base"); err != nil {
		return nil, err
	}
	var dim int
	if s.Queries, dim, _, err = readVectors(fsys, dir, "queries"); err != nil {
		return nil, err
	}
	if dim != s.Dim {
		return nil, errs.Invalid("queries", fmt.Sprintf("dimension %d as in the base", s.Dim), dim)
	}
	return s, s.readTruth(fsys, dir)
}

func (s *Set) readAbout(fsys fs.FS, dir string) error {
	text, err := fs.ReadFile(fsys, path.Join(dir, "set.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var a about
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("set.json: %w", err)
	}
	s.Name = a.Name
	if s.Metric, err = ParseMetric(a.Metric); err != nil {
		return fmt.Errorf("set.json: %w", err)
	}
	return nil
}

// readTruth reads and checks the truth.
func (s *Set) readTruth(fsys fs.FS, dir string) error {
	file, name, err := find(fsys, dir, "truth", "ivecs", "ibin")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	read := rowio.NewIVecs
	if strings.Contains(path.Base(name), ".ibin") {
		read = rowio.NewIBin
	}
	if s.Truth, s.TruthK, err = read(name, file); err != nil {
		return err
	}
	return s.checkTruth(name)
}

// checkTruth refuses a truth that does not have a row per query, or names rows
// that the base lacks.
func (s *Set) checkTruth(name string) error {
	if got := len(s.Truth) / max(s.TruthK, 1); got != s.NumQueries() {
		return errs.Invalid(name, fmt.Sprintf("%d rows, one per query", s.NumQueries()), got)
	}
	for i, row := range s.Truth {
		if int(row) < 0 || int(row) >= s.Rows() {
			return errs.Invalid(fmt.Sprintf("%s row %d", name, i/s.TruthK),
				fmt.Sprintf("base rows 0 to %d", s.Rows()-1), row)
		}
	}
	return nil
}

// find opens the first of name.ext and name.ext.gz that exists.
func find(fsys fs.FS, dir, name string, exts ...string) (fs.File, string, error) {
	for _, ext := range exts {
		for _, suffix := range []string{".gz", ".zst", ""} {
			p := path.Join(dir, name+"."+ext+suffix)
			file, err := fsys.Open(p)
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return file, p, err
			}
		}
	}
	return nil, "", fmt.Errorf("%s.%s: %w", name, strings.Join(exts, " or ."), fs.ErrNotExist)
}

func readVectors(fsys fs.FS, dir, name string) (vecs []float32, dim int, hash string, err error) {
	file, p, err := find(fsys, dir, name, "fvecs", "bvecs", "fbin", "u8bin", "i8bin")
	if err != nil {
		return nil, 0, "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	r, err := rowio.NewReader(p, io.TeeReader(file, sum), rowio.Options{})
	if err != nil {
		return nil, 0, "", err
	}
	defer func() { _ = r.Close() }()
	var row rowio.Row
	for {
		if err = r.Next(&row); err != nil {
			break
		}
		vecs = append(vecs, row.Vector...)
	}
	if err != io.EOF {
		return nil, 0, "", err
	}
	if len(vecs) == 0 {
		return nil, 0, "", errs.Invalid(p, "at least one row", "none")
	}
	return vecs, r.Dim(), hex.EncodeToString(sum.Sum(nil)), nil
}

// Distance is the exact distance of a base row to a query, smaller is nearer. A
// row that does not exist is infinitely far.
func (s *Set) Distance(query, row int) float64 {
	if row < 0 || row >= s.Rows() {
		return math.Inf(1)
	}
	q, b := s.Query(query), s.Row(row)
	if s.Metric != compute.Cosine {
		return distance64(s.Metric, q, b, 1, 1)
	}
	return distance64(s.Metric, q, b, norm64(q), norm64(b))
}
