package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vectorizer-go/vectorizer/bench/hdf5"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// OpenHDF5 reads a data set as ann-benchmarks distributes them: an HDF5 file with
// the tables train, test and neighbors, and the attribute distance. The name is the
// file's, without its suffix.
// Errors: *errs.Error, *fs.PathError.
func OpenHDF5(path string) (s *Set, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	h, err := hdf5.Open(path, file, st.Size())
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	s = &Set{Name: name, Origin: path}
	if s.Metric, err = metricOfFile(path, h, name); err != nil {
		return nil, err
	}
	if s.Base, s.Dim, err = floatTable(h, path, "train"); err != nil {
		return nil, err
	}
	var dim int
	if s.Queries, dim, err = floatTable(h, path, "test"); err != nil {
		return nil, err
	}
	if dim != s.Dim {
		return nil, errs.Invalid("test", fmt.Sprintf("%d components as in train", s.Dim), dim)
	}
	if s.Truth, s.TruthK, err = intTable(h, "neighbors"); err != nil {
		return nil, err
	}
	if err := s.checkTruth(path + " neighbors"); err != nil {
		return nil, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, st.Size())); err != nil {
		return nil, err
	}
	s.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

// isHDF5 reports whether a file starts as HDF5 does.
func isHDF5(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	magic := make([]byte, len(hdf5.Signature))
	_, err = io.ReadFull(file, magic)
	return err == nil && string(magic) == hdf5.Signature
}

// metricOfFile is the metric that the attribute distance names in the words of
// ann-benchmarks; without it, the one that the set's name shows.
func metricOfFile(path string, h *hdf5.File, name string) (compute.Metric, error) {
	distance, ok := h.Attribute("distance")
	if !ok {
		return metricOfName(name), nil
	}
	switch distance {
	case "angular":
		return compute.Cosine, nil
	case "ip":
		return compute.Dot, nil
	}
	m, err := ParseMetric(distance)
	if err != nil {
		return 0, errs.Invalid(path+" attribute distance", "angular, euclidean or dot", distance)
	}
	return m, nil
}

func floatTable(h *hdf5.File, path, name string) (rows []float32, dim int, err error) {
	t, err := h.Table(name)
	if err != nil {
		return nil, 0, err
	}
	if t.Rows() == 0 || t.Cols() > compute.MaxDim {
		return nil, 0, errs.Invalid(path+" "+name, fmt.Sprintf("at least one row of at most %d", compute.MaxDim),
			fmt.Sprintf("%d × %d", t.Rows(), t.Cols()))
	}
	row := make([]float32, t.Cols())
	for i := range t.Rows() {
		if err := t.Floats(i, row); err != nil {
			return nil, 0, err
		}
		for j, v := range row {
			if v-v != 0 { // only NaN and the infinities
				return nil, 0, errs.Invalid(fmt.Sprintf("%s %s[%d][%d]", path, name, i, j), "a finite float32", v)
			}
		}
		rows = append(rows, row...)
	}
	return rows, t.Cols(), nil
}

func intTable(h *hdf5.File, name string) (rows []int32, width int, err error) {
	t, err := h.Table(name)
	if err != nil {
		return nil, 0, err
	}
	row := make([]int32, t.Cols())
	for i := range t.Rows() {
		if err := t.Ints(i, row); err != nil {
			return nil, 0, err
		}
		rows = append(rows, row...)
	}
	return rows, t.Cols(), nil
}
