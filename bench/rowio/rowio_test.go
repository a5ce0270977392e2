package rowio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// dump reads all rows of data as one line each: "id|vector|payload".
func dump(name string, data []byte, o Options) (string, error) {
	r, err := NewReader(name, bytes.NewReader(data), o)
	if err != nil {
		return "", err
	}
	return dumpReader(r)
}

func dumpReader(r Reader) (string, error) {
	var out strings.Builder
	var row Row
	for {
		err := r.Next(&row)
		if err == io.EOF {
			return out.String(), r.Close()
		}
		if err != nil {
			again := r.Next(&row)
			if again == nil || again == io.EOF {
				return "", fmt.Errorf("after the failure %w, Next returned %v", err, again)
			}
			return out.String(), errors.Join(err, r.Close())
		}
		if len(row.Vector) != r.Dim() {
			return "", fmt.Errorf("a row of %d components, Dim %d", len(row.Vector), r.Dim())
		}
		fmt.Fprintf(&out, "%s|%v|%s\n", row.ID, row.Vector, row.Payload)
	}
}

func gz(data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(data)
	_ = w.Close()
	return buf.Bytes()
}

func zst(t testing.TB, data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll(data, nil)
}

// npyFile makes a version 1 file.
func npyFile(header string, data string) []byte {
	h := []byte(npyMagic + "\x01\x00")
	h = append(h, byte(len(header)), byte(len(header)>>8))
	return append(append(h, header...), data...)
}

const (
	twoFVecs = "\x02\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\xc0" +
		"\x02\x00\x00\x00\x00\x00\x00\x3f\x00\x00\x80\x40"
	twoBVecs = "\x02\x00\x00\x00\x01\xff\x02\x00\x00\x00\x03\x04"
	binHead  = "\x02\x00\x00\x00\x02\x00\x00\x00"
	twoFBin  = binHead + "\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x00\x3f\x00\x00\x80\x40"
	// Two rows of two neighbours, and the distances behind them.
	twoIBin = binHead + "\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x02\x00\x00\x00" +
		"\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x80\x3f\x00\x00\x00\x40"
	npyHead = "{'descr': '%s', 'fortran_order': False, 'shape': (2, 2), }"
)

func TestRead(t *testing.T) {
	f := func(name, data, want string) {
		t.Helper()
		for kind, content := range map[string][]byte{
			"plain": []byte(data), "gzip": gz([]byte(data)), "zstd": zst(t, []byte(data)),
		} {
			got, err := dump(name, content, Options{})
			if err != nil || got != want {
				t.Errorf("%s %s: got %q, %v; want %q", name, kind, got, err, want)
			}
		}
	}
	f("a.fvecs", twoFVecs, "|[1 -2]|\n|[0.5 4]|\n")
	f("a.fvecs", "", "")
	f("a.bvecs.gz", twoBVecs, "|[1 255]|\n|[3 4]|\n")
	f("a.fbin", twoFBin, "|[1 -2]|\n|[0.5 4]|\n")
	f("a.u8bin", binHead+"\x01\xff\x03\x04", "|[1 255]|\n|[3 4]|\n")
	f("a.i8bin", binHead+"\x01\xff\x80\x04", "|[1 -1]|\n|[-128 4]|\n")
	f("a.ibin", twoIBin, "|[1 0]|\n|[-1 2]|\n")
	f("a.ivecs", "\x01\x00\x00\x00\xff\xff\xff\xff", "|[-1]|\n")
	f("a.npy", string(npyFile(fmt.Sprintf(npyHead, "|u1"), "\x01\x02\x03\x04")),
		"|[1 2]|\n|[3 4]|\n")
	f("unnamed", string(npyFile(fmt.Sprintf(npyHead, "|i1"), "\xff\x02\x03\x80")),
		"|[-1 2]|\n|[3 -128]|\n")
	f("a.npy", string(npyFile(fmt.Sprintf(npyHead, "<f2"), "\x00\x3c\x00\xc0\x01\x00\xff\x7b")),
		"|[1 -2]|\n|[5.9604645e-08 65504]|\n")
	f("a.npy", string(npyFile(fmt.Sprintf(npyHead, ">f4"),
		"\x3f\x80\x00\x00\xc0\x00\x00\x00\x3f\x00\x00\x00\x40\x80\x00\x00")),
		"|[1 -2]|\n|[0.5 4]|\n")
	f("a.npy", string(npyFile(strings.Replace(fmt.Sprintf(npyHead, "<f8"), "2, 2", "1, 1", 1),
		"\x00\x00\x00\x00\x00\x00\xf8\x3f")), "|[1.5]|\n")
	f("a.jsonl", `{"id":"x","vector":[1,2.5],"payload":{"a":1}}`+"\n\n"+
		` {"_id":7,"embedding":[ 3 , -4e-1 ],"metadata":{"b":[true]}}`,
		`x|[1 2.5]|{"a":1}`+"\n"+`7|[3 -0.4]|{"b":[true]}`+"\n")
	f("a.ndjson", "\ufeff"+`{"data":[1],"z":"q","a":1.50}`+"\r\n"+`{"data":[2],"payload":null}`,
		`|[1]|{"a":1.50,"z":"q"}`+"\n|[2]|\n")
	f("sniffed", `{"vector":[1]}`, "|[1]|\n")
	f("a.csv", "id,name,vector,n\n1,\"a \"\"b\"\"\",\"[1, 2]\",5\nx,,\"[3,4]\",007\n",
		`1|[1 2]|{"name":"a \"b\"","n":5}`+"\n"+`x|[3 4]|{"n":"007"}`+"\n")
	f("a.csv", "\ufeffv1,v0,tags,ok\r\n2,1,\"[\"\"a\"\"]\",true\r\n4, 3,{,TRUE\r\n",
		`|[1 2]|{"tags":["a"],"ok":true}`+"\n"+`|[3 4]|{"tags":"{","ok":"TRUE"}`+"\n")
	f("a.csv", "vector\n", "")
}

