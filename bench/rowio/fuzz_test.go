package rowio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// checkRead reads data as format and checks what every reader promises: rows of
// one dimension, finite numbers, payloads that are JSON objects, an end.
func checkRead(t *testing.T, r Reader, err error) {
	t.Helper()
	if err != nil {
		return
	}
	defer func() { _ = r.Close() }()
	var row Row
	for n := 0; ; n++ {
		if err := r.Next(&row); err != nil {
			return
		}
		if len(row.Vector) != r.Dim() || r.Dim() < 1 {
			t.Fatalf("row %d has %d components, Dim %d", n, len(row.Vector), r.Dim())
		}
		for _, v := range row.Vector {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("row %d holds %v", n, v)
			}
		}
		if row.Payload != nil && !isObject(row.Payload) {
			t.Fatalf("row %d has the payload %q", n, row.Payload)
		}
	}
}

func fuzzFormat(f *testing.F, format Format, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
		f.Add(gz([]byte(s)))
		f.Add(zst(f, []byte(s)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader("f", bytes.NewReader(data), Options{Format: format})
		checkRead(t, r, err)
	})
}

func FuzzFVecs(f *testing.F) { fuzzFormat(f, FVecs, twoFVecs, twoFVecs[:17], "\xff\xff\xff\x7f") }

func FuzzBVecs(f *testing.F) { fuzzFormat(f, BVecs, twoBVecs, twoBVecs[:5]) }

func FuzzIVecs(f *testing.F) { fuzzFormat(f, IVecs, twoFVecs) }

func FuzzFBin(f *testing.F) {
	fuzzFormat(f, FBin, twoFBin, twoFBin[:17], "\xff\xff\xff\xff\x01\x00\x00\x00")
}

func FuzzU8Bin(f *testing.F) { fuzzFormat(f, U8Bin, binHead+"abcd", binHead+"abcde") }

func FuzzI8Bin(f *testing.F) { fuzzFormat(f, I8Bin, binHead+"abcd") }

func FuzzIBin(f *testing.F) { fuzzFormat(f, IBin, twoIBin, twoIBin[:20]) }

func FuzzNPY(f *testing.F) {
	fuzzFormat(f, NPY, string(npyFile(fmt.Sprintf(npyHead, "<f2"), "abcdefgh")),
		string(npyFile(fmt.Sprintf(npyHead, ">f8"), "abcdefghabcdefghabcdefghabcdefgh")),
		npyMagic+"\x03\x00\x10\x00\x00\x00")
}

func FuzzJSONL(f *testing.F) {
	fuzzFormat(f, JSONL, `{"id":"x","vector":[1,2.5],"payload":{"a":1}}`,
		"{\"data\":[1]}\n\n{\"embedding\":[-1e3],\"x\":null}", "\ufeff{\"vector\":[1],}")
}

func FuzzCSV(f *testing.F) {
	fuzzFormat(f, CSV, "id,v0,v1,n\n1,2,3,x\n", "vector,p\n\"[1,2]\",\"{\"\"a\"\":1}\"\n",
		"vector,payload\n[1],{}\n")
}

func FuzzParquet(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.parquet")
	w, err := Create(path, "")
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range sampleRows(3, 2) {
		if err := w.Write(&row); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f.parquet")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, Options{Format: Parquet})
		checkRead(t, r, err)
	})
}

// FuzzFloats compares our array parser with the standard library's.
func FuzzFloats(f *testing.F) {
	for _, s := range []string{"[1, -2.5e3]", "[]", "[1,]", "[01]", "[1e39]", "[.5]", "[1.]", "[-]",
		" [ 0 ] ", "[1] x", "[0x1]", "[1_0]", "[NaN]", "[\"1\"]", "[null]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := place{file: "f"}.parseFloats(nil, text, "v")
		var want []*float32
		wantErr := json.Unmarshal(text, &want)
		for _, v := range want {
			if v == nil && wantErr == nil {
				wantErr = fmt.Errorf("null")
			}
		}
		if wantErr == nil && (want == nil || !utf8.Valid(text)) {
			wantErr = fmt.Errorf("null")
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: we say %v, encoding/json says %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		for i, v := range got {
			if v != *want[i] {
				t.Fatalf("%q: component %d is %v, want %v", text, i, v, *want[i])
			}
		}
	})
}
