package dataset

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

func TestSmall(t *testing.T) {
	s, err := Small()
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != 8000 || s.NumQueries() != 200 || s.Dim != 256 || s.TruthK != 100 {
		t.Errorf("shape %d × %d, %d queries, truth %d", s.Rows(), s.Dim, s.NumQueries(), s.TruthK)
	}
	if s.Metric != compute.Cosine || s.Name != "code-lsa-256-8k" {
		t.Errorf("metric %v, name %q", s.Metric, s.Name)
	}
	for i := range s.Rows() {
		if n := norm64(s.Row(i)); math.Abs(n-1) > 2e-3 {
			t.Fatalf("row %d has length %v", i, n)
		}
	}
	// A tenth of the queries, so that the race detector gets through too.
	for q := 0; q < s.NumQueries(); q += 10 {
		if again := Exact(s.Metric, s.Base, s.Query(q), s.Dim, s.TruthK); !slices.Equal(again, s.Nearest(q)) {
			t.Errorf("the truth of query %d is not the exact truth", q)
		}
	}
}

func TestExactByHand(t *testing.T) {
	base := []float32{0, 0, 3, 0, 0, 1, 0, -1, 10, 10}
	f := func(m compute.Metric, q []float32, want ...int32) {
		t.Helper()
		if got := Exact(m, base, q, 2, len(want)); !slices.Equal(got, want) {
			t.Errorf("metric %v query %v: got %v, want %v", m, q, got, want)
		}
	}
	f(compute.L2, []float32{0, 0}, 0, 2, 3) // 2 and 3 tie: by row
	f(compute.L2, []float32{9, 9}, 4, 1)
	f(compute.Dot, []float32{1, 0}, 4, 1, 0, 2, 3)
	f(compute.Cosine, []float32{0, -2}, 3, 0, 1, 4, 2)
}

func TestExactLargeBase(t *testing.T) {
	// More rows than the buffer of nearest: the cut back must lose nothing.
	base := make([]float32, 5000)
	for i := range base {
		base[i] = float32((i * 7919) % 5000)
	}
	got := Exact(compute.L2, base, []float32{2500.25}, 1, 5)
	for i, want := range []float32{2500, 2501, 2499, 2502, 2498} {
		if base[got[i]] != want {
			t.Errorf("neighbour %d is %v, want %v", i, base[got[i]], want)
		}
	}
}

func TestFindFallsBackToSmall(t *testing.T) {
	t.Setenv(EnvData, t.TempDir())
	t.Chdir(t.TempDir())
	s, err := Find("code-lsa-256")
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != 8000 {
		t.Errorf("%d rows", s.Rows())
	}
	if _, err := Find("no-such-set"); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), EnvData) {
		t.Errorf("error %v does not say where to put it", err)
	}
}

func TestFindPrefersEnv(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "code-lsa-256")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range tinySet() {
		if err := os.WriteFile(filepath.Join(dir, name), data.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(EnvData, root)
	s, err := Find("code-lsa-256")
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != 2 || s.Dim != 1 || s.Metric != compute.Cosine || s.Name != "code-lsa-256" {
		t.Errorf("got %d × %d, %v, %q", s.Rows(), s.Dim, s.Metric, s.Name)
	}
}

// tinySet is two rows of one component and one query.
func tinySet() fstest.MapFS {
	return fstest.MapFS{
		"base.fvecs":    {Data: []byte("\x01\x00\x00\x00\x00\x00\x80\x3f\x01\x00\x00\x00\x00\x00\x00\x40")},
		"queries.bvecs": {Data: []byte("\x01\x00\x00\x00\x02")},
		"truth.ivecs":   {Data: []byte("\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00")},
	}
}

func TestOpenRefuses(t *testing.T) {
	f := func(change func(m fstest.MapFS), want string) {
		t.Helper()
		m := tinySet()
		change(m)
		_, err := OpenFS(m, ".")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(func(m fstest.MapFS) { delete(m, "base.fvecs") }, "base.fvecs or .bvecs or .fbin or .u8bin or .i8bin")
	f(func(m fstest.MapFS) { m["truth.ivecs"].Data[8] = 2 }, "base rows 0 to 1")
	f(func(m fstest.MapFS) { m["queries.bvecs"].Data[0] = 2 }, "the end of the file")
	f(func(m fstest.MapFS) {
		m["queries.bvecs"].Data = append(m["queries.bvecs"].Data, "\x01\x00\x00\x00\x07"...)
	}, "2 rows, one per query")
	f(func(m fstest.MapFS) { m["set.json"] = &fstest.MapFile{Data: []byte(`{"metric":"x"}`)} },
		"cosine, euclidean or dot")
}

func TestBinFolder(t *testing.T) {
	const head = "\x02\x00\x00\x00\x01\x00\x00\x00"
	s, err := OpenFS(fstest.MapFS{
		"base.fbin":     {Data: []byte(head + "\x00\x00\x80\x3f\x00\x00\x00\x40")},
		"queries.i8bin": {Data: []byte(head + "\xff\x02")},
		"truth.ibin":    {Data: []byte(head + "\x00\x00\x00\x00\x01\x00\x00\x00distance")},
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != 2 || s.Queries[0] != -1 || !slices.Equal(s.Truth, []int32{0, 1}) {
		t.Errorf("%+v", s)
	}
}

func TestHDF5(t *testing.T) {
	dir := filepath.Join("..", "hdf5", "testdata")
	s, err := Open(filepath.Join(dir, "gzip-v0.hdf5"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != 40 || s.NumQueries() != 5 || s.Dim != 6 || s.TruthK != 10 || s.Metric != compute.L2 ||
		s.Name != "gzip-v0" || len(s.SHA256) != 64 {
		t.Errorf("%+v", s)
	}
	if !slices.Equal(s.Truth, Exact(s.Metric, s.Base, s.Queries, s.Dim, s.TruthK)) {
		t.Error("the truth is not the exact truth")
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no data set"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		text:                              "expected a folder or an HDF5 file",
		filepath.Join(dir, "types.hdf5"):  "table: expected one of",
		filepath.Join(dir, "nosuch.hdf5"): "file does not exist",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