func TestReadRefuses(t *testing.T) {
	f := func(name, data, want string) {
		t.Helper()
		_, err := dump(name, []byte(data), Options{})
		var e *errs.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
			return
		}
		if strings.Contains(want, ": row ") && e.Details["row"] == nil {
			t.Errorf("%s: no row in %v", name, e.Details)
		}
	}
	inf := twoFVecs[:12] + "\x02\x00\x00\x00\x00\x00\x80\x7f\x00\x00\x80\x40"
	f("a.fvecs", twoFVecs[:23], "a.fvecs: row 1: data: expected more bytes, got the end of the file")
	f("a.fvecs", twoFVecs[:14], "a.fvecs: row 1: data: expected more bytes")
	f("a.fvecs", twoFVecs[:2], "a.fvecs: row 0: data: expected more bytes")
	f("a.fbin", twoFBin[:23], "a.fbin: row 1: data: expected more bytes, got the end of the file")
	f("a.fbin", twoFBin+"x", "a.fbin: row 2: data: expected the end of the file after 2 rows, got more bytes")
	f("a.fbin", binHead[:7], "a.fbin: header: data: expected more bytes")
	f("a.u8bin", "\x02\x00\x00\x00\xff\xff\xff\xff", "a.u8bin: header: dimension: expected 1 to 65536")
	f("a.fbin", binHead+"\x00\x00\xc0\x7f\x00\x00\x00\x00", "a.fbin: row 0: vector[0]: expected a finite")
	f("a.hdf5", "\x89HDF", "a.hdf5: header: format: expected a file on disk for hdf5, got a stream")
	f("a.fvecs", inf, "a.fvecs: row 1: vector[0]: expected a finite float32, got +Inf")
	f("a.fvecs", "\xff\xff\xff\xff", "row 0: dimension: expected 1 to 65536, got -1")
	f("a.fvecs", "\x00\x00\x01\x01", "row 0: dimension: expected 1 to 65536")
	f("a.bvecs", twoBVecs[:6]+"\x03\x00\x00\x00abc", "row 1: dimension: expected 2 as in row 0, got 3")
	f("a.fvecs.gz", string(gz([]byte(twoFVecs))[:20]), "row 0: data: expected more bytes")
	f("a.fvecs.gz", "\x1f\x8b\x08\x00\x00", "header: data: expected more bytes")
	f("a.fvecs.zst", string(zst(t, []byte(twoFVecs))[:20]), "a.fvecs.zst: row 0: data")
	f("a.npy", "\x93NUMPX\x01\x00\x00\x00\x00\x00", "header: magic")
	f("a.npy", npyMagic+"\x04\x00\x00\x00\x00\x00", "header: version: expected 1, 2 or 3, got 4")
	f("a.npy", npyMagic+"\x02\x00\xff\xff\xff\xff", "header: header length")
	f("a.npy", string(npyFile("{}", "")), "header: header: expected a dictionary")
	f("a.npy", string(npyFile(fmt.Sprintf(npyHead, "<i8"), "")), `descr: expected f4, f8, f2, u1 or i1, got "<i8"`)
	f("a.npy", string(npyFile(strings.Replace(fmt.Sprintf(npyHead, "<f4"), "False", "True", 1), "")),
		"fortran_order: expected False")
	f("a.npy", string(npyFile(strings.Replace(fmt.Sprintf(npyHead, "<f4"), "2, 2", "2,", 1), "")),
		"shape: expected (rows, components), got (2,)")
	f("a.npy", string(npyFile(fmt.Sprintf(npyHead, "|u1"), "\x01\x02\x03")), "row 1: data")
	f("a.npy", string(npyFile(fmt.Sprintf(npyHead, "|u1"), "\x01\x02\x03\x04\x05")),
		"row 2: data: expected the end of the file, got more bytes")
	f("a.npy", string(npyFile(strings.Replace(fmt.Sprintf(npyHead, "<f8"), "2, 2", "1, 1", 1),
		"\x00\x00\x00\x00\x00\x00\xf8\x7f")), "vector[0]: expected a finite float32, got NaN")
	f("a.jsonl", "{\"vector\":[1]}\n{\"vector\":[1]", "row 1: line 2: expected a JSON object")
	f("a.jsonl", "[1]", "row 0: line 1: expected a JSON object")
	f("a.jsonl", `{"id":"a"}`, "row 0: vector: expected one of the keys")
	f("a.jsonl", `{"vector":[1,"2"]}`, `row 0: vector[1]: expected a number, got "\"2\"]`)
	f("a.jsonl", `{"vector":[1,1e39]}`, "row 0: vector[1]: expected a number within float32's range")
	f("a.jsonl", `{"vector":[]}`, "row 0: dimension: expected 1 to 65536, got 0")
	f("a.jsonl", `{"vector":[[1]]}`, "row 0: vector[0]: expected a number")
	f("a.jsonl", `{"vector":{"a":1}}`, "row 0: vector: expected a JSON array of numbers")
	f("a.jsonl", "{\"vector\":[1]}\n{\"vector\":[1,2]}", "row 1: vector: expected 1 components as in row 0, got 2")
	f("a.jsonl", `{"vector":[1],"id":1.5}`, "row 0: id: expected text or a whole number")
	f("a.jsonl", `{"vector":[1],"id":""}`, "row 0: id: expected an id")
	f("a.jsonl", `{"vector":[1],"payload":[1]}`, "row 0: payload: expected a JSON object")
	f("a.jsonl", `{"vector":[1],"payload":{},"x":1}`, "row 0: x: expected no key beside")
	f("a.csv", "", "header: data: expected more bytes")
	f("a.csv", "id,name\n", "header: vector column: expected a column vector")
	f("a.csv", "id,v0,v2\n", "header: vector column")
	f("a.csv", "id,id,v0\n", `column: expected names that differ, got "id" twice`)
	f("a.csv", "id,v0\n1,x\n", `row 0: v0: expected a number, got "x"`)
	f("a.csv", "id,v0\n1,1\n2\n", "row 1: line 3, column 1: expected 2 well-formed cells")
	f("a.csv", "id,v0\n1,1\n2,NaN\n", `row 1: v0: expected a number, got "NaN"`)
	f("a.csv", "id,vector\n1,[1]\n2,\"[1,2]\"\n", "row 1: vector: expected 1 components")
	f("a.bin", "\x00\x01", "header: format: expected one of fvecs")
}

