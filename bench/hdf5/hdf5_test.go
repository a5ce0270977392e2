package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// open opens a file that h5py wrote; testdata/README.md says how.
func open(t testing.TB, name string) *File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(name, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func floats(t *testing.T, f *File, name string) [][]float32 {
	t.Helper()
	table, err := f.Table(name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for i := range table.Rows() {
		row := make([]float32, table.Cols())
		if err := table.Floats(i, row); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// TestLayouts reads the same set as every superblock and layout holds it, and
// checks it against its own neighbours and distances.
func TestLayouts(t *testing.T) {
	want := floats(t, open(t, "contiguous-v0.hdf5"), "train")
	if len(want) != 40 || want[0][0] != 0.001 || want[39][5] != -1.45 {
		t.Errorf("%d rows, the first %v, the last %v", len(want), want[0], want[39])
	}
	for _, name := range []string{"contiguous-v0", "contiguous-v2", "contiguous-v3", "gzip-v0",
		"gzip-shuffle-v2", "gzip-v3"} {
		f := open(t, name+".hdf5")
		if got := f.Names(); !slices.Equal(got, []string{"distances", "neighbors", "test", "train"}) {
			t.Errorf("%s holds %v", name, got)
		}
		if d, ok := f.Attribute("distance"); !ok || d != "euclidean" {
			t.Errorf("%s: distance %q", name, d)
		}
		train, test, distances := floats(t, f, "train"), floats(t, f, "test"), floats(t, f, "distances")
		if !slices.EqualFunc(train, want, slices.Equal) {
			t.Errorf("%s: another train", name)
		}
		neighbours, err := f.Table("neighbors")
		if err != nil {
			t.Fatal(err)
		}
		row := make([]int32, neighbours.Cols())
		for q := range test {
			if err := neighbours.Ints(int64(q), row); err != nil {
				t.Fatal(err)
			}
			for i, n := range row {
				if got := apart(test[q], train[n]); math.Abs(got-float64(distances[q][i])) > 1e-5 {
					t.Errorf("%s: neighbour %d of query %d at %v, the file says %v", name, i, q, got, distances[q][i])
				}
			}
		}
	}
}

func apart(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x-b[i]) * float64(x-b[i])
	}
	return math.Sqrt(sum)
}

func TestTypes(t *testing.T) {
	f := open(t, "types.hdf5")
	for _, name := range []string{"u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "big-f4",
		"big-f8", "big-i4", "one-chunk", "growing"} {
		got := floats(t, f, name)
		if fmt.Sprint(got) != "[[0 1 2] [3 4 5]]" {
			t.Errorf("%s: %v", name, got)
		}
		table, err := f.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]int32, 3)
		if err := table.Ints(1, row); strings.HasPrefix(table.Type(), "f") == (err == nil) {
			t.Errorf("%s as integers: %v %v", name, row, err)
		}
	}
}

func TestNewestFormat(t *testing.T) {
	f := open(t, "latest.hdf5")
	if got := floats(t, f, "one-chunk"); fmt.Sprint(got) != "[[0 1 2] [3 4 5]]" {
		t.Errorf("%v", got)
	}
	for _, name := range []string{"in-order", "fixed-array"} {
		if got := floats(t, f, name); fmt.Sprint(got) != "[[0 1 2] [3 4 5] [6 7 8] [9 10 11]]" {
			t.Errorf("%s: %v", name, got)
		}
	}
	many := floats(t, f, "many") // more chunks than a page of the fixed array has
	for i, row := range many {
		if row[0] != float32(3*i) || row[2] != float32(3*i+2) {
			t.Fatalf("row %d is %v", i, row)
		}
	}
	if len(many) != 3000 {
		t.Errorf("%d rows", len(many))
	}
}

func TestRefusals(t *testing.T) {
	f := func(file, table, field, given string) {
		t.Helper()
		_, err := open(t, file).Table(table)
		var e *errs.Error
		if !errors.As(err, &e) || e.Details["field"] != field ||
			!strings.Contains(fmt.Sprint(e.Details["given"]), given) {
			t.Errorf("%s: %v", table, err)
		}
	}
	f("types.hdf5", "nothing", "table", "nothing")
	f("types.hdf5", "text", "type", "class 3")
	f("types.hdf5", "line", "dimensions", "1")
	f("types.hdf5", "lzf", "filter", "32000")
	f("types.hdf5", "never-written", "data", "none")
	f("types.hdf5", "folder", "object", "another")
	f("latest.hdf5", "growing", "chunk index", "4 of layout")

	data, err := os.ReadFile(filepath.Join("testdata", "gzip-v0.hdf5"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open("x", strings.NewReader("not one"), 7); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Error(err)
	}
	// Cut short anywhere, a file is refused or gives whole rows, and never others.
	want := floats(t, open(t, "gzip-v0.hdf5"), "train")
	for n := 0; n < len(data); n += 97 {
		cut, err := Open("cut", bytes.NewReader(data[:n]), int64(n))
		if err != nil {
			continue
		}
		table, err := cut.Table("train")
		if err != nil {
			continue
		}
		row := make([]float32, table.Cols())
		for i := range table.Rows() {
			if err := table.Floats(i, row); err == nil && !slices.Equal(row, want[i]) {
				t.Errorf("cut at %d: row %d is %v", n, i, row)
			}
		}
	}
}

// FuzzRead checks that no file makes the reader panic, hang, or take memory that
// the file does not justify.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"contiguous-v0", "contiguous-v3", "gzip-v0", "gzip-shuffle-v2", "gzip-v3", "types"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".hdf5"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open("f", bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, name := range file.Names() {
			table, err := file.Table(name)
			if err != nil {
				continue
			}
			numbers, row := make([]int32, table.Cols()), make([]float32, table.Cols())
			for i := range min(table.Rows(), 50) {
				_ = table.Ints(i, numbers)
				if table.Floats(i, row) != nil {
					break
				}
			}
		}
	})
}
