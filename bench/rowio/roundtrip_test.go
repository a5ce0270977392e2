package rowio

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// sampleRows are rows with every kind of id and payload.
func sampleRows(n, dim int) []Row {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]Row, n)
	for i := range rows {
		rows[i].ID = fmt.Sprintf("id \"%d\" ü\n", i)
		rows[i].Vector = make([]float32, dim)
		for j := range rows[i].Vector {
			rows[i].Vector[j] = float32(rng.NormFloat64()) * float32(math.Pow(10, float64(rng.IntN(60)-30)))
		}
		if i%3 > 0 {
			rows[i].Payload = json.RawMessage(fmt.Sprintf(`{"n":%d,"t":"a\nb","l":[1,null,{"x":1.50}]}`, i))
		}
	}
	return rows
}

func TestRoundTrip(t *testing.T) {
	rows := sampleRows(500, 7)
	var want strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&want, "%s|%v|%s\n", r.ID, r.Vector, r.Payload)
	}
	for _, name := range []string{"a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.npy", "a.fvecs",
		"a.fvecs.zst", "a.parquet"} {
		path := filepath.Join(t.TempDir(), name)
		writeAll(t, path, rows)
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := dumpReader(r)
		if err != nil || got != want.String() {
			t.Errorf("%s: err %v, %d bytes, want %d", name, err, len(got), want.Len())
		}
	}
}

func writeAll(t *testing.T, path string, rows []Row) {
	t.Helper()
	w, err := Create(path, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Errorf("%s exists before Commit", path)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	parts, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.part"))
	if err != nil || len(parts) > 0 {
		t.Errorf("left behind: %v %v", parts, err)
	}
}

func TestAbandonedWriterLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "a.npy"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&Row{ID: "a", Vector: []float32{1}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&Row{ID: "b", Vector: []float32{1, 2}}); err == nil {
		t.Error("a row of another length was written")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"a.npy.gz": "npy without .gz", "a.parquet.zst": "parquet without .zst",
		"a.csv": "jsonl, parquet, npy or fvecs", "a": "jsonl, parquet",
	} {
		if _, err := Create(filepath.Join(dir, name), ""); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, err := Create(filepath.Join(dir, "a.jsonl"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := w.Write(&Row{ID: "a", Payload: json.RawMessage("[1]")}); err == nil {
		t.Error("a payload that is no object was written")
	}
}

func TestIDsFileMustMatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	writeAll(t, path, sampleRows(3, 2))
	f := func(ids, want string) {
		t.Helper()
		if err := os.WriteFile(path+IDsSuffix, []byte(ids), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dumpReader(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	line := "{\"id\":\"a\"}\n"
	f(line+line, "row 2: rows: expected as many as in")
	f(strings.Repeat(line, 4), "row 3: rows: expected 3 as in")
	f(line+"{}", "row 1: id: expected an id, got none")
	f(line+"{", "row 1: line 2: expected a JSON object")
}

func TestParquetTypes(t *testing.T) {
	type row struct {
		ID    int64     `parquet:"id"`
		Emb   []float64 `parquet:"emb,list"`
		Title string    `parquet:"title"`
		N     int32     `parquet:"n,optional"`
		U     uint64    `parquet:"u"`
		F     float32   `parquet:"f"`
		OK    bool      `parquet:"ok"`
		Tags  []string  `parquet:"tags,list"`
		Day   int32     `parquet:"day,date"`
		At    time.Time `parquet:"at,timestamp(millisecond)"`
	}
	path := filepath.Join(t.TempDir(), "a.parquet")
	at := time.Date(2024, 2, 29, 12, 0, 0, 5e6, time.UTC)
	err := parquet.WriteFile(path, []row{
		{5, []float64{1, 2.5}, "x\"", 7, 1 << 63, 1.5, true, []string{"a", ""}, 19782, at},
		{-6, []float64{3, 4}, "", 0, 0, float32(math.NaN()), false, nil, 0, time.UnixMilli(0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := dumpReader(r)
	want := `5|[1 2.5]|{"title":"x\"","n":7,"u":9223372036854775808,"f":1.5,"ok":true,"tags":["a",""],` +
		`"day":"2024-02-29","at":"2024-02-29T12:00:00.005Z"}` + "\n" +
		`-6|[3 4]|{"title":"","u":0,"ok":false,"tags":[],"day":"1970-01-01","at":"1970-01-01T00:00:00Z"}` + "\n"
	if err != nil || got != want {
		t.Errorf("got  %s\nwant %s\nerr %v", got, want, err)
	}
	r, err = Open(path, Options{Ignore: []string{"title", "n", "u", "f", "tags", "day", "at"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = dumpReader(r); err != nil || !strings.Contains(got, `|{"ok":true}`) {
		t.Errorf("with ignored columns: %s %v", got, err)
	}
}

func TestParquetRefuses(t *testing.T) {
	type inner struct{ X, Y int32 }
	type nested struct {
		V []float32 `parquet:"v,list"`
		S inner     `parquet:"s"`
	}
	type plain struct {
		A int32 `parquet:"a"`
	}
	type vec struct {
		V []float32 `parquet:"v,list"`
	}
	dir := t.TempDir()
	f := func(write func(path string) error, o Options, want string) {
		t.Helper()
		path := filepath.Join(dir, "a.parquet")
		if err := write(path); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, o)
		if err == nil {
			_, err = dumpReader(r)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(func(p string) error { return parquet.WriteFile(p, []nested{{V: []float32{1}}}) }, Options{},
		"column s: expected plain values, lists of plain values, or to be ignored, got the nested column s.X")
	f(func(p string) error { return parquet.WriteFile(p, []plain{{1}}) }, Options{},
		"vector column: expected a column that is a list of float")
	f(func(p string) error { return parquet.WriteFile(p, []vec{{[]float32{1}}}) },
		Options{IDColumn: "k"}, "id column: expected v, got k")
	f(func(p string) error { return parquet.WriteFile(p, []vec{{[]float32{1}}, {nil}}) }, Options{},
		"row 1: v: expected a list of numbers, got null or an empty list")
	f(func(p string) error { return parquet.WriteFile(p, []vec{{[]float32{1}}, {[]float32{1, 2}}}) },
		Options{}, "row 1: v: expected 1 components as in row 0, got 2")
	f(func(p string) error { return os.WriteFile(p, []byte("PAR1nonsense....PAR1"), 0o600) },
		Options{}, "header: file: expected a readable parquet file, got damage")
	f(func(p string) error { return os.WriteFile(p, gz([]byte("PAR1")), 0o600) },
		Options{}, "compression: expected the parquet file as it is")
}

// TestParquetDamage flips every byte of a file in turn: the rows are right or
// there is an error, never a panic.
func TestParquetDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeAll(t, path, sampleRows(3, 2))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x41
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		readToEnd(path)
	}
}

// readToEnd reads a file that may be damaged.
func readToEnd(path string) {
	r, err := Open(path, Options{})
	if err != nil {
		return
	}
	var row Row
	for r.Next(&row) == nil {
	}
	_ = r.Close()
}
