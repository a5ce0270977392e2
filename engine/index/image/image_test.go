package image

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
)

// sample writes sections of these lengths, named a, b, c …
func sample(tb testing.TB, lengths ...int) ([]byte, [][]byte) {
	tb.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out)
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var parts [][]byte
	for i, n := range lengths {
		data := make([]byte, n)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		parts = append(parts, data)
		err := w.Section(string(rune('a'+i)), func(w io.Writer) error {
			for rest := data; len(rest) > 0; { // in uneven pieces
				k := min(len(rest), 1+r.IntN(300000))
				if _, err := w.Write(rest[:k]); err != nil {
					return err
				}
				rest = rest[k:]
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	n, err := w.Finish()
	if err != nil || n != int64(out.Len()) {
		tb.Fatal(n, out.Len(), err)
	}
	return out.Bytes(), parts
}

func open(b []byte) (*Reader, error) { return NewReader(bytes.NewReader(b), int64(len(b))) }

func TestRoundTrip(t *testing.T) {
	file, parts := sample(t, 0, 1, 4096, 5000, 3*ChunkBytes, 9*ChunkBytes+17)
	r, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); err != nil {
		t.Fatal(err)
	}
	for i, want := range parts {
		name := string(rune('a' + i))
		got, err := r.ReadAll(name, 1<<30)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("section %s: %v, %d bytes of %d", name, err, len(got), len(want))
		}
		s, _ := r.Section(name)
		if s.Off%PageBytes != 0 {
			t.Fatalf("section %s starts at %d", name, s.Off)
		}
		if err := s.Check(want); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadAll("f", 100); !errors.Is(err, index.ErrCorrupt) {
		t.Fatalf("over the limit: %v", err)
	}
	if _, err := r.ReadAll("none", 100); !errors.Is(err, index.ErrCorrupt) {
		t.Fatalf("a section that is not there: %v", err)
	}
	if _, ok := r.File(); ok {
		t.Fatal("memory is not a file")
	}
}

// Every byte that is changed, and every length, is noticed, but for the zero
// padding behind sections.
func TestDamageIsNoticed(t *testing.T) {
	file, parts := sample(t, 100, 5000)
	inPadding := func(i int) bool {
		return i >= headBytes && i < PageBytes ||
			i >= PageBytes+len(parts[0]) && i < 2*PageBytes ||
			i >= 2*PageBytes+len(parts[1]) && i < 4*PageBytes
	}
	check := func(b []byte) error {
		r, err := open(b)
		if err != nil {
			return err
		}
		return r.Verify()
	}
	for i := 0; i < len(file); i += 1 + i/headBytes%7 {
		bad := bytes.Clone(file)
		bad[i] ^= 0x40
		err := check(bad)
		if inPadding(i) != (err == nil) || err != nil && !errors.Is(err, index.ErrCorrupt) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for n := 0; n < len(file); n += 97 {
		if err := check(file[:n]); !errors.Is(err, index.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if err := check(append(bytes.Clone(file), 0)); !errors.Is(err, index.ErrCorrupt) {
		t.Fatalf("one byte more: %v", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	file, _ := sample(t, 10)
	file[12] = version + 1 // oldest reader
	head := file[:headBytes-4]
	sum := Checksum(head)
	copy(file[headBytes-4:], []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})
	if _, err := open(file); !errors.Is(err, index.ErrCorrupt) {
		t.Fatal(err)
	}
}

// failAfter fails once n bytes were written.
type failAfter struct{ n int }

var errDisk = errors.New("disk full")

func (f *failAfter) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func TestWriteErrorsComeBack(t *testing.T) {
	for n := 0; n <= 3*PageBytes; n += 1000 {
		w, err := NewWriter(&failAfter{n})
		if err == nil {
			err = w.Section("x", func(w io.Writer) error {
				_, err := w.Write(make([]byte, 2*PageBytes))
				return err
			})
		}
		if err == nil {
			_, err = w.Finish()
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

func TestFile(t *testing.T) {
	data, parts := sample(t, 7000)
	path := filepath.Join(t.TempDir(), "i")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := NewReader(f, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.File(); !ok || got != f {
		t.Fatal("the file is not given out")
	}
	if b, err := r.ReadAll("a", 1<<20); err != nil || !bytes.Equal(b, parts[0]) {
		t.Fatal(err)
	}
	if _, err := NewReader(f, int64(len(data))+5000); !errors.Is(err, index.ErrCorrupt) {
		t.Fatalf("a size beyond the end: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	file, _ := sample(f, 0, 100, 5000)
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(encodeHead())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := open(b)
		if err == nil {
			err = r.Verify()
		}
		if err != nil && !errors.Is(err, index.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	file, _ := sample(b, 64<<20)
	r, err := open(file)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if err := r.Verify(); err != nil {
			b.Fatal(err)
		}
	}
}