func TestOptions(t *testing.T) {
	f := func(name, data string, o Options, want string) {
		t.Helper()
		got, err := dump(name, []byte(data), o)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("x.txt", "id,key,e1,e2\n1,k,5,6\n", Options{Format: CSV, IDColumn: "key", VectorPrefix: "e"},
		`k|[5 6]|{"id":1}`)
	f("x.csv", "a,b\n1,[2]\n", Options{VectorColumn: "b"}, `|[2]|{"a":1}`)
	f("x.csv", "a,b\n1,[2]\n", Options{VectorColumn: "c"}, "vector column: expected a, b, got c")
	f("x.csv", "a,v0\n1,[2]\n", Options{IDColumn: "c"}, "id column: expected a, v0, got c")
	f("x.jsonl", `{"k":"1","e":[2],"id":"z"}`, Options{IDColumn: "k", VectorColumn: "e"}, `1|[2]|{"id":"z"}`)
	f("x.jsonl", `{}`, Options{Format: "xml"}, "Invalid format: expected one of")
}

func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rows.fvecs.gz")
	if err := os.WriteFile(path, gz([]byte(twoFVecs)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Skip(r, 1); err != nil {
		t.Fatal(err)
	}
	got, err := dumpReader(r)
	if err != nil || got != "|[0.5 4]|\n" {
		t.Errorf("after Skip: %q, %v", got, err)
	}
	if done, total := r.Progress(); done != total || total == 0 {
		t.Errorf("progress %d of %d at the end", done, total)
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a directory was opened")
	}
	if _, err := Open(filepath.Join(dir, "none.npy"), Options{}); !os.IsNotExist(err) {
		t.Errorf("a missing file gives %v", err)
	}
	r, err = Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := Skip(r, 3); err != io.ErrUnexpectedEOF {
		t.Errorf("skipping past the end gives %v", err)
	}
}

func TestHalf(t *testing.T) {
	f := func(h uint16, want float64) {
		t.Helper()
		if got := float64(halfToFloat(h)); got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("%#x: got %v, want %v", h, got, want)
		}
	}
	f(0x0000, 0)
	f(0x8000, math.Copysign(0, -1))
	f(0x0001, 0x1p-24)
	f(0x83ff, -1023*0x1p-24)
	f(0x0400, 0x1p-14)
	f(0x3555, 0.333251953125)
	f(0x7bff, 65504)
	f(0x7c00, math.Inf(1))
	f(0xfc00, math.Inf(-1))
	if !math.IsNaN(float64(halfToFloat(0x7e00))) {
		t.Error("NaN is lost")
	}
}

func TestReadAllocs(t *testing.T) {
	data := bytes.Repeat([]byte(twoFVecs), 300)
	r, err := NewReader("a.fvecs", bytes.NewReader(data), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var row Row
	if n := testing.AllocsPerRun(100, func() {
		if err := r.Next(&row); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}

// TestReadHDF5 reads a table of a real file, by name and by content, as import does.
func TestReadHDF5(t *testing.T) {
	file := filepath.Join("..", "hdf5", "testdata", "gzip-shuffle-v2.hdf5")
	unnamed := filepath.Join(t.TempDir(), "unnamed")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(unnamed, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(path, table string, rows int, first string) {
		t.Helper()
		r, err := Open(path, Options{VectorColumn: table})
		if err != nil {
			t.Fatal(err)
		}
		text, err := dumpReader(r)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if done, total := r.Progress(); err != nil || len(lines) != rows || lines[0] != first || done != total {
			t.Errorf("%s %s: %d rows, the first %s, %d of %d, %v", path, table, len(lines), lines[0], done, total, err)
		}
	}
	f(file, "", 40, "|[0.001 0.299 -0.274 -0.891 -0.455 -0.992]|")
	f(unnamed, "test", 5, "|[-0.46 0.743 -0.082 0.081 -0.291 1.155]|")
	refused := func(path, table, want string) {
		t.Helper()
		if _, err := Open(path, Options{VectorColumn: table}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused(file, "x", "table: expected one of [distances neighbors test train], got x")
	refused(filepath.Join("..", "hdf5", "testdata", "types.hdf5"), "", "table: expected the name of one")
	packed := filepath.Join(t.TempDir(), "a.h5")
	if err := os.WriteFile(packed, gz(data), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(packed, "", "compression: expected the hdf5 file as it is")
}
